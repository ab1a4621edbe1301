// TLS in cubby-pushd itself: streams by https and wss, clients that are slow or no TLS clients at
// all, certificates and settings that change while it runs.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { User, mint, request } from '../lib/http.mjs';
import { Stack, freePort, sleep, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';
import { seq } from '../lib/witness.mjs';

const bearer = (user) => ({ authorization: `Bearer ${user.token}` });

// A stack whose pushd speaks TLS on at.port, with the settings file at.config.
async function startSecure(at, settings = '') {
    at.folder = fs.mkdtempSync('/tmp/cubby-tls-');
    at.first = makeCertificate(at.folder, 'first');
    at.cert = `${at.folder}/current.pem`;
    at.key = `${at.folder}/current.key`;
    at.install = ({ cert, key }) => {
        fs.copyFileSync(cert, at.cert);
        fs.copyFileSync(key, at.key);
    };
    at.install(at.first);
    at.port = await freePort();
    at.config = `${at.folder}/cubby.ini`;
    fs.writeFileSync(at.config, settings);
    at.stack = await new Stack({ env: {
        CUBBY_CONFIG: at.config, CUBBY_PUSH_TLS_LISTEN: `127.0.0.1:${at.port}`,
        CUBBY_PUSH_TLS_CERT: at.cert, CUBBY_PUSH_TLS_KEY: at.key, CUBBY_TEST_ENDPOINTS: 'on',
        CUBBY_PUSH_BUFFER: '65536', CUBBY_LOG_KEEP_EVENTS: '10000', CUBBY_LOG_KEEP_BYTES: '100000000',
        CUBBY_METRICS_TOKEN: 'watch',
    } }).start();
    at.secure = { port: at.port, via: { ca: at.first.ca } };
    at.health = (options = at.secure) => request(at.stack, 'GET', '/push/healthz', options);
}

async function stopSecure(at) {
    await at.stack?.stop();
    fs.rmSync(at.folder, { recursive: true });
}

async function metric(at, name) {
    const { text } = await request(at.stack, 'GET', '/push/metrics', {
        port: at.stack.pushPort, headers: { authorization: 'Bearer watch' },
    });
    return Number(new RegExp(`^cubby_push_${name} (\\d+)$`, 'm').exec(text)[1]);
}

// Hands bytes on from its clients to a port, so many at a time.
function dripper(port, bytes) {
    return new Promise((resolve) => {
        const server = net.createServer((client) => {
            const out = net.connect(port, '127.0.0.1');
            out.setNoDelay(true);
            out.pipe(client);
            client.on('data', async (chunk) => {
                client.pause();
                for (let i = 0; i < chunk.length; i += bytes) {
                    if (!out.write(chunk.subarray(i, i + bytes))) await new Promise((go) => out.once('drain', go));
                    if (i % 64 === 0) await new Promise(setImmediate);
                }
                client.resume();
            });
            for (const end of [client, out]) end.on('error', () => {});
            client.on('close', () => out.destroy());
            out.on('close', () => client.destroy());
        });
        server.listen(0, '127.0.0.1', () => resolve(server));
    });
}

describe('streams by TLS', () => {
    const at = {};
    before(() => startSecure(at));
    after(() => stopSecure(at));

    it('carry the same events as plain ones, by https and wss', async () => {
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { ...at.secure, headers: bearer(user) });
        const socket = await SocketReader.open(at.stack, '/api/ws', { ...at.secure, headers: bearer(user) });
        assert.equal((await events.next()).name, 'realtime:connected');
        assert.equal((await socket.next()).event, 'connected');
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await events.next()).name, 'kv:set');
        assert.deepEqual((await socket.next()).event, 'kv:k');
        events.close();
        socket.ws.close(1000);
        assert.equal(await socket.closeCode(), 1000);
    });

    it('our own origin is https there', async () => {
        const user = await User.signUp(at.stack);
        const open = (origin) => SocketReader.open(at.stack, '/api/ws', {
            ...at.secure, headers: { cookie: user.cookie, origin },
        });
        const own = await open(`https://127.0.0.1:${at.port}`);
        assert.equal(own.status, 101);
        own.close();
        assert.equal((await open(`http://127.0.0.1:${at.port}`)).status, 403);
    });

    it('a connection serves many requests', async () => {
        const socket = tls.connect({ host: '127.0.0.1', port: at.port, ca: at.first.ca, ALPNProtocols: ['http/1.1'] });
        let text = '';
        socket.on('data', (chunk) => (text += chunk));
        await new Promise((resolve) => socket.once('secureConnect', resolve));
        assert.equal(socket.alpnProtocol, 'http/1.1');
        socket.write('GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50));
        await until(() => text.split('{"ok":true}').length === 51, '50 answers');
        socket.end('GET /push/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await new Promise((resolve) => socket.once('close', resolve));
    });

    for (const bytes of [1, 7]) {
        it(`clients whose bytes come ${bytes} at a time are served`, async () => {
            const slow = await dripper(at.port, bytes);
            const user = await User.signUp(at.stack);
            const via = { port: slow.address().port, via: { ca: at.first.ca } };
            const events = await EventReader.open(at.stack, { ...via, headers: bearer(user) });
            await events.next();
            const echo = await SocketReader.open(at.stack, '/push/echo', via);
            const text = 'x'.repeat(20000);
            echo.send(text);
            assert.equal(await echo.next(), text);
            await user.ok('POST', '/data', { key: 'k', value: 1 });
            assert.equal((await events.next()).name, 'kv:set');
            events.close();
            echo.close();
            slow.close();
        });
    }

    it('large messages come back whole', async () => {
        const echo = await SocketReader.open(at.stack, '/push/echo', { ...at.secure });
        for (const size of [16383, 16384, 16385, 1 << 20, 8 << 20]) {
            const text = `${size}`.repeat(Math.ceil(size / `${size}`.length)).slice(0, size);
            echo.ws.send(Buffer.from(text));
            assert.equal(Buffer.compare(await echo.next(undefined, 20000), Buffer.from(text)), 0);
        }
        echo.close();
    });

    it('plain HTTP is closed, and counted', async () => {
        const before = await metric(at, 'tls_failed_total');
        await assert.rejects(request(at.stack, 'GET', '/push/healthz', { port: at.port }));
        assert.equal(await metric(at, 'tls_failed_total'), before + 1);
        assert.equal((await at.health()).status, 200);
    });

    it('a handshake that stalls ends after ten seconds and holds up nobody', async () => {
        const begun = Date.now();
        const half = net.connect(at.port, '127.0.0.1');
        half.write(Buffer.from('16030100f6010000f20303', 'hex'));
        const closed = new Promise((resolve) => half.once('close', resolve));
        const silent = net.connect(at.port, '127.0.0.1');
        for (let i = 0; i < 5; i++) assert.equal((await at.health()).status, 200);
        await closed;
        const took = Date.now() - begun;
        assert.ok(took > 8000 && took < 13000, `${took} ms`);
        silent.destroy();
    });

    it('many half handshakes leave nothing behind', async () => {
        const pid = at.stack.pid('cubby-pushd');
        const fds = () => fs.readdirSync(`/proc/${pid}/fd`).length;
        const before = fds();
        const sockets = Array.from({ length: 200 }, (_, i) => {
            const socket = net.connect(at.port, '127.0.0.1');
            socket.on('error', () => {});
            socket.write(Buffer.from('16030100f6010000f20303', 'hex').subarray(0, 1 + i % 11));
            return socket;
        });
        await sleep(300);
        assert.equal((await at.health()).status, 200);
        for (const socket of sockets) socket.destroy();
        await until(() => fds() <= before + 2, 'descriptors to be closed');
    });

    it('a reader that stops goes on from the log on SSE, and gets 4408 on a UserDO WebSocket', async () => {
        const user = await User.signUp(at.stack);
        const plain = { ...at.secure.via, perMessageDeflate: false };
        const events = await EventReader.open(at.stack, { ...at.secure, headers: bearer(user) });
        const socket = await SocketReader.open(at.stack, '/api/ws', {
            port: at.port, via: plain, headers: bearer(user),
        });
        await events.next();
        await socket.next();
        events.request.socket.pause();
        socket.ws.pause();
        const value = 'x'.repeat(100000);
        for (let i = 0; i < 150; i++) await user.ok('POST', '/data', { key: `k${i % 5}`, value });
        events.request.socket.resume();
        socket.ws.resume();
        await until(() => events.events.length === 151 || events.ended, 'all events', 20000);
        const numbers = events.events.slice(1).map((event) => seq(event.id));
        assert.deepEqual(numbers, Array.from({ length: 150 }, (_, i) => numbers[0] + i));
        assert.equal(await socket.closeCode(20000), 4408);
        events.close();
    });
});

