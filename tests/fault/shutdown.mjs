// SIGTERM in every state of a connection: cubby-pushd takes leave of everybody and ends with 0 within
// five seconds.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { User, mint, request } from '../lib/http.mjs';
import { Pushd } from '../lib/pushd.mjs';
import { Stack, sleep, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const bearer = (user) => ({ authorization: `Bearer ${user.token}` });
const BACKEND = mint({ sub: 'a backend' });

// A socket whose bytes are gathered in socket.text; socket.ended once the server is gone.
function open(port, bytes = '') {
    const socket = net.connect(port, '127.0.0.1');
    socket.text = '';
    socket.on('data', (chunk) => (socket.text += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => (socket.ended = true));
    if (bytes) socket.write(bytes);
    return socket;
}

describe('SIGTERM', () => {
    const at = {};
    before(async () => {
        at.stack = await new Stack({ env: {
            CUBBY_LOG_KEEP_EVENTS: '10000', CUBBY_LOG_KEEP_BYTES: '100000000',
        } }).start();
    });
    after(() => at.stack?.stop());

    async function assertEnds(pushd, most = 5000) {
        const { code, ms } = await pushd.end();
        assert.equal(code, 0, pushd.log);
        assert.ok(ms < most, `${ms} ms`);
        await assert.rejects(request(at.stack, 'GET', '/push/healthz', { port: pushd.port }));
    }

    it('without connections ends at once', async (t) => {
        await assertEnds(await Pushd.start(t, at.stack), 1000);
    });

    it('closes WebSockets with 1001 and ends event streams, plain and by TLS', async (t) => {
        const pushd = await Pushd.start(t, at.stack);
        const user = await User.signUp(at.stack);
        const plain = { port: pushd.port };
        const streams = await Promise.all([plain, pushd.secure].flatMap((way) => [
            EventReader.open(at.stack, { ...way, headers: bearer(user) }),
            EventReader.open(at.stack, { ...way, headers: bearer(user) }),
            SocketReader.open(at.stack, '/api/ws', { ...way, headers: bearer(user) }),
            SocketReader.open(at.stack, '/push/echo', way),
        ]));
        for (const stream of streams) assert.ok(stream.status === 200 || stream.status === 101);
        await assertEnds(pushd, 2000);
        for (const stream of streams) {
            await stream.end();
            if (stream.ws) assert.equal(stream.code, 1001);
            else assert.ok(stream.events.length >= 1);
        }
    });

    it('closes connections that have said nothing, or half of something', async (t) => {
        const pushd = await Pushd.start(t, at.stack);
        const hello = Buffer.from('16030100f6010000f20303', 'hex');
        const head = 'POST /publish HTTP/1.1\r\nHost: a\r\n';
        const type = 'Content-Type: application/json\r\n';
        const body = `${head}Authorization: ${BACKEND}\r\n${type}Content-Length: 50\r\n\r\n{"u`;
        const answered = open(pushd.port, 'GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n');
        const sockets = [open(pushd.port), open(pushd.port, 'G'), open(pushd.port, head), open(pushd.port, body),
            open(pushd.secure.port), open(pushd.secure.port, hello), answered];
        await until(() => answered.text.endsWith('{"ok":true}'), 'an answer');
        await sleep(100);
        await assertEnds(pushd, 2000);
        for (const socket of sockets) socket.destroy();
    });

    for (const way of ['plain', 'TLS']) {
        it(`readers that take nothing do not hold it up (${way})`, async (t) => {
            const pushd = await Pushd.start(t, at.stack);
            const user = await User.signUp(at.stack);
            const { port, via } = way === 'TLS' ? pushd.secure : pushd;
            const events = await EventReader.open(at.stack, { port, via, headers: bearer(user) });
            const socket = await SocketReader.open(at.stack, '/api/ws', {
                port, via: { ...via, perMessageDeflate: false }, headers: bearer(user),
            });
            await events.next();
            events.request.socket.pause();
            socket.ws.pause();
            const value = 'x'.repeat(100000);
            for (let i = 0; i < 120; i++) await user.ok('POST', '/data', { key: `k${i % 5}`, value });
            await assertEnds(pushd);
            events.close();
            socket.close();
        });
    }

    it('answers publishes that wait for an acknowledgement', async (t) => {
        const pushd = await Pushd.start(t, at.stack);
        const reader = await SocketReader.open(at.stack, '/connect', {
            port: pushd.port, headers: { authorization: mint({ userId: 'ann' }) },
        });
        reader.send({ type: 'subscribe', filters: [{ type: 'job' }] });
        const answers = Array.from({ length: 50 }, (_, i) => request(at.stack, 'POST', '/publish', {
            ...(i % 2 ? pushd.secure : { port: pushd.port }),
            body: { userId: 'ann', type: 'job', payload: i }, headers: { authorization: BACKEND },
        }));
        await until(() => reader.events.length === 50, 'the envelopes');
        reader.send({ type: 'ack', envelopeId: reader.events[0].envelopeId, result: 'done' });
        await until(async () => {
            const first = await Promise.race([...answers, sleep(20)]);
            return first?.json.results[0] === 'done';
        }, 'the answer to the one that was acknowledged');
        await assertEnds(pushd, 2000);
        for (const answer of await Promise.all(answers)) {
            assert.equal(answer.status, 200);
            assert.equal(answer.json.clientCount, 1);
        }
        assert.equal(await reader.closeCode(), 1001);
    });

    it('in the middle of events: what was sent is whole, what was not is in the log', async (t) => {
        const pushd = await Pushd.start(t, at.stack);
        const user = await User.signUp(at.stack);
        const readers = await Promise.all(Array.from({ length: 10 }, (_, i) => EventReader.open(at.stack, {
            ...(i % 2 ? pushd.secure : { port: pushd.port }), headers: bearer(user),
        })));
        const writes = (async () => {
            for (let i = 0; i < 100; i++) await user.ok('POST', '/data', { key: 'k', value: i });
        })();
        await until(() => readers[9].events.length > 20, 'some events');
        await assertEnds(pushd, 2000);
        await writes;
        for (const reader of readers) {
            const last = reader.events.at(-1).id;
            const more = (await user.ok('GET', `/api/changes?since=${last}&wait=0`)).events;
            const values = [...reader.events.slice(1), ...more].map(({ data }) => data.data?.value ?? data.value);
            assert.deepEqual(values, Array.from({ length: 100 }, (_, i) => i));
        }
    });

    it('a second one, and SIGHUP, change nothing', async (t) => {
        const pushd = await Pushd.start(t, at.stack);
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { port: pushd.port, headers: bearer(user) });
        events.request.socket.pause();
        for (const signal of ['SIGTERM', 'SIGHUP', 'SIGTERM']) pushd.process.kill(signal);
        await assertEnds(pushd);
        events.close();
    });
});
