// Backups: taken while others write, put in place, refused where that would lose something.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Admin } from '../lib/admin.mjs';
import { ctl, done, refused, start } from '../lib/ctl.mjs';
import { PASSWORD, User, assertFailure, request } from '../lib/http.mjs';
import { Stack, sleep } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const ADMIN = { CUBBY_ADMIN: 'on' };
const fileOf = (data, user) => `${data}/users/${user.id.slice(0, 2)}/${user.id}.db`;

function folder(test, name) {
    const made = fs.mkdtempSync(`/tmp/cubby-${name}-`);
    test.after(() => fs.rmSync(made, { recursive: true, force: true }));
    return made;
}

// Writes keys k0, k1, … one after the other until stopped; how many were acknowledged.
function writer(user) {
    const self = { written: 0, stopped: false };
    self.running = (async () => {
        while (!self.stopped) {
            await user.ok('POST', '/data', { key: `k${self.written}`, value: self.written });
            self.written++;
        }
    })();
    self.stop = () => ((self.stopped = true), self.running);
    return self;
}

async function signIn(stack, { email }) {
    const answer = await request(stack, 'POST', '/api/login', { body: { email, password: PASSWORD } });
    assert.equal(answer.status, 200, answer.text);
    return (key) => request(stack, 'GET', `/data?key=${key}`, {
        headers: { authorization: `Bearer ${answer.json.token}` },
    });
}

