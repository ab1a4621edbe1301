// No room, and damaged files: a clear answer to the one concerned, nobody else notices, nothing that
// was acknowledged is lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { PASSWORD, User, assertFailure, request } from '../lib/http.mjs';
import { ROOT, startStack, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const bearer = (user) => ({ authorization: `Bearer ${user.token}` });

describe('a quota', () => {
    it('is 507 for the one who used it up, who can still read, delete, and write again', async (t) => {
        const stack = await startStack(t, { env: { CUBBY_QUOTA_BYTES: '2000000' } });
        const [user, other] = [await User.signUp(stack), await User.signUp(stack)];
        const stream = await EventReader.open(stack, { headers: bearer(user) });
        await stream.next();
        const set = (key) => user.bearer('POST', '/data', { body: { key, value: 'x'.repeat(100000) } });
        let answer;
        let stored = 0;
        for (; stored < 60; stored++) {
            answer = await set(`k${stored}`);
            if (answer.status !== 200) break;
        }
        assertFailure(answer, 507, 'quota_exceeded');
        assert.ok(stored > 3, `${stored} values`);
        assert.equal((await user.ok('GET', '/data?key=k0')).data.length, 100000);
        assert.equal((await user.ok('GET', `/data?key=k${stored}`)).data, null);
        assert.equal((await other.bearer('POST', '/data', { body: { key: 'a', value: 1 } })).status, 200);
        await until(() => stream.events.length >= stored + 1, 'the events of what was stored');
        for (let i = 0; i < stored; i++) await user.ok('DELETE', `/data?key=k${i}`);
        await user.ok('POST', '/data', { key: 'small', value: 1 });
        const names = (await stream.rest(300), stream.events.slice(1).map((event) => event.name));
        assert.equal(names.filter((name) => name === 'kv:set').length, stored + 1, 'no event of a refused write');
        stream.close();
    });

    it('full to the last byte, the account can still be signed in to and emptied', async (t) => {
        const stack = await startStack(t, { env: { CUBBY_QUOTA_BYTES: '1000000' } });
        const user = await User.signUp(stack);
        const usage = async () => (await user.ok('GET', '/api/account/usage')).bytes;
        let count = 0;
        const set = async (key, size) => (await user.bearer('POST', '/data',
            { body: { key, value: 'x'.repeat(size) } })).status;
        for (const size of [100000, 10000, 1000, 100, 0]) {
            let status;
            while ((status = await set(`k${count}`, size)) === 200) count++;
            assert.equal(status, 507, `${size} bytes`);
        }
        const full = await usage();
        assert.ok(full > 990000 && full <= 1000000, `${full} bytes`);
        for (let i = 0; i < 120; i++) {
            const body = { email: user.email, password: PASSWORD };
            const answer = await request(stack, 'POST', '/api/login', { body });
            assert.equal(answer.status, 200, `sign-in ${i}: ${answer.text}`);
            user.token = answer.json.token;
        }
        assert.equal(await set('k0', 110000), 507, 'what is for sign-ins is not for values');
        while (count--) await user.ok('DELETE', `/data?key=k${count}`);
        assert.ok(await usage() < 700000, `${await usage()} bytes`);
        assert.equal(await set('again', 100000), 200);
    });
});

describe('a full disk', () => {
    const folder = fs.mkdtempSync('/tmp/cubby-full-');
    const [library, flag] = [`${folder}/nospace.so`, `${folder}/full`];
    const start = (t, env = {}) => startStack(t, {
        env: { CUBBY_TEST_FULL: flag, ...env },
        limits: `LD_PRELOAD=${library} ASAN_OPTIONS=verify_asan_link_order=0`,
    });
    const health = async (stack, path) => {
        const { status, json } = await request(stack, 'GET', path);
        assert.equal(json.ok, status === 200);
        return [status, json.code];
    };
    before(() => execFileSync('cc', ['-shared', '-fPIC', '-D_GNU_SOURCE', `-I${ROOT}/lib`, '-o', library,
        `${ROOT}/tests/fault/nospace.c`]));
    after(() => fs.rmSync(folder, { recursive: true }));

    it('is 507, changes nothing, and is over when there is room again', async (t) => {
        const stack = await start(t);
        const user = await User.signUp(stack);
        const stream = await EventReader.open(stack, { headers: bearer(user) });
        await stream.next();
        const set = (key) => user.bearer('POST', '/data', { body: { key, value: key } });
        for (let i = 0; i < 5; i++) assert.equal((await set(`before${i}`)).status, 200);
        fs.writeFileSync(flag, '');
        for (let i = 0; i < 5; i++) assertFailure(await set(`during${i}`), 507, 'storage_full');
        assertFailure(await user.bearer('POST', '/api/posts', { body: { title: 't', content: 'c' } }), 507);
        for (let i = 0; i < 5; i++) assert.equal((await user.ok('GET', `/data?key=before${i}`)).data, `before${i}`);
        assert.equal((await user.ok('GET', '/data?key=during0')).data, null);
        fs.rmSync(flag);
        for (let i = 0; i < 5; i++) assert.equal((await set(`after${i}`)).status, 200);
        const keys = Object.keys((await user.ok('GET', '/data?prefix=')).data).sort();
        assert.deepEqual(keys, ['after', 'before'].flatMap((name) => [0, 1, 2, 3, 4].map((i) => name + i)));
        await until(() => stream.events.length >= 11, 'ten events');
        const numbers = stream.events.slice(1).map((event) => Number(event.id.split('.').pop()));
        assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
        stream.close();
    });

    it('is seen by both health checks, before it is full, and is well again by itself', async (t) => {
        const stack = await start(t);
        for (const path of ['/healthz', '/push/healthz']) {
            assert.deepEqual(await health(stack, path), [200, undefined]);
            fs.writeFileSync(flag, '');
            assert.deepEqual(await health(stack, path), [503, 'storage_full']);
            fs.rmSync(flag);
            assert.deepEqual(await health(stack, path), [200, undefined]);
        }
    });

    it('is seen by the write that failed, where no room is asked for, until one succeeds', async (t) => {
        const stack = await start(t, { CUBBY_MIN_FREE_BYTES: '0' });
        const user = await User.signUp(stack);
        const set = async () => (await user.bearer('POST', '/data', { body: { key: 'k', value: 1 } })).status;
        fs.writeFileSync(flag, '');
        assert.deepEqual(await health(stack, '/healthz'), [200, undefined]);
        assert.equal(await set(), 507);
        assert.deepEqual(await health(stack, '/healthz'), [503, 'storage_full']);
        fs.rmSync(flag);
        assert.equal(await set(), 200);
        assert.deepEqual(await health(stack, '/healthz'), [200, undefined]);
    });
});

describe('a main.db that is gone, or cannot be read,', () => {
    it('is not well, and well again when it is back', async (t) => {
        const stack = await startStack(t);
        const file = `${stack.data}/main.db`;
        const status = async (path) => (await request(stack, 'GET', path)).status;
        for (const path of ['/healthz', '/push/healthz']) {
            fs.renameSync(file, `${file}.away`);
            await until(async () => await status(path) === 503, `${path} to be unwell`);
            fs.renameSync(`${file}.away`, file);
            await until(async () => await status(path) === 200, `${path} to be well`);
        }
    });
});

describe('a damaged file', () => {
    it('is 500 for its user alone, over HTTP and on streams', async (t) => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        let stack = await startStack(t, { data });
        const [user, other] = [await User.signUp(stack), await User.signUp(stack)];
        for (const who of [user, other]) await who.ok('POST', '/data', { key: 'k', value: 'x'.repeat(50000) });
        await stack.stop();
        const file = `${data}/users/${user.id.slice(0, 2)}/${user.id}.db`;
        for (const ending of ['-wal', '-shm']) fs.rmSync(file + ending, { force: true });
        fs.writeFileSync(file, Buffer.alloc(200000, 'damaged '));
        stack = await startStack(t, { data });
        t.after(() => fs.rmSync(data, { recursive: true }));
        for (const who of [user, other]) who.stack = stack;
        for (const [method, path, body] of [['GET', '/data?key=k'], ['POST', '/data', { key: 'a', value: 1 }],
            ['GET', '/api/posts'], ['GET', '/api/me'], ['POST', '/api/posts', { title: 't', content: 'c' }]]) {
            assertFailure(await user.bearer(method, path, { body }), 500);
        }
        const stream = await EventReader.open(stack, { headers: bearer(user) });
        if (stream.status === 200) {
            await stream.next((event) => event.name === 'realtime:error');
            await stream.end();
        } else assert.ok(stream.status >= 500, `${stream.status}`);
        assert.equal((await other.ok('GET', '/data?key=k')).data.length, 50000);
        const live = await EventReader.open(stack, { headers: bearer(other) });
        await live.next();
        await other.ok('POST', '/data', { key: 'b', value: 1 });
        assert.equal((await live.next()).name, 'kv:set');
        for (const path of ['/healthz', '/push/healthz']) {
            assert.equal((await request(stack, 'GET', path)).status, 200);
        }
        live.close();
    });
});
