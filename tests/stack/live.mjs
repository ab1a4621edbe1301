// Keyed live pages (docs/protocol.md, section 9): /realtime and POST /live/render.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { it } from 'node:test';
import { EventSource } from 'eventsource';
import { User, assertFailure, mint, request } from '../lib/http.mjs';
import { startStack, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const BACKEND = { authorization: `Bearer ${mint({ sub: 'a script' })}` };

let serial = 0;
const fresh = () => `/page ${process.pid}/${++serial}?ä=1&b`;
const path = (key) => `/realtime?key=${encodeURIComponent(key)}`;
const render = (stack, body, headers = BACKEND) => request(stack, 'POST', '/live/render', { body, headers });

async function listen(stack, key, options) {
    const stream = await EventReader.open(stack, { path: path(key), ...options });
    assert.equal(stream.status, 200);
    return stream;
}

throughEachServer('live pages', {}, (at) => {
    it('a render reaches everyone with its key, in both forms, at once', async () => {
        const key = fresh();
        const [sse, socket, other] = await Promise.all([listen(at.stack, key),
            SocketReader.open(at.stack, path(key)), listen(at.stack, fresh())]);
        assert.match(sse.headers['content-type'], /^text\/event-stream/);
        const begin = Date.now();
        const answer = await render(at.stack, { key, html: '<b>1</b>', more: 7 });
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.json, { ok: true, clientCount: 2 });
        const event = await sse.next();
        const message = await socket.next();
        assert.ok(Date.now() - begin < 1000, 'nobody holds events back');
        assert.equal(event.raw, `event: render\ndata: ${JSON.stringify({ key, html: '<b>1</b>' })}`);
        assert.deepEqual(Object.keys(message), ['event', 'data', 'timestamp']);
        assert.deepEqual([message.event, message.data], ['render', { key, html: '<b>1</b>' }]);
        assert.ok(Math.abs(message.timestamp - Date.now()) < 20000);
        await render(at.stack, { key });
        assert.deepEqual((await sse.next()).data, { key });
        assert.deepEqual((await socket.next()).data, { key });
        assert.deepEqual(await other.rest(100), []);
        for (const stream of [sse, socket, other]) stream.close();
    });

    it('a stream that has nothing to say yet is open for the browser', async () => {
        const source = new EventSource(`${at.stack.origin}${path(fresh())}`);
        await until(() => source.readyState === EventSource.OPEN, 'the stream to open', 3000);
        source.close();
    });

    it('html up to the largest body, and no larger', async () => {
        const key = fresh();
        const [sse, socket] = await Promise.all([listen(at.stack, key), SocketReader.open(at.stack, path(key))]);
        const room = 1024 * 1024 - JSON.stringify({ key, html: '' }).length - 40;
        const html = `<p>${'x'.repeat(room - 7)}</p>`;
        const answer = await render(at.stack, { key, html });
        assert.deepEqual(answer.json, { ok: true, clientCount: 2 });
        assert.equal((await sse.next()).data.html, html);
        assert.equal((await socket.next()).data.html, html);
        assertFailure(await render(at.stack, { key, html: html + html }), 413, 'too_large');
        for (const stream of [sse, socket]) stream.close();
    });

    it('keys are 1 to 1,024 bytes', async () => {
        for (const bad of ['/realtime', '/realtime?key=']) {
            assertFailure(await request(at.stack, 'GET', bad), 400, 'invalid', bad);
            assert.equal((await SocketReader.open(at.stack, bad)).status, 400);
        }
        assertFailure(await request(at.stack, 'GET', path('k'.repeat(1025))), 414, 'uri_too_long');
        const key = 'ü'.repeat(512);
        const stream = await listen(at.stack, key);
        assert.equal((await render(at.stack, { key })).json.clientCount, 1);
        assert.equal((await stream.next()).data.key, key);
        stream.close();
    });

    it('only who holds the secret renders, and only what is a render', async () => {
        const user = await User.signUp(at.stack);
        const bearer = (token) => ({ authorization: `Bearer ${token}` });
        const body = { key: 'k' };
        assertFailure(await render(at.stack, body, {}), 401, 'unauthorized');
        assertFailure(await render(at.stack, body, { cookie: user.cookie }), 401, 'unauthorized');
        assertFailure(await render(at.stack, body, bearer(`${user.token}x`)), 401, 'unauthorized');
        assertFailure(await render(at.stack, body, bearer(user.refreshToken)), 401, 'unauthorized');
        assertFailure(await render(at.stack, body, bearer(user.token)), 403, 'forbidden');
        for (const bad of [{}, { key: '' }, { key: 7 }, { key: 'k', html: 7 }, { key: 'k', html: null },
            { key: 'k'.repeat(1025) }, []]) {
            assertFailure(await render(at.stack, bad), 400, 'invalid', JSON.stringify(bad));
        }
        assertFailure(await render(at.stack, '{"key":'), 400, 'invalid_json');
        assertFailure(await render(at.stack, 'key=k',
            { ...BACKEND, 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported_media_type');
        const get = await request(at.stack, 'GET', '/live/render', { headers: BACKEND });
        assertFailure(get, 405, 'method_not_allowed');
        assert.match(get.headers.allow, /POST/);
    });

    it('the counter renders its page in the order of its changes', async () => {
        const streams = await Promise.all(Array.from({ length: 5 }, () => listen(at.stack, '/counter')));
        await request(at.stack, 'POST', '/rpc/counter.setValue', { body: { name: 'global-counter', value: 100 } });
        await Promise.all(Array.from({ length: 10 }, () => request(at.stack, 'POST', '/api/counter/increment')));
        for (const stream of streams) {
            await until(() => stream.events.length >= 11, 'all renders');
            const shown = stream.events.map(({ name, data }) => {
                assert.equal(name, 'render');
                assert.deepEqual(Object.keys(data), ['key', 'html']);
                assert.equal(data.key, '/counter');
                return Number(/>(-?\d+)</.exec(data.html)[1]);
            });
            assert.deepEqual(shown, Array.from({ length: 11 }, (_, i) => 100 + i));
            stream.close();
        }
    });
});

it('who left is not counted, and many come and go', async (test) => {
    const stack = await startStack(test);
    const key = fresh();
    const stay = await listen(stack, key);
    for (let round = 0; round < 5; round++) {
        const streams = await Promise.all(Array.from({ length: 40 }, (_, i) =>
            (i % 2 ? listen(stack, key) : SocketReader.open(stack, path(key)))));
        assert.equal((await render(stack, { key })).json.clientCount, 41);
        for (const stream of streams) stream.close();
        await until(async () => (await render(stack, { key })).json.clientCount === 1, 'all to be gone');
    }
    stay.close();
});

it('where live pages are not public, one signs in to listen', async (test) => {
    const stack = await startStack(test, { env: { CUBBY_LIVE_PUBLIC: 'off' } });
    const key = fresh();
    assertFailure(await request(stack, 'GET', path(key)), 401, 'unauthorized');
    assert.equal((await SocketReader.open(stack, path(key))).status, 401);
    const user = await User.signUp(stack);
    const stream = await listen(stack, key, { headers: { cookie: user.cookie } });
    await render(stack, { key });
    assert.deepEqual((await stream.next()).data, { key });
    await user.request('POST', '/api/logout');
    await stream.end(3000);
});

it('a reader that stops reading is let go, and holds up nobody', async (test) => {
    const stack = await startStack(test);
    const key = fresh();
    const [good, slow] = await Promise.all([listen(stack, key, { port: stack.pushPort }),
        SocketReader.open(stack, path(key), { port: stack.pushPort })]);
    slow.ws.pause();
    const html = crypto.randomBytes(400000).toString('base64'); // does not compress well
    for (let i = 0; i < 40; i++) {
        await render(stack, { key, html });
        assert.equal((await good.next()).data.html.length, html.length);
    }
    slow.ws.resume();
    assert.equal(await slow.closeCode(20000), 4408);
    assert.equal((await render(stack, { key })).json.clientCount, 1);
    good.close();
});