function sql(file, text) {
    const script = 'import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()';
    const run = spawnSync('python3', ['-c', script, file, text], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
}

describe('cubbyctl: backups of a running stack', () => {
    let stack, writers, users;
    before(async () => {
        stack = await new Stack({ env: ADMIN }).start();
        users = [await User.signUp(stack), await User.signUp(stack), await User.signUp(stack)];
        await users[2].ok('POST', '/data', { key: 'quiet', value: 'as it was' });
        writers = users.slice(0, 2).map(writer);
        await sleep(200);
    });
    after(async () => {
        await Promise.all(writers.map((one) => one.stop()));
        await stack.stop();
    });

    it('is whole, has what was acknowledged before it, and is restored elsewhere', async (test) => {
        const to = folder(test, 'backup'), data = `${folder(test, 'restored')}/data`;
        const before = writers.map((one) => one.written);
        const admin = await Admin.make(stack);
        await admin.signIn();
        const made = await done(stack, ['backup', to]);
        assert.equal(path.dirname(made.path), to);
        assert.equal((await done(stack, ['verify', to])).problems.length, 0);
        await done(data, ['restore', to]);
        const whole = await done(data, ['verify']);
        assert.deepEqual(whole.problems, []);
        const restored = await new Stack({ data, env: ADMIN }).start();
        try {
            admin.stack = restored;
            assertFailure(await admin.request('GET', 'overview'), 401);
            await admin.signIn(1);
            for (const i of [0, 1]) {
                const get = await signIn(restored, users[i]);
                for (let key = 0; key < before[i]; key++)
                    assert.equal((await get(`k${key}`)).json.data, key, `k${key}`);
            }
            assertFailure(await request(restored, 'GET', '/api/me', {
                headers: { authorization: `Bearer ${users[0].token}` },
            }), 401);
        } finally {
            await restored.stop();
        }
    });

    it('the next one links what did not change', async (test) => {
        const to = folder(test, 'backup');
        await sleep(2100); // younger changes are not trusted
        await done(stack, ['backup', to]);
        const next = await done(stack, ['backup', to]);
        assert.ok(next.linked >= 1, JSON.stringify(next));
        const quiet = fs.statSync(fileOf(next.path, users[2]));
        assert.equal(quiet.nlink, 2);
        assert.equal(fs.statSync(fileOf(next.path, users[0])).nlink, 1);
        assert.equal((await done(stack, ['backup', to, '--full'])).linked, 0);
        assert.deepEqual((await done(stack, ['verify', next.path])).problems, []);
    });

    it('one account is restored while the others write on; its readers begin anew', async (test) => {
        const to = folder(test, 'backup');
        const user = await User.signUp(stack);
        await user.ok('POST', '/data', { key: 'a', value: 'then' });
        const first = await done(stack, ['backup', to]);
        const { user: old } = await done(stack, ['user', 'show', user.id]);
        await user.ok('POST', '/data', { key: 'a', value: 'later' });
        const stream = await EventReader.open(stack, { headers: { authorization: `Bearer ${user.token}` } });
        const opened = await stream.next();
        await refused(stack, ['restore', first.path, '--user', user.email], /--force/);
        const restored = await done(stack, ['restore', first.path, '--user', user.email, '--force']);
        assert.ok(fs.existsSync(`${restored.kept}/${user.id}.db`));
        await stream.end();
        assertFailure(await user.bearer('GET', '/data?key=a'), 401);
        const get = await signIn(stack, user);
        assert.equal((await get('a')).json.data, 'then');
        const { user: now } = await done(stack, ['user', 'show', user.id]);
        assert.notEqual(now.epoch, old.epoch);
        const { token } = await done(stack, ['user', 'impersonate', user.id]);
        const back = await EventReader.open(stack, {
            headers: { authorization: `Bearer ${token}`, 'last-event-id': `${old.epoch}.1` },
        });
        assert.ok(await back.next((event) => event.name === 'realtime:resync'));
        assert.ok(opened);
        back.close();
    });

    it('an account that was deleted comes back, unless its address is taken', async (test) => {
        const to = folder(test, 'backup');
        const user = await User.signUp(stack);
        await user.ok('POST', '/data', { key: 'a', value: 1 });
        await done(stack, ['backup', to]);
        await done(stack, ['user', 'delete', user.id, '--yes']);
        await done(stack, ['restore', to, '--user', user.email]);
        assert.equal((await (await signIn(stack, user))('a')).json.data, 1);
        await done(stack, ['user', 'delete', user.id, '--yes']);
        await User.signUp(stack, user.email);
        await refused(stack, ['restore', to, '--user', user.email], /another account has this address/);
        await refused(stack, ['restore', to, '--user', 'nobody@example.org'], /no such account/);
    });

    it('all of it is not restored under a stack that runs', async (test) => {
        const to = folder(test, 'backup');
        await done(stack, ['backup', to]);
        await refused(stack, ['restore', to, '--force'], /in use: stop Cubby first/);
        assert.deepEqual((await done(stack, ['verify'])).problems, []);
    });
});

describe('cubbyctl: what is wrong is refused, and nothing is overwritten', () => {
    let stack, user, backups, data;
    before(async () => {
        stack = await new Stack({ data: fs.mkdtempSync('/tmp/cubby-'), pushd: null }).start();
        data = stack.data;
        user = await User.signUp(stack);
        await user.ok('POST', '/data', { key: 'a', value: 1 });
        await user.ok('POST', '/api/todos', { title: 'one' });
        await stack.stop();
        backups = fs.mkdtempSync('/tmp/cubby-backups-');
        await done(data, ['backup', backups]);
    });
    after(() => [data, backups].forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

    // A copy of a folder that a test may spoil.
    function copy(test, from) {
        const to = `${folder(test, 'copy')}/x`;
        fs.cpSync(from, to, { recursive: true, preserveTimestamps: true,
            filter: (name) => !name.includes('.sock') && !/\/run(\/|$)/.test(name) });
        return to;
    }
    const newest = () => path.join(backups, fs.readdirSync(backups).at(-1));

    it('existing data, without --force; with it, what was there is kept', async (test) => {
        const there = copy(test, data);
        await refused(there, ['restore', backups], /there is data already: --force/);
        assert.ok(fs.existsSync(fileOf(there, user)));
        const restored = await done(there, ['restore', backups, '--force']);
        assert.ok(fs.existsSync(`${restored.kept}/main.db`));
        assert.deepEqual((await done(there, ['verify'])).problems, []);
    });

    it('a half-written backup', async (test) => {
        const all = copy(test, backups), one = path.join(all, fs.readdirSync(all)[0]);
        const partial = `${one}.partial`;
        fs.renameSync(one, partial);
        const into = folder(test, 'into');
        await refused(into, ['restore', partial], /cut short/);
        await refused(into, ['restore', all], /no finished backup/);
        fs.renameSync(partial, one);
        const list = fs.readFileSync(`${one}/MANIFEST`, 'utf8');
        fs.writeFileSync(`${one}/MANIFEST`, list.slice(0, -20));
        await refused(into, ['restore', one], /MANIFEST is not whole/);
        fs.rmSync(`${one}/MANIFEST`);
        await refused(into, ['restore', one], /no finished backup/);
        assert.deepEqual(fs.readdirSync(into), []);
    });

    it('a backup with a changed or missing file', async (test) => {
        const one = copy(test, newest()), into = folder(test, 'into');
        fs.appendFileSync(fileOf(one, user), 'x');
        await refused(into, ['restore', one], new RegExp(`${user.id}.db: it is not what was backed up`));
        assert.equal((await ctl(data, ['verify', one])).code, 1);
        fs.rmSync(fileOf(one, user));
        await refused(into, ['restore', one], new RegExp(`${user.id}.db: it is missing`));
        assert.ok(!fs.existsSync(`${into}/main.db`));
        assert.ok(!fs.existsSync(`${into}/restoring.new`));
    });

    it('files that a newer program wrote', async (test) => {
        const newer = copy(test, data), to = folder(test, 'backup'), into = folder(test, 'into');
        sql(fileOf(newer, user), 'PRAGMA user_version = 99');
        await done(newer, ['backup', to]);
        await refused(into, ['restore', to], /newer version of this program/);
        const wrong = await ctl(newer, ['verify']);
        assert.equal(wrong.code, 1);
        assert.match(wrong.out, /newer version/);
        sql(`${newer}/main.db`, 'PRAGMA user_version = 99');
        await refused(newer, ['stats'], /newer version/);
    });

    it('a restore that was cut short keeps the programs from starting, until it is done again', async (test) => {
        const there = copy(test, data);
        fs.mkdirSync(`${there}/restoring`);
        await refused(there, ['stats'], /cut short.*--force/);
        await refused(there, ['backup', folder(test, 'backup')], /cut short/);
        await done(there, ['restore', backups, '--force']);
        await done(there, ['stats']);
    });

    it('kill -9 in the middle of a backup or a restore leaves what can be told from a whole one', async (test) => {
        const there = copy(test, data), to = folder(test, 'backup');
        const killed = async (words, ms) => {
            const child = start(there, words);
            const ended = new Promise((resolve) => child.on('exit', resolve));
            await sleep(ms);
            child.kill('SIGKILL');
            await ended;
        };
        for (const ms of [4, 8, 12, 16, 24, 40]) await killed(['backup', to, '--full'], ms);
        await done(there, ['backup', to]);
        for (const name of fs.readdirSync(to).filter((one) => !one.endsWith('.partial')))
            assert.deepEqual((await done(there, ['verify', `${to}/${name}`])).problems, [], name);
        for (const ms of [4, 8, 12, 16, 24, 40]) {
            await killed(['restore', to, '--force'], ms);
            const state = await ctl(there, ['stats']);
            if (state.code) assert.match(state.err, /cut short/);
            else assert.deepEqual((await done(there, ['verify'])).problems, []);
        }
        await done(there, ['restore', to, '--force']);
        assert.deepEqual((await done(there, ['verify'])).problems, []);
    });

    it('folders that cannot be written to or are not there', async (test) => {
        await refused(data, ['backup', '/proc/nothing'], /\/proc\/nothing/);
        await refused(folder(test, 'empty'), ['backup', backups], /no data folder/);
        await refused(data, ['restore', '/nonexistent'], /\/nonexistent/);
        await refused(data, ['restore', backups, '--at', 'yesterday'], /not a time/);
        await refused(folder(test, 'into'), ['restore', backups, '--at', '2020-01-01T00:00:00.000Z'], /of that time/);
    });

    it('verify finds what is damaged, missing, left over, and not what the log says', async (test) => {
        const problems = async (spoil) => {
            const there = copy(test, data);
            spoil(there, fileOf(there, user));
            const result = await ctl(there, ['verify', '--json']);
            assert.equal(result.code, 1, result.out);
            return result.json.problems.map(({ problem }) => problem).join('\n');
        };
        assert.deepEqual((await done(data, ['verify'])).problems, []);
        assert.match(await problems((_, file) => fs.rmSync(file)), /missing/);
        assert.match(await problems((_, file) => sql(file, 'DELETE FROM change WHERE seq = 1; INSERT INTO '
            + "change SELECT seq + 5, at, bytes, name, data FROM change WHERE seq = 2")), /only \d+ are there/);
        assert.match(await problems((_, file) => sql(file, "DELETE FROM kv WHERE key = 'a'")), /keys are not what/);
        assert.match(await problems((_, file) => sql(file, 'DELETE FROM c_todos')), /rows of todos are not/);
        assert.match(await problems((_, file) => sql(file, "UPDATE change SET data = data || ' '")),
            /not what was written/);
        assert.match(await problems((_, file) => fs.writeFileSync(file, 'x'.repeat(8192))),
            /cannot be opened|not a database/);
        assert.match(await problems((dir) => {
            const id = '0123456789abcdef0123456789abcdef', stray = `${dir}/users/01/${id}.db`;
            fs.mkdirSync(path.dirname(stray), { recursive: true });
            fs.copyFileSync(fileOf(dir, user), stray);
            fs.utimesSync(stray, 1, 1);
        }), /no account or organization/);
    });
});
