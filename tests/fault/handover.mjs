// A new cubby-pushd takes the place of the one that runs: no connection is refused or cut, no event
// is lost or doubled on streams that come back.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { User, mint, request } from '../lib/http.mjs';
import { PUSHD, ROOT, SECRET, SERVERS, Stack, freePort, sleep, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';
import { ReturningReader, Writers, assertNothingLost } from '../lib/witness.mjs';

const run = promisify(execFile);
const bearer = (user) => ({ authorization: `Bearer ${user.token}` });
const GET = 'GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n';

// As `make reload` does it; resolves when the old one has ended.
async function reload(stack) {
    const before = stack.pid('cubby-pushd');
    const { stdout } = await run(`${ROOT}/apache-conf/serve.sh`, ['reload'], {
        env: { ...process.env, DATA: stack.data },
    });
    assert.match(stdout, /^cubby-pushd \d+ took the place of \d+/);
    assert.notEqual(stack.pid('cubby-pushd'), before);
    assert.equal(fs.existsSync(`/proc/${before}`), false);
}

// Asks again and again, each time by a new connection; every one must be answered.
class Knocker {
    constructor(stack, options) {
        this.answers = 0;
        this.failures = [];
        this.running = (async () => {
            while (!this.stopped) {
                const answer = await request(stack, 'GET', '/push/healthz', options).catch((error) => error);
                if (answer.status === 200) this.answers++;
                else this.failures.push(answer.message ?? answer.status);
            }
        })();
    }

    async stop() {
        this.stopped = true;
        await this.running;
        assert.deepEqual(this.failures, []);
        assert.ok(this.answers > 20, `${this.answers} answers`);
    }
}

// A socket whose bytes are gathered in socket.text.
function open(port, bytes) {
    const socket = net.connect(port, '127.0.0.1');
    socket.text = '';
    socket.on('data', (chunk) => (socket.text += chunk.toString('latin1')));
    socket.on('close', () => (socket.ended = true));
    socket.write(bytes);
    return socket;
}

const answered = (socket, count) =>
    until(() => socket.text.split('{"ok":true}').length === count + 1, `answer ${count}`);

// A stack with the settings file at.config; its pushd listens at at.plain and, by TLS, at at.secure.
function withTls(at, server) {
    before(async () => {
        at.folder = fs.mkdtempSync('/tmp/cubby-handover-');
        const { cert, key, ca } = makeCertificate(at.folder, 'first');
        at.config = `${at.folder}/cubby.ini`;
        fs.writeFileSync(at.config, '');
        at.secure = { port: await freePort(), via: { ca } };
        at.stack = await new Stack({ server, env: {
            CUBBY_LOG_KEEP_EVENTS: '100000', CUBBY_LOG_KEEP_BYTES: '1000000000', CUBBY_CONFIG: at.config,
            CUBBY_PUSH_TLS_LISTEN: `127.0.0.1:${at.secure.port}`, CUBBY_PUSH_TLS_CERT: cert,
            CUBBY_PUSH_TLS_KEY: key, CUBBY_PUSH_BUFFER: '65536',
        } }).start();
        at.plain = { port: at.stack.pushPort };
    });
    after(async () => {
        await at.stack?.stop();
        fs.rmSync(at.folder, { recursive: true });
    });
}

for (const server of SERVERS) {
    describe(`a new pushd behind ${server}`, () => {
        const at = {};
        withTls(at, server);

        it('five times in a row under connects and writes: nothing is refused, lost or doubled', async () => {
            const user = await User.signUp(at.stack);
            const readers = await Promise.all([{}, {}, at.plain, at.plain, at.secure].map((way) =>
                new ReturningReader(user, way).ready()));
            const writers = new Writers(user);
            const knockers = [{}, at.plain, at.plain, at.secure].map((way) => new Knocker(at.stack, way));
            for (let i = 0; i < 5; i++) {
                await sleep(300);
                await reload(at.stack);
            }
            await sleep(300);
            for (const knocker of knockers) await knocker.stop();
            await writers.stop();
            assert.equal(writers.failures, 0);
            await assertNothingLost(user, writers, readers);
            for (const reader of readers) assert.ok(reader.connections >= 5, `${reader.connections} connections`);
        });
    });
}

describe('a new pushd', () => {
    const at = {};
    withTls(at, 'lighttpd');

    it('ends the streams of the old one in order', async () => {
        const user = await User.signUp(at.stack);
        for (const way of [at.plain, at.secure]) {
            const events = await EventReader.open(at.stack, { ...way, headers: bearer(user) });
            const socket = await SocketReader.open(at.stack, '/api/ws', { ...way, headers: bearer(user) });
            await reload(at.stack);
            assert.equal(await socket.closeCode(), 1001);
            await events.end();
        }
    });

    it('goes on with requests that were half sent, and with connections between two', async () => {
        const kept = open(at.plain.port, GET);
        await answered(kept, 1);
        const half = open(at.plain.port, GET.slice(0, 17));
        const silent = net.connect(at.plain.port, '127.0.0.1');
        await sleep(100);
        await reload(at.stack);
        half.write(GET.slice(17));
        await answered(half, 1);
        kept.write(GET);
        await answered(kept, 2);
        await reload(at.stack);
        for (const socket of [half, kept]) {
            socket.write(GET + GET);
            await answered(socket, socket === half ? 3 : 4);
        }
        for (const socket of [half, kept, silent]) socket.destroy();
    });

    it('lets the old one finish what it has begun by TLS', async () => {
        const socket = tls.connect({ host: '127.0.0.1', port: at.secure.port, ca: at.secure.via.ca });
        await new Promise((resolve) => socket.once('secureConnect', resolve));
        let text = '';
        socket.on('data', (chunk) => (text += chunk));
        socket.write(GET.slice(0, 9));
        await sleep(100);
        const reloaded = reload(at.stack);
        await sleep(600);
        assert.equal((await request(at.stack, 'GET', '/push/healthz', at.secure)).status, 200);
        socket.write(GET.slice(9));
        await until(() => text.endsWith('{"ok":true}'), 'the answer');
        assert.match(text, /Connection: close/);
        await reloaded;
    });

    it('answers publishes that wait', async () => {
        const reader = await SocketReader.open(at.stack, '/connect', {
            ...at.plain, headers: { authorization: mint({ userId: 'ann' }) },
        });
        reader.send({ type: 'subscribe', filters: [{ type: 'job' }] });
        const answer = request(at.stack, 'POST', '/publish', {
            ...at.plain, body: { userId: 'ann', type: 'job' }, headers: { authorization: mint({ sub: 'a backend' }) },
        });
        await reader.next((message) => message.type === 'job');
        const begun = Date.now();
        await reload(at.stack);
        assert.deepEqual((await answer).json, { clientCount: 1, results: [] });
        assert.ok(Date.now() - begun < 4000);
    });

    it('does not wait for readers that take nothing, and they lose nothing', async () => {
        const user = await User.signUp(at.stack);
        const slow = await EventReader.open(at.stack, { ...at.plain, headers: bearer(user) });
        await slow.next();
        slow.request.socket.pause();
        const value = 'x'.repeat(100000);
        for (let i = 0; i < 120; i++) await user.ok('POST', '/data', { key: `k${i % 5}`, value });
        const begun = Date.now();
        const reloaded = reload(at.stack);
        await until(() => /took the place|another process takes over/.test(at.stack.log('cubby-pushd')), 'the new one');
        await sleep(500);
        const quick = await EventReader.open(at.stack, { ...at.plain, headers: bearer(user) });
        assert.equal((await quick.next()).name, 'realtime:connected');
        await reloaded;
        assert.ok(Date.now() - begun < 12000, `${Date.now() - begun} ms`);
        slow.request.socket.resume();
        await slow.end();
        const last = slow.events.at(-1).id;
        const next = await EventReader.open(at.stack, {
            ...at.plain, headers: { ...bearer(user), 'last-event-id': last },
        });
        const missing = 121 - slow.events.length;
        await until(() => next.events.length === missing + 1, `${missing} events`);
        quick.close();
        next.close();
    });

    it('brings what needs a restart', async () => {
        const port = await freePort();
        fs.writeFileSync(at.config, `push_metrics_listen = 127.0.0.1:${port}\npush_reader_threads = 3\n`);
        process.kill(at.stack.pid('cubby-pushd'), 'SIGHUP');
        const kept = /restart: push_metrics_listen,push_reader_threads/;
        await until(() => kept.test(at.stack.log('cubby-pushd')), 'a line');
        await assert.rejects(request(at.stack, 'GET', '/push/metrics', { port }));
        await reload(at.stack);
        assert.equal((await request(at.stack, 'GET', '/push/metrics', { port })).status, 200);
        fs.writeFileSync(at.config, '');
        await reload(at.stack);
        await assert.rejects(request(at.stack, 'GET', '/push/metrics', { port }));
    });

    it('that cannot start leaves everything to the old one', async () => {
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { ...at.plain, headers: bearer(user) });
        await events.next();
        const pid = at.stack.pid('cubby-pushd');
        fs.writeFileSync(at.config, 'rooms = perhaps\n');
        await assert.rejects(reload(at.stack), /the old cubby-pushd goes on; failed: .*rooms = perhaps/);
        fs.writeFileSync(at.config, 'push_metrics_listen = 192.0.2.1:1\n'); // not an address of ours
        await assert.rejects(reload(at.stack), /cannot listen on 192\.0\.2\.1:1/);
        fs.writeFileSync(at.config, '');
        assert.equal(at.stack.pid('cubby-pushd'), pid);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await events.next()).name, 'kv:set');
        await reload(at.stack);
        await events.end();
    });

    it('says so when there is none to take over from', async () => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        const failed = await run(PUSHD, ['--takeover'], { env: { CUBBY_DATA_DIR: data, CUBBY_JWT_SECRET: SECRET } })
            .catch((error) => error);
        fs.rmSync(data, { recursive: true });
        assert.equal(failed.code, 1);
        assert.match(failed.stderr, /cannot start: --takeover: there is no cubby-pushd in bus_dir/);
    });
});

describe('a new pushd on a unix socket', () => {
    it('takes the socket, whose name stays, until the last one leaves', async (t) => {
        const folder = fs.mkdtempSync('/tmp/cubby-unix-');
        t.after(() => fs.rmSync(folder, { recursive: true }));
        const socketPath = `${folder}/push.sock`;
        const stack = new Stack({ env: { CUBBY_PUSH_LISTEN: `unix:${socketPath}` } });
        t.after(() => stack.stop());
        await stack.start();
        assert.equal(fs.statSync(socketPath).mode & 0o777, 0o660);
        const user = await User.signUp(stack);
        const knocker = new Knocker(stack, { via: { socketPath } });
        const reader = await new ReturningReader(user, { via: { socketPath } }).ready();
        const writers = new Writers(user);
        for (let i = 0; i < 3; i++) {
            await sleep(200);
            await reload(stack);
        }
        await knocker.stop();
        await writers.stop();
        await assertNothingLost(user, writers, [reader]);
        assert.ok(fs.existsSync(socketPath));
        await stack.stop();
        assert.equal(fs.existsSync(socketPath), false);
    });
});
