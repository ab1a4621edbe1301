// Counters (docs/protocol.md, section 6): calls in both forms, and the page.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Application } from '../lib/fastcgi.mjs';
import { User, assertFailure, request } from '../lib/http.mjs';
import { startStack, throughEachServer } from '../lib/stack.mjs';

const EVENT_ID = /^[^.\s]+\.\d+$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const CHANGED = ['latestHistory', 'metadata', 'name', 'previousValue', 'timestamp', 'value'];
const METADATA = ['createdAt', 'id', 'name', 'operationCount', 'updatedAt', 'value'];
const ENTRY = ['id', 'newValue', 'operation', 'previousValue', 'timestamp'];

let serial = 0;
const fresh = () => `c_${process.pid}-${++serial}`;
const members = (object) => Object.keys(object).sort();
const rpc = (stack, op, body, headers) => request(stack, 'POST', `/rpc/counter.${op}`, { body, headers });

throughEachServer('counters', {}, (at) => {
    const ok = async (op, body) => {
        const answer = await rpc(at.stack, op, body);
        assert.equal(answer.status, 200, `${op}: ${answer.text}`);
        return answer.json;
    };

    it('every change answers what it did', async () => {
        const name = fresh();
        const steps = [
            ['increment', { name, amount: 41 }, 0, 41, 'increment(41)'],
            ['increment', { name }, 41, 42, 'increment(1)'],
            ['decrement', { name, amount: 50 }, 42, -8, 'decrement(50)'],
            ['setValue', { name, value: 7 }, -8, 7, 'setValue(7)'],
            ['reset', { name }, 7, 0, 'reset()'],
            ['decrement', { name }, 0, -1, 'decrement(1)'],
        ];
        for (const [i, [op, body, before, value, operation]] of steps.entries()) {
            const answer = await rpc(at.stack, op, body);
            assert.match(answer.headers['x-event-id'], EVENT_ID);
            const { metadata, latestHistory, ...rest } = answer.json;
            assert.deepEqual(members(answer.json), CHANGED);
            assert.deepEqual(members(metadata), METADATA);
            assert.deepEqual([rest.name, rest.previousValue, rest.value], [name, before, value]);
            assert.match(rest.timestamp, ISO);
            assert.deepEqual([metadata.name, metadata.value, metadata.operationCount], [name, value, i + 1]);
            assert.equal(metadata.updatedAt, rest.timestamp);
            assert.equal(latestHistory.length, Math.min(i + 1, 5));
            const [{ id, ...newest }] = latestHistory;
            assert.deepEqual(newest, { operation, previousValue: before, newValue: value, timestamp: rest.timestamp });
            assert.deepEqual(await ok('getMetadata', { name }), metadata);
            assert.deepEqual(await ok('getValue', { name }), { name, value });
            assert.equal((await ok('getHistory', { name, limit: 1 }))[0].id, id);
        }
        const history = await ok('getHistory', { name });
        assert.deepEqual(history.map((entry) => entry.operation), steps.map((step) => step[4]).reverse());
        for (const entry of history) assert.deepEqual(members(entry), ENTRY);
        const ids = history.map((entry) => entry.id);
        assert.deepEqual(ids, [...ids].sort((a, b) => b - a));
    });

    it('the wrapped form does the same', async () => {
        const name = fresh();
        const wrapped = async (op, input) => {
            const answer = await request(at.stack, 'POST', `/rpc/counter/${op}`, { body: { json: input } });
            assert.equal(answer.status, 200, answer.text);
            assert.deepEqual(members(answer.json), ['json']);
            return answer.json.json;
        };
        assert.deepEqual(await wrapped('create', { name }), { success: true, name });
        assert.deepEqual(members(await wrapped('increment', { name, amount: 2 })), CHANGED);
        assert.deepEqual(await wrapped('getValue', { name }), { name, value: 2 });
        assert.deepEqual(await wrapped('getMetadata', { name }), await ok('getMetadata', { name }));
        assert.deepEqual(await wrapped('getHistory', { name }), await ok('getHistory', { name }));
        const all = await wrapped('listAll', {});
        assert.equal(all.count, all.counters.length);
        assert.deepEqual(await wrapped('delete', { name }), { success: true, name });
    });

    it('whole numbers of 64 bits are exact, and one too large changes nothing', async () => {
        const name = fresh();
        const text = async (op, body) => rpc(at.stack, op, body);
        const value = async () => (await text('getValue', { name })).text;
        const set = (number) => text('setValue', `{"name":"${name}","value":${number}}`);
        for (const number of ['9007199254740993', '-9223372036854775808', '9223372036854775807']) {
            assert.equal((await set(number)).status, 200);
            assert.equal(await value(), `{"name":"${name}","value":${number}}`);
        }
        const before = await text('getMetadata', { name });
        assertFailure(await text('increment', { name }), 400);
        for (const bad of ['9223372036854775808', '-9223372036854775809', '1.5', '1e30', '"7"', 'null', 'true']) {
            assertFailure(await set(bad), 400, undefined, bad);
        }
        assert.equal((await text('getMetadata', { name })).text, before.text);
    });

    it('names, amounts and limits are checked', async () => {
        const name = fresh();
        for (const bad of ['', 'a b', 'a/b', 'a.b', 'ä', 'x'.repeat(101), 7, null, undefined]) {
            for (const op of ['increment', 'getValue', 'getMetadata', 'getHistory', 'create', 'delete']) {
                assertFailure(await rpc(at.stack, op, { name: bad }), 400);
            }
        }
        assert.equal((await rpc(at.stack, 'getValue', { name: 'x'.repeat(100) })).status, 200);
        for (const amount of [0, -1, 0.5, '1', null, [1]]) {
            assertFailure(await rpc(at.stack, 'increment', { name, amount }), 400);
            assertFailure(await rpc(at.stack, 'decrement', { name, amount }), 400);
        }
        await ok('increment', { name });
        for (const limit of [0, 101, -5, 1.5, '5', null]) {
            assertFailure(await rpc(at.stack, 'getHistory', { name, limit }), 400);
        }
        assert.deepEqual(await ok('getValue', { name }), { name, value: 1 });
    });

    it('an unknown counter reads as 0 and is otherwise not there; create and delete say so too', async () => {
        const name = fresh();
        assert.deepEqual(await ok('getValue', { name }), { name, value: 0 });
        for (const op of ['getMetadata', 'getHistory', 'delete']) {
            assertFailure(await rpc(at.stack, op, { name }), 404, 'COUNTER_NOT_FOUND');
        }
        assert.deepEqual(await ok('create', { name }), { success: true, name });
        assertFailure(await rpc(at.stack, 'create', { name }), 409);
        assert.deepEqual(await ok('getHistory', { name }), []);
        assert.equal((await ok('getMetadata', { name })).operationCount, 0);
        assert.deepEqual(await ok('delete', { name }), { success: true, name });
        assertFailure(await rpc(at.stack, 'getMetadata', { name }), 404, 'COUNTER_NOT_FOUND');
    });

    it('operations that do not exist are 404, methods 405', async () => {
        for (const path of ['/rpc/counter.add', '/rpc/counter/add', '/rpc/counter', '/rpc/other.increment', '/rpc/']) {
            assertFailure(await request(at.stack, 'POST', path, { body: {} }), 404);
        }
        for (const path of ['/rpc/counter.increment', '/rpc/counter/getValue', '/api/counter/increment']) {
            const answer = await request(at.stack, 'GET', path);
            assertFailure(answer, 405);
            assert.match(answer.headers.allow, /POST/);
        }
    });

    it('an Idempotency-Key counts once', async () => {
        const name = fresh();
        const user = await User.signUp(at.stack);
        const once = () => user.bearer('POST', '/rpc/counter.increment', {
            body: { name }, headers: { 'idempotency-key': name },
        });
        const answers = await Promise.all([once(), once(), once()]);
        assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
        assert.equal(answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true').length, 2);
        assert.deepEqual(await ok('getValue', { name }), { name, value: 1 });
    });

    // As a reader of the page sees it: the first element whose whole text is a number.
    const shown = (html) => />\s*(-?\d+)\s*</.exec(html)[1];

    it('the page shows global-counter, and its buttons change it', async () => {
        await ok('setValue', { name: 'global-counter', value: 12 });
        for (const [op, value] of [['increment', 13], ['decrement', 12]]) {
            const answer = await request(at.stack, 'POST', `/api/counter/${op}`, {
                body: 'whatever', headers: { 'content-type': 'text/plain' },
            });
            assert.deepEqual([answer.status, answer.text], [200, '']);
            assert.match(answer.headers['x-event-id'], EVENT_ID);
            const page = await request(at.stack, 'GET', '/counter');
            assert.equal(page.status, 200);
            assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
            assert.match(page.headers['content-security-policy'], /default-src 'none'; script-src 'self'/);
            assert.match(page.headers['x-as-of'], EVENT_ID);
            assert.equal(shown(page.text), String(value));
            assert.match(page.text, /data-live-key="\/counter"/);
        }
        assert.match((await request(at.stack, 'GET', '/js/live.js')).headers['content-type'], /javascript/);
        for (const method of ['GET', 'PUT', 'DELETE']) {
            assertFailure(await request(at.stack, method, '/api/counter/increment'), 405);
        }
    });
});

it('two processes and many connections: each change once, one unbroken chain', async (test) => {
    const open = { CUBBY_COUNTERS_PUBLIC: 'on', CUBBY_COUNTERS_PUBLIC_WRITE: 'on' };
    const stack = await startStack(test, { env: open });
    const other = await Application.start(stack);
    test.after(() => other.stop());
    const name = 'chain';
    const seen = [];
    // Every answer begins its history with its own change, whose id is that of its event.
    const change = async (ask, op, body) => {
        const answer = await ask(`/rpc/counter.${op}`, body);
        assert.equal(answer.status, 200);
        const { value, previousValue, latestHistory: [own] } = answer.json;
        assert.deepEqual([own.previousValue, own.newValue], [previousValue, value]);
        seen.push({ id: own.id, value, previousValue, by: op === 'increment' ? body.amount : -body.amount });
    };
    const client = async (ask, number) => {
        for (let i = 0; i < 20; i++) {
            const op = (number + i) % 3 ? 'increment' : 'decrement';
            await change(ask, op, { name, amount: 1 + ((number * 7 + i) % 9) });
        }
    };
    const byServer = (path, body) => request(stack, 'POST', path, { body });
    const byOther = (path, body) => other.request('POST', path, { body });
    await Promise.all(Array.from({ length: 24 }, (_, i) => client(i % 2 ? byServer : byOther, i)));
    assert.equal(seen.length, 480);
    seen.sort((a, b) => a.id - b.id);
    assert.equal(new Set(seen.map((one) => one.id)).size, 480);
    let value = 0;
    for (const one of seen) {
        assert.equal(one.previousValue, value);
        value += one.by;
        assert.equal(one.value, value);
    }
    const { operationCount, value: last } = (await rpc(stack, 'getMetadata', { name })).json;
    assert.deepEqual([operationCount, last], [480, value]);
});

it('where counters are not public, visitors get 401 and the signed-in get in', async (test) => {
    const off = { CUBBY_COUNTERS_PUBLIC: 'off', CUBBY_COUNTERS_PUBLIC_WRITE: 'off', CUBBY_COUNTERS_AUTO_CREATE: 'off' };
    const stack = await startStack(test, { env: off });
    const calls = [
        ['GET', '/counter'], ['POST', '/api/counter/increment', ''],
        ['POST', '/rpc/counter.getValue', { name: 'global-counter' }],
        ['POST', '/rpc/counter/listAll', { json: {} }],
        ['POST', '/rpc/counter.increment', { name: 'global-counter' }],
        ['POST', '/rpc/counter.create', { name: 'made' }], ['POST', '/rpc/counter.delete', { name: 'made' }],
    ];
    for (const [method, path, body] of calls) assertFailure(await request(stack, method, path, { body }), 401);
    const user = await User.signUp(stack);
    for (const [method, path, body] of calls) {
        assert.equal((await user.bearer(method, path, { body })).status, 200, path);
        if (path.endsWith('create')) assertFailure(await user.bearer(method, path, { body }), 409);
    }
    // Without counters_auto_create a write makes none.
    const answer = await user.bearer('POST', '/rpc/counter.increment', { body: { name: 'unknown' } });
    assertFailure(answer, 404, 'COUNTER_NOT_FOUND');
    // By cookie, too, but not from another site.
    const press = (origin) => user.request('POST', '/api/counter/increment', { headers: { origin } });
    assertFailure(await press('https://elsewhere.example'), 403);
    assert.equal((await press(stack.origin)).status, 200);
    await user.request('POST', '/api/logout');
    assertFailure(await user.bearer('GET', '/counter'), 401);
});
