// Hostile clients against every path of cubby-pushd, one kind after the other. Each time somebody
// who listens at the same path, or asks there, must notice nothing: every message, in order, once,
// in time. Afterwards pushd is the same process, without a connection more, and its memory is what
// it was within GROWTH_KIB.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { BINARY, CLOSE, FIN, FrameSocket, PING, PONG, TEXT, closing, frame } from '../lib/frames.mjs';
import { User, claimsOf, mint, request } from '../lib/http.mjs';
import { PATHS, head, rowsOfTable, text } from '../lib/pushpaths.mjs';
import { PUSHD, Stack, sleep, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const LATE_MS = 4000;
const GROWTH_KIB = 48 * 1024;
const SANITIZED = /-san-/.test(PUSHD); // freed memory is kept there, to see who uses it
const PER_USER = 30, PER_ADDRESS = 40;

let serial = 0;
// A client address that nobody had before.
const address = () => ({ 'x-forwarded-for': `198.18.${++serial >> 8 & 255}.${serial & 255}` });

// --- the witness ---

class Witness {
    static async start(row, user) {
        const witness = new Witness();
        Object.assign(witness, { row, user, sent: 0, latest: 0 });
        const options = { port: user.stack.pushPort, headers: row.headers(user), path: row.path };
        if (row.kind === 'ws') {
            witness.reader = await SocketReader.open(user.stack, row.path, { ...options, protocols: row.protocols });
            assert.equal(witness.reader.status, 101);
            if (row.first) {
                witness.reader.send(row.first);
                witness.reader.send('ping');
                await witness.reader.next((word) => word === 'pong');
            }
            if (row.acks) witness.#acknowledge();
        } else if (row.kind === 'sse') {
            witness.reader = await EventReader.open(user.stack, options);
        }
        witness.running = witness.#run().catch((error) => (witness.error = error));
        return witness;
    }

    #acknowledge() {
        this.reader.ws.on('message', (data) => {
            const { envelopeId, updateId } = data[0] === 123 ? JSON.parse(data.toString()) : {};
            if (envelopeId ?? updateId) this.reader.send({ type: 'ack', envelopeId, updateId });
        });
    }

    tags(kind) {
        return this.row.tags(this.reader.events).filter((tag) => tag.startsWith(kind));
    }

    async #ask() {
        const { row, user } = this;
        const answer = await request(user.stack, row.kind.toUpperCase(), row.path, {
            port: user.stack.pushPort, headers: row.headers(user), body: row.body });
        assert.equal(answer.status, row.off ?? 200, answer.text);
        if (row.answer) assert.equal(answer.text, row.answer);
    }

    async #say(tag) {
        const { row, reader } = this;
        const from = reader.events.length;
        const caused = row.echo ? reader.send(tag) : row.cause(this.user, tag, 0);
        if (!row.waits) await caused;
        await until(() => row.tags(reader.events.slice(from)).includes(tag), `${tag} at ${row.path}`);
    }

    async #run() {
        while (!this.stopped) {
            const begun = Date.now();
            await (this.reader ? this.#say(`w${this.sent++}`) : this.#ask());
            this.latest = Math.max(this.latest, Date.now() - begun);
            await sleep(5);
        }
    }

    async stop(large) {
        this.stopped = true;
        await this.running;
        if (this.error) throw this.error;
        assert.ok(this.latest < LATE_MS, `a message took ${this.latest} ms`);
        if (!this.reader) return;
        assert.ok(!this.reader.ended, 'it is still connected');
        const all = (kind, n) => Array.from({ length: n }, (_, i) => `${kind}${i}`);
        if (!this.row.orderless) {
            await until(() => this.tags('b').length >= large, 'the large ones');
            assert.deepEqual(this.row.waits ? this.tags('b').sort() : this.tags('b'),
                this.row.waits ? all('b', large).sort() : all('b', large));
        }
        assert.deepEqual(this.tags('w'), all('w', this.sent));
        this.reader.close();
    }
}