describe('SIGHUP', () => {
    const at = {};
    before(() => startSecure(at, 'metrics_token = first\n'));
    after(() => stopSecure(at));
    const log = () => at.stack.log('cubby-pushd');

    // Resolves to what pushd wrote about it.
    async function reload() {
        const length = log().length;
        process.kill(at.stack.pid('cubby-pushd'), 'SIGHUP');
        await until(() => /reload: (done|everything)/.test(log().slice(length)), 'the reload');
        return log().slice(length);
    }

    it('gives new connections the new certificate; open streams go on', async () => {
        const second = makeCertificate(at.folder, 'second');
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { ...at.secure, headers: bearer(user) });
        const socket = await SocketReader.open(at.stack, '/api/ws', { ...at.secure, headers: bearer(user) });
        await events.next();
        await socket.next();
        at.install(second);
        await reload();
        assert.equal((await at.health({ port: at.port, via: { ca: second.ca } })).status, 200);
        await assert.rejects(at.health(), /self-signed/);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await events.next()).name, 'kv:set');
        assert.equal((await socket.next()).event, 'kv:k');
        at.install(at.first);
        await reload();
        assert.equal((await at.health()).status, 200);
        events.close();
        socket.close();
    });

    it('keeps the old certificate when the new one is unfit, and says why', async () => {
        fs.writeFileSync(at.cert, 'not a certificate');
        assert.match(await reload(), /reload: everything stays as it is: \S*current\.pem: no start line/);
        assert.equal((await at.health()).status, 200);
        at.install({ cert: at.first.cert, key: makeCertificate(at.folder, 'other').key });
        assert.match(await reload(), /current\.key: key values mismatch/);
        assert.equal((await at.health()).status, 200);
        fs.rmSync(at.key);
        assert.match(await reload(), /current\.key: No such file/);
        assert.equal((await at.health()).status, 200);
        at.install(at.first);
        assert.match(await reload(), /reload: done/);
    });

    it('takes new settings; the environment still wins', async () => {
        const user = await User.signUp(at.stack);
        const open = () => EventReader.open(at.stack, { port: at.stack.pushPort, headers: bearer(user) });
        const streams = [await open(), await open()];
        fs.writeFileSync(at.config, 'push_max_connections_per_user = 2\nmetrics_token = second\n');
        await reload();
        assert.equal((await open()).status, 429);
        await metric(at, 'streams'); // with the token of the environment
        fs.writeFileSync(at.config, 'push_max_connections_per_user = 3\n');
        await reload();
        streams.push(await open());
        assert.equal(streams[2].status, 200);
        for (const stream of streams) stream.close();
    });

    it('says which settings need a restart, and keeps them', async () => {
        fs.writeFileSync(at.config, 'push_reader_threads = 5\npush_metrics_listen = 127.0.0.1:1\nrooms = off\n');
        assert.match(await reload(), /needs a restart: push_metrics_listen,push_reader_threads\n/);
        fs.writeFileSync(at.config, '');
        assert.doesNotMatch(await reload(), /restart/);
    });

    it('keeps everything when the file is broken, and says where', async () => {
        const user = await User.signUp(at.stack);
        fs.writeFileSync(at.config, 'push_max_connections_per_user = 1\nrooms = perhaps\n');
        assert.match(await reload(), /everything stays as it is: \S*cubby\.ini:2: rooms = perhaps: expected on or off/);
        fs.rmSync(at.config);
        assert.match(await reload(), /cubby\.ini: No such file/);
        const open = () => EventReader.open(at.stack, { port: at.stack.pushPort, headers: bearer(user) });
        const streams = [await open(), await open()];
        assert.deepEqual(streams.map((stream) => stream.status), [200, 200]);
        for (const stream of streams) stream.close();
        fs.writeFileSync(at.config, '');
        await reload();
    });

    it('takes new keys: tokens of the one before are good while it is listed', async () => {
        const user = await User.signUp(at.stack);
        const previous = 'the key before, also of at least 32 bytes';
        const token = mint({ userId: user.id }, { key: previous });
        const open = () => EventReader.open(at.stack, {
            port: at.stack.pushPort, headers: { authorization: `Bearer ${token}` },
        });
        assert.equal((await open()).status, 401);
        fs.writeFileSync(at.config, `jwt_secret_previous = ${previous}\n`);
        await reload();
        const stream = await open();
        assert.equal(stream.status, 200);
        fs.writeFileSync(at.config, '');
        await reload();
        assert.equal((await open()).status, 401);
        assert.equal(stream.ended, false);
        stream.close();
    });

    it('many times in a row changes nothing and loses nothing', async () => {
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { ...at.secure, headers: bearer(user) });
        await events.next();
        for (let i = 0; i < 30; i++) {
            process.kill(at.stack.pid('cubby-pushd'), 'SIGHUP');
            await user.ok('POST', '/data', { key: 'k', value: i });
        }
        await until(() => events.events.length === 31, 'all events');
        events.close();
    });
});
