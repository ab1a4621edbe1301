// /connect and POST /publish, through each web server: envelopes to the sockets of a user, answered
// when all have acknowledged.

import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { User, assertFailure, mint, request } from '../lib/http.mjs';
import { sleep, startStack, throughEachServer } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const BACKEND = mint({ sub: 'a backend' });

const publish = (stack, body, token = BACKEND, headers = {}) =>
    request(stack, 'POST', '/publish', { body, headers: { authorization: token, ...headers } });

// A socket of a user that has these filters.
async function connect(stack, userId, filters, { path = '/connect', ack } = {}) {
    const reader = await SocketReader.open(stack, path, {
        headers: { authorization: `bearer ${mint({ userId })}` },
    });
    assert.equal(reader.status, 101);
    if (filters) reader.send({ type: 'subscribe', filters });
    reader.send(' PING ');
    assert.equal(await reader.next(), 'pong');
    if (ack) {
        reader.ws.on('message', (data) => {
            const text = data.toString();
            if (!text.startsWith('{')) return;
            const { envelopeId } = JSON.parse(text);
            reader.send({ type: 'ack', envelopeId, result: ack });
        });
    }
    return reader;
}

throughEachServer('Publish', {}, (at) => {
    let user;

    before(async () => {
        user = await User.signUp(at.stack);
    });

    it('an envelope reaches every matching socket, and the answer holds all results', async () => {
        const a = await connect(at.stack, 'ann', [{ type: 'job' }], { ack: 'a' });
        const b = await connect(at.stack, 'ann', [{ type: 'job', queue: 'blue' }], { path: '/', ack: 'b' });
        const other = await connect(at.stack, 'bob', [{ type: 'job' }], { ack: 'other' });
        const silent = await connect(at.stack, 'ann');
        const answer = await publish(at.stack, {
            userId: ' ann ', type: 'job', payload: { queue: 'blue', n: 12345678901234567890n.toString() },
        });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['access-control-allow-origin'], '*');
        assert.equal(answer.json.clientCount, 2);
        assert.deepEqual(answer.json.results.toSorted(), ['a', 'b']);
        const envelope = await a.next();
        assert.deepEqual(Object.keys(envelope), ['envelopeId', 'type', 'userId', 'timestamp', 'payload']);
        assert.equal(envelope.userId, 'ann');
        assert.match(envelope.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.deepEqual(await b.next(), envelope);
        assert.deepEqual(await other.rest(50), []);
        assert.deepEqual(await silent.rest(0), []);
        for (const reader of [a, b, other, silent]) reader.close();
    });

    it('a publish to nobody is answered at once', async () => {
        const answer = await publish(at.stack, { userId: 'nobody' });
        assert.equal(answer.text, '{"clientCount":0,"results":[]}');
    });

    it('who does not acknowledge is waited for five seconds, and no longer than it is there', async () => {
        const quick = await connect(at.stack, 'eve', [{ type: 'message' }], { ack: 1 });
        const mute = await connect(at.stack, 'eve', [{ type: 'message' }]);
        const start = Date.now();
        const timed = publish(at.stack, { userId: 'eve' });
        await mute.next();
        await sleep(1000);
        const cut = publish(at.stack, { userId: 'eve' });
        await mute.next();
        assert.deepEqual((await timed).json, { clientCount: 2, results: [1] });
        const waited = Date.now() - start;
        assert.ok(waited >= 4900, `${waited} ms`);
        mute.close();
        assert.deepEqual((await cut).json, { clientCount: 2, results: [1] });
        quick.close();
    });

    it('many publishes wait at once, and others are not held up', async () => {
        const mute = await connect(at.stack, 'mo', [{ type: 'message' }]);
        const quick = await connect(at.stack, 'liz', [{ type: 'message' }], { ack: true });
        const port = at.stack.pushPort;
        const waiting = Array.from({ length: 200 }, () =>
            request(at.stack, 'POST', '/publish', {
                port, body: { userId: 'mo' }, headers: { authorization: BACKEND },
            }));
        for (let i = 0; i < 200; i++) await mute.next();
        const answer = await publish(at.stack, { userId: 'liz' });
        assert.deepEqual(answer.json, { clientCount: 1, results: [true] });
        mute.close();
        for (const one of await Promise.all(waiting))
            assert.equal(one.text, '{"clientCount":1,"results":[]}');
        quick.close();
    });

    it('errors come in their order, with these bodies', async () => {
        const type = { 'content-type': 'text/plain' };
        const cases = [
            [401, 'Unauthorized', '{', 'x', type],
            [401, 'Unauthorized', '{', mint({ sub: 'a', type: 'refresh' }), type],
            [415, 'Unsupported Media Type', '{', BACKEND, type],
            [400, 'Invalid JSON body', '{', BACKEND, {}],
            [400, 'Invalid JSON body', '[]', BACKEND, {}],
            [400, 'userId is required', '{"userId":" "}', BACKEND, {}],
        ];
        for (const [status, error, body, token, headers] of cases) {
            const answer = await publish(at.stack, body, token, headers);
            assert.equal(answer.status, status, error);
            assert.equal(answer.text, JSON.stringify({ error }));
            assert.equal(answer.headers['access-control-allow-origin'], '*');
        }
        const byCookie = await request(at.stack, 'POST', '/publish', {
            headers: { cookie: user.cookie }, body: { userId: user.id },
        });
        assert.equal(byCookie.status, 401);
    });

    it('a signed-in user reaches its own sockets alone', async () => {
        const own = await SocketReader.open(at.stack, `/connect?token=${user.token}`);
        own.send({ type: 'subscribe', filters: [{ type: 'message' }] });
        own.ws.on('message', (data) => own.send({ type: 'ack', envelopeId: JSON.parse(data).envelopeId }));
        await sleep(100);
        const good = await publish(at.stack, { userId: user.id }, `Bearer ${user.token}`);
        assert.deepEqual(good.json, { clientCount: 1, results: [null] });
        const other = await User.signUp(at.stack);
        const bad = await publish(at.stack, { userId: user.id }, `Bearer ${other.token}`);
        assertFailure(bad, 403, 'forbidden');
        await user.request('POST', '/api/logout', { body: {} });
        assert.equal(await own.closeCode(), 4401);
        assert.equal((await publish(at.stack, { userId: user.id }, user.token)).status, 401);
    });

    it('a socket without a token, or by cookie, is refused in plain text', async () => {
        for (const headers of [{}, { cookie: user.cookie }, { authorization: 'Bearer x' }]) {
            const reader = await SocketReader.open(at.stack, '/connect', { headers });
            assert.equal(reader.status, 401);
            assert.match(reader.headers['content-type'], /^text\/plain/);
        }
    });

    it('a preflight from anywhere is answered', async () => {
        const answer = await request(at.stack, 'OPTIONS', '/publish', { headers: { origin: 'https://x.test' } });
        assert.equal(answer.status, 204);
        assert.equal(answer.headers['access-control-allow-methods'], 'POST, OPTIONS');
        assert.equal(answer.headers['access-control-allow-headers'], 'authorization, content-type');
        assert.equal(answer.headers['access-control-max-age'], '86400');
    });

    it('payloads up to the limit of a body go through whole', async () => {
        const reader = await connect(at.stack, 'big', [{ type: 'message' }], { ack: 'ok' });
        const payload = 'ä'.repeat(500 * 1024);
        const answer = await publish(at.stack, { userId: 'big', payload });
        assert.deepEqual(answer.json, { clientCount: 1, results: ['ok'] });
        assert.equal((await reader.next()).payload, payload);
        reader.close();
    });
});

it('publishers are answered before pushd ends', async (test) => {
    const stack = await startStack(test, {});
    const mute = await connect(stack, 'mo', [{ type: 'message' }]);
    const waiting = request(stack, 'POST', '/publish', {
        port: stack.pushPort, body: { userId: 'mo' }, headers: { authorization: BACKEND },
    });
    await mute.next();
    process.kill(stack.pid('cubby-pushd'), 'SIGTERM');
    assert.equal((await waiting).text, '{"clientCount":1,"results":[]}');
    assert.equal(await mute.closeCode(), 1001);
});