// --- attackers ---

// A socket that says these bytes. text: what came back.
function open(at, bytes) {
    const socket = net.connect({ port: at.stack.pushPort, host: '127.0.0.1', allowHalfOpen: true });
    socket.text = '';
    socket.on('data', (chunk) => (socket.text += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => (socket.gone = true));
    socket.on('end', () => (socket.ended = true));
    if (bytes) socket.write(bytes);
    at.sockets.push(socket);
    return socket;
}

const status = (socket) => Number(/^HTTP\/1\.1 (\d+)/.exec(socket.text)?.[1]);
const answered = (socket) => until(() => status(socket) || socket.gone, 'an answer').then(() => status(socket));

async function upgrade(at, user = at.other) {
    const frames = new FrameSocket(at.stack.pushPort);
    at.sockets.push(frames.socket);
    await frames.connected;
    frames.write(head(at.row, user, address()));
    await frames.opened();
    assert.equal(frames.status, 101, frames.head);
    return frames;
}

async function endOf(frames) {
    for (;;) {
        const got = await frames.next();
        if (!got) return null;
        if (got.opcode === CLOSE) return got.payload.length ? got.payload.readUInt16BE(0) : 1005;
    }
}

async function untilPong(frames) {
    frames.send(FIN | PING, 'last');
    for (;;) {
        const got = await frames.next();
        assert.ok(got && got.opcode !== CLOSE, `closed: ${got?.payload.toString('hex')}`);
        if (got.opcode === PONG && got.payload.toString() === 'last') return;
    }
}

const isWs = (row) => row.kind === 'ws';
const isStream = (row) => row.kind === 'ws' || row.kind === 'sse';

// { name: [whom it is for, what they do] }
const ATTACKS = {
    'nothing is read': [(row) => isStream(row), async (at) => {
        const { row } = at;
        const slow = open(at, head(row, at.user, address()));
        await answered(slow);
        if (row.first) slow.write(text(JSON.stringify(row.first)));
        slow.pause();
        await sleep(50);
        if (row.echo || row.pongs) { // it asks for what it does not read
            const bytes = Buffer.alloc(1 << 18).fill(text(row.echo ? 'x'.repeat(1000) : 'ping'));
            const whole = text(row.echo ? 'x'.repeat(1000) : 'ping').length;
            for (let i = 0; i < 40; i++) slow.write(bytes.subarray(0, bytes.length - bytes.length % whole));
            await sleep(300);
        }
        if (row.echo) return;
        const caused = [];
        for (let i = 0; i < row.large; i++) {
            caused.push(row.cause(at.user, `b${i}`, row.size));
            await (row.waits ? sleep(5) : caused[i]); // a publish waits for who does not read, too
            // The witness has to keep up, or is cut as this one is.
            if (row.size > 65536 && !row.waits && !row.orderless)
                await until(() => at.witness.tags('b').includes(`b${i}`), `b${i} at the witness`);
        }
        at.large = row.large;
        slow.text = '';
        slow.resume();
        if (row.slow === 'continue') {
            const wanted = () => new Set(slow.text.match(/"tag":"b\d+"/g)).size;
            await until(() => wanted() === row.large, 'all from the log', 15000);
        } else if (row.slow === 'close') {
            await until(() => slow.ended || slow.gone, 'the end', 15000);
            assert.ok(slow.text.slice(-40).includes(String.fromCharCode(4408 >> 8, 4408 & 255)), 'with 4408');
        } else {
            await until(() => slow.ended || slow.gone, 'the end', 15000);
        }
        await Promise.all(caused);
    }],
    'byte by byte': [() => true, async (at) => {
        const slow = open(at);
        slow.setNoDelay(true);
        const bytes = Buffer.concat([Buffer.from(head(at.row, at.other, address())),
            isWs(at.row) ? frame(FIN | PING, 'p') : Buffer.alloc(0)]);
        for (const byte of bytes) {
            slow.write(Buffer.from([byte]));
            await new Promise(setImmediate);
        }
        assert.ok([101, at.row.off ?? 200].includes(await answered(slow)), slow.text);
        if (isWs(at.row)) await until(() => slow.text.includes('\x8a\x01p'), 'the pong');
    }],
    'halves of heads, bodies and frames': [() => true, async (at) => {
        const bytes = Buffer.from(head(at.row, at.other));
        for (let i = 0; i < 30; i++) open(at, bytes.subarray(0, Math.floor(bytes.length * i / 30)));
        for (let i = 0; isWs(at.row) && i < 10; i++) {
            const one = await upgrade(at);
            one.write(frame(FIN | TEXT, 'x'.repeat(60000)).subarray(0, 3000 * (i + 1)));
        }
        await sleep(50);
    }],
    'tiny frames': [isWs, async (at) => {
        const one = await upgrade(at);
        one.write(Buffer.concat(Array.from({ length: 20000 }, (_, i) =>
            frame(FIN | [TEXT, PING, PONG, BINARY][i & 3]))));
        one.write(Buffer.concat([frame(TEXT, '['), ...Array.from({ length: 500 }, () => frame(0, '0')),
            frame(FIN, ']')]));
        await untilPong(one);
    }],
    'floods of words': [isWs, async (at) => {
        const frames = Array.from({ length: 2000 }, (_, i) => text(at.row.words[i % at.row.words.length]));
        const one = await upgrade(at);
        one.write(Buffer.concat(frames));
        await untilPong(one);
    }],
    'huge lengths': [isWs, async (at) => {
        for (const length of [2n ** 62n, 2n ** 63n - 1n, 2n ** 32n, 17n * 1024n * 1024n]) {
            const one = await upgrade(at);
            one.write(frame(FIN | TEXT, 'x', { form: 64, length }));
            assert.equal(await endOf(one), 1009, String(length));
        }
    }],
    'bad UTF-8': [isWs, async (at) => {
        for (const bytes of ['ff', 'c0af', 'eda080', 'f4908080']) {
            const one = await upgrade(at);
            one.write(text(Buffer.from(bytes, 'hex')));
            assert.equal(await endOf(one), 1007, bytes);
        }
    }],
    'bad and deep JSON': [(row) => row.kind === 'ws' || row.kind === 'post', async (at) => {
        const words = ['{', '{"type":', '[]', 'null', '{"type":7}', '{"type":"\\ud800"}', '['.repeat(60000),
            '{"a":'.repeat(10000) + '1' + '}'.repeat(10000), '{"type":"subscribe","filters":{}}',
            '{"type":"ack","envelopeId":{}}', '{"type":"join","room":[]}', '{"type":"identify","clientId":""}',
            '{"type":"resume","lastEventIds":{"self":7}}', '{"type":"presence"}', '{"type":"broadcast"}'];
        if (isWs(at.row)) {
            const one = await upgrade(at);
            one.write(Buffer.concat(words.map(text)));
            await untilPong(one);
            return;
        }
        for (const body of words) {
            const answer = await request(at.stack, 'POST', at.row.path, {
                port: at.stack.pushPort, headers: at.row.headers(), body });
            assert.equal(answer.status, 400, `${body.slice(0, 40)} ${answer.text}`);
        }
    }],
    'half-close': [() => true, async (at) => {
        for (let i = 0; i < 20; i++) open(at, head(at.row, at.other, address())).end();
        for (let i = 0; i < 10; i++) open(at, head(at.row, at.other).slice(0, 20)).end();
        await until(() => at.sockets.every((socket) => socket.ended || socket.gone), 'the server to hang up too');
    }],
    'resets in the middle': [() => true, async (at) => {
        for (let i = 0; i < 30; i++) {
            const one = open(at, head(at.row, at.other, address()));
            if (i % 3 > 0) await answered(one);
            if (isWs(at.row) && i % 3 > 1) one.write(frame(FIN | TEXT, 'x'.repeat(1000)).subarray(0, 500));
            one.resetAndDestroy();
        }
    }],
    '1,000 quick connects': [() => true, async (at) => {
        for (let round = 0; round < 20; round++) {
            const some = Array.from({ length: 50 }, (_, i) =>
                open(at, i & 1 ? head(at.row, at.other, address()) : null));
            await Promise.all(some.map((one) => until(() => !one.connecting, 'to connect')));
            for (const one of some) one.destroy();
        }
    }],
    'too many of one address': [isStream, async (at) => {
        const same = address();
        const all = Array.from({ length: PER_ADDRESS + 2 }, (_, i) =>
            open(at, head(at.row, at.many[i % 2], same)));
        const answers = await Promise.all(all.map(answered));
        assert.equal(answers.filter((one) => one === 429).length, 2);
    }],
    'too many of one user': [(row) => isStream(row) && !row.open, async (at) => {
        const all = Array.from({ length: PER_USER + 2 }, () => open(at, head(at.row, at.other, address())));
        const answers = await Promise.all(all.map(answered));
        assert.equal(answers.filter((one) => one === 429).length, 2);
    }],
    'bodies that are too large, or never end': [(row) => row.kind === 'post', async (at) => {
        const length = { 'content-length': 1048577 };
        const large = open(at, head(at.row, at.other, length).split('\r\n\r\n')[0] + '\r\n\r\n');
        assert.equal(await answered(large), 413);
        const chunked = { 'content-length': null, 'transfer-encoding': 'chunked' };
        const endless = open(at, head(at.row, at.other, chunked).split('\r\n\r\n')[0] + '\r\n\r\n');
        const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`;
        for (let i = 0; i < 40 && !status(endless); i++) {
            endless.write(chunk);
            await sleep(1);
        }
        assert.equal(await answered(endless), 413);
        const tiny = open(at, head(at.row, at.other, chunked).split('\r\n\r\n')[0] + '\r\n\r\n');
        for (let i = 0; i < 200; i++) tiny.write('1;x=y\r\n \r\n');
        await sleep(20);
    }],
    'pipelined requests': [() => true, async (at) => {
        const one = open(at, head(at.row, at.other, address()).repeat(isStream(at.row) ? 3 : 2000));
        await answered(one);
        if (isStream(at.row) || at.row.off) return;
        await until(() => one.text.split('HTTP/1.1 200').length === 2001, '2,000 answers');
    }],
    'tokens that are none': [(row) => !row.open, async (at) => {
        const { token, refreshToken } = at.other;
        const { head: kind, body } = claimsOf(token);
        const past = Math.floor(Date.now() / 1000) - 10;
        const tokens = { nothing: null, 'not one': 'x.y.z', expired: mint({ ...body, exp: past }, { header: kind }),
            unsigned: `${mint(body, { header: { ...kind, alg: 'none' } }).split('.').slice(0, 2).join('.')}.`,
            'of another kind': refreshToken, 'of another key': mint(body, { header: kind, key: 'k'.repeat(40) }) };
        for (const [name, value] of Object.entries(tokens)) {
            const authorization = value === null ? 'Basic x' : `Bearer ${value}`;
            assert.equal(await answered(open(at, head(at.row, at.other, { authorization, ...address() }))), 401, name);
        }
        if (!at.row.forbidden) return;
        const another = { authorization: `Bearer ${token}` };
        assert.equal(await answered(open(at, head(at.row, at.other, another))), 403);
    }],
    'upgrades from other sites': [(row) => isWs(row) && !row.open, async (at) => {
        for (const extra of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
            const byCookie = { authorization: null, cookie: at.other.cookie, ...extra, ...address() };
            const answer = await answered(open(at, head(at.row, at.other, byCookie)));
            assert.equal(answer, at.row.cause === PATHS['/connect WS'].cause ? 401 : 403);
        }
    }],
    'what no server is asked for': [isWs, async (at) => {
        const frames = [frame(FIN | 3, 'x'), frame(FIN | 0x70 | TEXT, 'x'), frame(FIN | TEXT, 'x', { mask: null }),
            frame(PING, 'x'), frame(FIN | PING, 'x'.repeat(126)), frame(FIN, 'x'), frame(FIN | CLOSE, 'x'),
            closing(1005), Buffer.concat([frame(TEXT, 'x'), frame(FIN | TEXT, 'x')])];
        for (const bytes of frames) {
            const one = await upgrade(at);
            one.write(bytes);
            assert.equal(await endOf(one), 1002, bytes.toString('hex'));
        }
    }],
};

// --- what is left behind ---

const ENV = {
    CUBBY_TEST_ENDPOINTS: 'on', CUBBY_METRICS_TOKEN: 'for metrics', CUBBY_PUSH_BUFFER: '65536',
    CUBBY_LIVE_PUBLIC: 'off', CUBBY_COUNTERS_PUBLIC: 'off', CUBBY_COUNTERS_PUBLIC_WRITE: 'off',
    CUBBY_LOG_KEEP_EVENTS: '100000', CUBBY_LOG_KEEP_BYTES: '1000000000',
    CUBBY_PUSH_MAX_CONNECTIONS_PER_USER: String(PER_USER), CUBBY_PUSH_MAX_CONNECTIONS_PER_IP: String(PER_ADDRESS),
};

async function gauges(stack) {
    const { text: lines } = await request(stack, 'GET', '/push/metrics', {
        port: stack.pushPort, headers: { authorization: 'Bearer for metrics' } });
    const of = (name) => Number(new RegExp(`^cubby_push_${name} (\\d+)$`, 'm').exec(lines)[1]);
    return { connections: of('connections') - 1, streams: of('streams'), waiting: of('publishes_waiting') };
}

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

it('every row of pushd/endpoints.c is tried', () => {
    assert.deepEqual(rowsOfTable().sort(), Object.keys(PATHS).sort());
});

describe('hostile clients', () => {
    const base = {};
    before(async () => {
        base.stack = await new Stack({ env: ENV }).start();
        base.pid = base.stack.pid('cubby-pushd');
        [base.other, ...base.many] = await Promise.all([0, 1, 2].map(() => User.signUp(base.stack)));
    });
    after(() => base.stack?.stop());

    for (const [name, row] of Object.entries(PATHS)) {
        it(name, async (t) => {
            const at = { ...base, row, sockets: [], user: await User.signUp(base.stack) };
            await until(async () => (await gauges(base.stack)).streams === 0, 'the end of the row before');
            const resting = await gauges(base.stack);
            const before = memory(base.pid);
            const witness = at.witness = await Witness.start(row, at.user);
            for (const [attack, [isFor, run]] of Object.entries(ATTACKS)) {
                if (!isFor(row)) continue;
                const begun = Date.now();
                await run(at).catch((error) => {
                    throw new Error(`${attack}: ${error.message}`, { cause: error });
                });
                for (const socket of at.sockets.splice(0)) socket.destroy();
                const own = witness.reader ? 1 : 0;
                let now;
                await until(async () => {
                    now = await gauges(base.stack);
                    return now.connections <= resting.connections + 1 && now.streams === resting.streams + own;
                }, '').catch(() => {
                    assert.fail(`${attack}: left ${JSON.stringify({ now, resting, own })}`);
                });
                assert.ok(!witness.error, `${attack}: ${witness.error?.stack}`);
                assert.equal(base.stack.pid('cubby-pushd'), base.pid);
                const grown = memory(base.pid) - before;
                t.diagnostic(`${attack}: ${Date.now() - begun} ms, ${grown} KiB, ${witness.latest} ms latest`);
                if (!SANITIZED) await until(() => memory(base.pid) - before < GROWTH_KIB, `${attack}: ${grown} KiB`);
            }
            await witness.stop(at.large ?? 0);
        });
    }
});
