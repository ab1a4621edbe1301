// The key-value store (docs/protocol.md, section 3).

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const EVENT_ID = /^[^.\s]+\.\d+$/;
const query = (parameters) => `/data?${new URLSearchParams(parameters)}`;

throughEachServer('keys and values', {}, (at) => {
    const set = (user, key, value) => user.bearer('POST', '/data', { body: { key, value } });
    const get = async (user, key) => (await user.ok('GET', query({ key }))).data;
    // The text of the answer: numbers and escapes as they were sent.
    const getText = async (user, key) => (await user.bearer('GET', query({ key }))).text;
    const setText = (user, key, text) => user.bearer('POST', '/data', {
        body: `{"key":${JSON.stringify(key)},"value":${text}}`,
    });

    it('a value comes back as it was set, and is overwritten by the next', async () => {
        const user = await User.signUp(at.stack);
        for (const value of [{ a: [1, 'x', null] }, 'text', 0, false, null, [], {}, 'ünï 🎈']) {
            const answer = await set(user, 'k', value);
            assert.equal(answer.status, 200);
            assert.deepEqual(answer.json, { ok: true, data: { key: 'k', value } });
            assert.match(answer.headers['x-event-id'], EVENT_ID);
            assert.deepEqual(await get(user, 'k'), value);
        }
    });

    it('an unset key reads as null', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.bearer('GET', query({ key: 'nothing' }));
        assert.deepEqual([answer.status, answer.json], [200, { ok: true, data: null }]);
        assert.match(answer.headers['x-as-of'], EVENT_ID);
    });

    it('without a key the value of "data" is meant', async () => {
        const user = await User.signUp(at.stack);
        assert.deepEqual(await user.ok('GET', '/data'), { ok: true, data: null });
        await set(user, 'data', { here: 1 });
        assert.deepEqual(await user.ok('GET', '/data'), { ok: true, data: { here: 1 } });
    });

    it('numbers keep their digits', async () => {
        const user = await User.signUp(at.stack);
        for (const number of ['9007199254740993', '-0', '1e400', '0.1000', '123456789012345678901234567890',
            '1E+2', '1.0']) {
            assert.equal((await setText(user, 'n', number)).status, 200);
            assert.equal(await getText(user, 'n'), `{"ok":true,"data":${number}}`);
        }
    });

    it('an escaped NUL is kept in values, and refused in keys and member names', async () => {
        const user = await User.signUp(at.stack);
        assert.equal((await setText(user, 'z', '"a\\u0000b"')).status, 200);
        assert.equal(await get(user, 'z'), 'a\u0000b');
        assertFailure(await user.bearer('POST', '/data', { body: '{"key":"a\\u0000","value":1}' }), 400);
        assertFailure(await setText(user, 'z', '{"a\\u0000b":1}'), 400);
        assertFailure(await user.bearer('GET', '/data?key=a%00b'), 400);
    });

    it('deleting removes the key, and is fine for one that is not there', async () => {
        const user = await User.signUp(at.stack);
        await set(user, 'a', 1);
        for (let i = 0; i < 2; i++) {
            const answer = await user.bearer('DELETE', query({ key: 'a' }));
            assert.deepEqual([answer.status, answer.json], [200, { ok: true }]);
        }
        assert.equal(await get(user, 'a'), null);
        assertFailure(await user.bearer('DELETE', '/data'), 400);
    });

    it('a prefix lists in parts', async () => {
        const user = await User.signUp(at.stack);
        const keys = ['a', 'b:1', 'b:2', 'b:3', 'b', 'c', 'b%', 'B:1', 'é'];
        for (const key of keys) await set(user, key, key);
        const list = async (parameters) => user.ok('GET', query(parameters));
        assert.deepEqual(Object.keys((await list({ prefix: '' })).data).sort(), [...keys].sort());
        assert.deepEqual((await list({ prefix: 'b:' })).data, { 'b:1': 'b:1', 'b:2': 'b:2', 'b:3': 'b:3' });
        assert.deepEqual((await list({ prefix: 'b%' })).data, { 'b%': 'b%' });
        assert.deepEqual((await list({ prefix: 'nothing' })).data, {});
        const collected = [];
        let after;
        do {
            const page = await list({ prefix: '', limit: '2', ...(after ? { after } : {}) });
            assert.ok(Object.keys(page.data).length <= 2);
            collected.push(...Object.keys(page.data));
            after = page.next;
        } while (after);
        assert.deepEqual(collected.sort(), [...keys].sort());
    });

    it('keys have 1 to 512 bytes and do not begin with two underscores', async () => {
        const user = await User.signUp(at.stack);
        for (const key of ['x'.repeat(512), 'é'.repeat(256), '_', '_a', ' ', '/', '..', 'a\nb', '"', "'; --"]) {
            assert.equal((await set(user, key, key)).status, 200, key);
            assert.equal(await get(user, key), key);
        }
        for (const key of ['', 'x'.repeat(513), 'é'.repeat(257), '__', '__proto__', '__user']) {
            assertFailure(await set(user, key, 1), 400);
            assertFailure(await user.bearer('GET', query({ key })), 400);
            assertFailure(await user.bearer('DELETE', query({ key })), 400);
        }
        for (const key of [7, null, ['a'], {}, true]) assertFailure(await set(user, key, 1), 400);
        assertFailure(await user.bearer('GET', query({ prefix: '__' })), 400);
    });

    it('a body without key or without value is refused', async () => {
        const user = await User.signUp(at.stack);
        for (const body of [{}, { key: 'a' }, { value: 1 }]) {
            assertFailure(await user.bearer('POST', '/data', { body }), 400);
        }
    });

    it('values have at most 128 KiB', async () => {
        const user = await User.signUp(at.stack);
        const text = (bytes) => `"${'x'.repeat(bytes - 2)}"`;
        assert.equal((await setText(user, 'big', text(131072))).status, 200);
        assert.equal((await get(user, 'big')).length, 131070);
        assertFailure(await setText(user, 'big', text(131073)), 413);
        assert.equal((await get(user, 'big')).length, 131070);
    });

    it('/api/data is the same', async () => {
        const user = await User.signUp(at.stack);
        await user.ok('POST', '/api/data', { key: 'a', value: 1 });
        assert.equal(await get(user, 'a'), 1);
        assert.deepEqual(await user.ok('GET', '/api/data?key=a'), { ok: true, data: 1 });
        await user.ok('DELETE', '/api/data?key=a');
        assert.equal(await get(user, 'a'), null);
    });

    it('a form sets strings', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.bearer('POST', '/data', {
            body: 'key=form+key&value=%7B%22a%22%3A1%7D',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(await get(user, 'form key'), '{"a":1}');
    });

    it('nothing of the account can be read', async () => {
        const user = await User.signUp(at.stack);
        assert.deepEqual((await user.ok('GET', query({ prefix: '' }))).data, {});
    });

    it('parallel writes to one key leave one of them, whole', async () => {
        const user = await User.signUp(at.stack);
        const values = Array.from({ length: 24 }, (_, i) => ({ i, text: 'x'.repeat(i * 100) }));
        const answers = await Promise.all(values.map((value) => set(user, 'race', value)));
        for (const answer of answers) assert.equal(answer.status, 200);
        const ids = answers.map((answer) => answer.headers['x-event-id']);
        assert.equal(new Set(ids).size, 24);
        const last = answers.reduce((a, b) => (seq(a) > seq(b) ? a : b));
        assert.deepEqual(await get(user, 'race'), last.json.data.value);
    });

    const seq = (answer) => Number(answer.headers['x-event-id'].split('.').pop());

    it('nobody reads or writes without signing in', async () => {
        for (const [method, path] of [['GET', '/data'], ['POST', '/data'], ['DELETE', '/data?key=a']]) {
            const options = method === 'POST' ? { body: { key: 'a', value: 1 } } : {};
            assertFailure(await request(at.stack, method, path, options), 401);
        }
    });
});
