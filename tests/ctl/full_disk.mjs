// A disk that is full in the middle of a backup, a restore, an export, an import: said with the file
// and what to do; what was there stays as it was, and nothing is left that looks whole.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { done, refused } from '../lib/ctl.mjs';
import { User } from '../lib/http.mjs';
import { ROOT, Stack } from '../lib/stack.mjs';

const FULL = /full: make room, and try again/;

describe('cubbyctl on a full disk', () => {
    const folder = fs.mkdtempSync('/tmp/cubby-full-');
    const [library, flag, data, backups] = ['nospace.so', 'full', 'data', 'backups'].map((name) => `${folder}/${name}`);
    let ann;

    // Files whose path has `of` in it take no more than `room` bytes.
    const full = (of, room = 0) => ({
        env: {
            LD_PRELOAD: library, ASAN_OPTIONS: 'verify_asan_link_order=0', CUBBY_TEST_FULL: flag,
            CUBBY_TEST_FULL_OF: of, CUBBY_TEST_FULL_AFTER: String(room),
        },
    });
    const left = (start, path = folder) => fs.readdirSync(path).filter((name) => name.startsWith(start));
    const verified = async (...which) => assert.deepEqual((await done(data, ['verify', ...which])).problems, []);

    before(async () => {
        execFileSync('cc', ['-shared', '-fPIC', '-D_GNU_SOURCE', `-I${ROOT}/lib`, '-o', library,
            `${ROOT}/tests/fault/nospace.c`]);
        fs.writeFileSync(flag, '');
        const stack = await new Stack({ data, pushd: null }).start();
        ann = await User.signUp(stack);
        await User.signUp(stack);
        await stack.stop();
        const rows = Array.from({ length: 1000 }, (_, i) => `row ${i},true`).join('\n');
        fs.writeFileSync(`${folder}/todos.csv`, `title,completed\n${rows}\n`);
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    it('imports as much as there is room for, and the rest when there is more', async () => {
        const words = ['import', ann.email, `${folder}/todos.csv`];
        const { err } = await refused(data, words, FULL, full('.db', 150000));
        assert.ok(err.includes(data), err);
        await verified();
        const result = await done(data, words);
        assert.equal(result.added + result.unchanged, 1000);
        await verified();
    });

    it('exports nothing rather than a part', async () => {
        for (const [name, room] of [['ann.json', 0], ['ann.json', 70000], ['ann', 70000]]) {
            const path = `${folder}/${name}`;
            const words = ['export', ann.email, path, '--format', name === 'ann' ? 'csv' : 'json'];
            await refused(data, words, FULL, full('.partial', room));
            assert.deepEqual(left('ann'), []);
        }
        fs.writeFileSync(`${folder}/ann.json`, 'as it was');
        await refused(data, ['export', ann.email, `${folder}/ann.json`, '--force'], FULL, full('.partial'));
        assert.equal(fs.readFileSync(`${folder}/ann.json`, 'utf8'), 'as it was');
        await refused(data, ['export', '--all', `${folder}/everyone`], FULL, full('.partial', 70000));
        assert.deepEqual(left('everyone'), []);
    });

    it('backs up nothing rather than a part', async () => {
        const first = (await done(data, ['backup', backups])).path;
        for (const [of, room] of [['.partial', 0], ['.partial', 100000], ['MANIFEST', 0]]) {
            await refused(data, ['backup', backups, '--full'], FULL, full(of, room));
            assert.equal(left('', backups).length, 1);
        }
        await verified(backups);
        assert.equal((await done(data, ['restore', backups, '--force'])).from, first);
    });

    it('restores nothing rather than a part', async () => {
        const before = fs.readFileSync(`${data}/main.db`);
        for (const room of [0, 100000]) {
            const { err } = await refused(data, ['restore', backups, '--force'], FULL, full('/restoring.new', room));
            assert.match(err, /\.db: the disk of the data folder/);
            assert.deepEqual(left('restoring', data), []);
        }
        const user = ['restore', backups, '--user', ann.email, '--force'];
        await refused(data, user, FULL, full('/restoring.new'));
        assert.deepEqual(left('restoring', data), []);
        assert.deepEqual(fs.readFileSync(`${data}/main.db`), before);
        await verified();
    });
});
