// The commands of docs/operating.md, run as they stand there.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { CTL, ctl } from '../lib/ctl.mjs';
import { STRONG, settingsOf } from '../lib/doctor.mjs';
import { ROOT, Stack } from '../lib/stack.mjs';

const text = fs.readFileSync(`${ROOT}/docs/operating.md`, 'utf8');
const blocks = [...text.matchAll(/^```sh( stopped)?\n(.*?)^```$/gms)].map(([, stopped, lines]) => ({ stopped, lines }));

it('every command of docs/operating.md does what it says', async (test) => {
    const data = fs.mkdtempSync('/tmp/cubby-'), backups = fs.mkdtempSync('/tmp/cubby-backups-');
    const stack = await new Stack({ data, env: { CUBBY_JWT_SECRET: STRONG } }).start();
    test.after(async () => {
        await stack.stop();
        for (const dir of [data, backups]) fs.rmSync(dir, { recursive: true, force: true });
    });
    const env = {
        PATH: `${path.dirname(CTL)}:${process.env.PATH}`, CUBBY_DATA_DIR: data, ...settingsOf(stack),
        CUBBY_COLLECTIONS_DIR: `${ROOT}/fcgi-app/collections`,
    };
    assert.ok(blocks.length >= 5);
    for (const { stopped, lines } of blocks) {
        if (stopped) await stack.stop();
        const script = lines.replaceAll('/var/backups/cubby', backups)
            .replaceAll('http://127.0.0.1:8080', stack.origin);
        await promisify(execFile)('bash', ['-euc', script], { env, cwd: backups });
    }
});

it('the manual page has every command', async () => {
    const page = fs.readFileSync(`${ROOT}/docs/man/cubbyctl.1`, 'utf8');
    const help = (await ctl(null, ['--help'])).out;
    for (const [, name] of help.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm))
        assert.match(page, new RegExp(`^\\.It Cm ${name}\\b`, 'm'), name);
    const rendered = spawnSync('man', ['--warnings', '-l', `${ROOT}/docs/man/cubbyctl.1`], { encoding: 'utf8' });
    if (!rendered.error) assert.equal(rendered.stderr, '');
});
