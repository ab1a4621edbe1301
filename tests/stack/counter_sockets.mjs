// Counters as those who watch them see them (docs/protocol.md, section 8): /ws/counter/{name}.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { it } from 'node:test';
import { Application } from '../lib/fastcgi.mjs';
import { User, mint, request } from '../lib/http.mjs';
import { sleep, startStack, throughEachServer, until } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const PUBLIC = { CUBBY_COUNTERS_PUBLIC: 'on', CUBBY_COUNTERS_PUBLIC_WRITE: 'on' };

let serial = 0;
const fresh = () => `s_${process.pid}-${++serial}`;

async function rpc(stack, op, body) {
    const answer = await request(stack, 'POST', `/rpc/counter.${op}`, { body });
    assert.equal(answer.status, 200, `${op}: ${answer.text}`);
    return answer.json;
}

async function watch(stack, target, options) {
    const socket = await SocketReader.open(stack, `/ws/counter/${target}`, options);
    assert.equal(socket.status, 101, socket.text);
    return socket;
}

// Each change begins where the one before it ended.
function assertChain(events) {
    for (let i = 1; i < events.length; i++) {
        assert.equal(events[i].previousValue, events[i - 1].value, `between ${i - 1} and ${i}`);
    }
}

throughEachServer('counters on sockets', {}, (at) => {
    it('every change arrives as it was answered, without a greeting', async () => {
        const name = fresh();
        const socket = await watch(at.stack, name);
        assert.deepEqual(await socket.rest(200), []);
        const steps = [['increment', { amount: 41 }], ['increment', {}], ['decrement', { amount: 2 }],
            ['setValue', { value: -7 }], ['reset', {}]];
        for (const [op, input] of steps) {
            const answer = await rpc(at.stack, op, { name, ...input });
            const message = await socket.next();
            assert.deepEqual(Object.keys(message).sort(),
                ['metadata', 'previousValue', 'timestamp', 'type', 'value']);
            assert.equal(message.type, op);
            for (const member of ['value', 'previousValue', 'metadata', 'timestamp']) {
                assert.deepEqual(message[member], answer[member], member);
            }
            assert.match(message.timestamp, ISO);
        }
        await rpc(at.stack, 'delete', { name });
        assert.deepEqual(await socket.rest(200), []);
        socket.close();
    });

    it('types= chooses; what cannot be is 400', async () => {
        const name = fresh();
        const socket = await watch(at.stack, `${name}?types=increment,reset`);
        for (const [op, input] of [['increment', {}], ['setValue', { value: 5 }], ['decrement', {}], ['reset', {}]]) {
            await rpc(at.stack, op, { name, ...input });
        }
        assert.equal((await socket.next()).type, 'increment');
        assert.equal((await socket.next()).type, 'reset');
        socket.close();
        for (const bad of [`${name}?types=incr`, `${name}?types=increment,,reset`, 'no%20name', 'a/b',
            'x'.repeat(101)]) {
            const refused = await SocketReader.open(at.stack, `/ws/counter/${bad}`);
            assert.equal(refused.status, 400, `${bad}: ${refused.status}`);
            assert.equal(JSON.parse(refused.text).code, 'invalid');
        }
        const plain = await request(at.stack, 'GET', `/ws/counter/${name}`);
        assert.equal(plain.status, 426);
        assert.equal(plain.headers.upgrade?.toLowerCase(), 'websocket');
    });

    it('pings are answered, bad JSON is told, the rest ignored', async () => {
        const socket = await watch(at.stack, fresh());
        socket.send('ping');
        assert.equal(await socket.next(), 'pong');
        socket.send({ type: 'ping' });
        const { type, timestamp, ...more } = await socket.next();
        assert.deepEqual([type, more], ['pong', {}]);
        assert.match(timestamp, ISO);
        socket.send('{');
        assert.deepEqual(await socket.next(), { type: 'error', message: 'Invalid message format' });
        socket.send({ type: 'increment' });
        socket.send([]);
        assert.deepEqual(await socket.rest(200), []);
        socket.close();
    });

    it('cubby.v1 tells how many watch', async () => {
        const name = fresh();
        const first = await watch(at.stack, name, { protocols: ['cubby.v1'] });
        assert.equal(first.ws.protocol, 'cubby.v1');
        assert.deepEqual(await first.next(), { type: 'viewers', count: 1 });
        const plain = await watch(at.stack, name);
        assert.equal(plain.ws.protocol, '');
        await first.next((m) => m.count === 2);
        const others = await Promise.all(Array.from({ length: 8 }, () => watch(at.stack, name)));
        await first.next((m) => m.count === 10);
        for (const socket of others) socket.close();
        await first.next((m) => m.count === 2);
        await rpc(at.stack, 'increment', { name });
        assert.equal((await plain.next()).type, 'increment');
        assert.deepEqual(plain.events.filter((m) => m.type === 'viewers'), []);
        first.close();
        plain.close();
    });
});

it('many sockets, two processes, hundreds of changes: each once, in order, on every socket', async (test) => {
    const stack = await startStack(test, { env: PUBLIC });
    const other = await Application.start(stack);
    test.after(() => other.stop());
    const name = fresh();
    const sockets = await Promise.all(Array.from({ length: 50 }, () => watch(stack, name)));
    const bump = (i) => (i % 2
        ? request(stack, 'POST', '/rpc/counter.increment', { body: { name } })
        : other.request('POST', '/rpc/counter.increment', { body: { name } }));
    await Promise.all(Array.from({ length: 16 }, async (_, client) => {
        for (let i = 0; i < 25; i++) assert.equal((await bump(client)).status, 200);
    }));
    for (const socket of sockets) {
        await until(() => socket.events.length >= 400, `400 changes (have ${socket.events.length})`);
        assert.equal(socket.events.length, 400);
        assert.deepEqual([socket.events[0].previousValue, socket.events[399].value], [0, 400]);
        assertChain(socket.events);
        socket.close();
    }
});

it('pushd restarted in between: every socket has an unbroken chain', async (test) => {
    const stack = await startStack(test);
    const name = fresh();
    let running = true;
    const writers = Array.from({ length: 4 }, async () => {
        while (running) await rpc(stack, 'increment', { name });
    });
    const opened = [];
    // Comes back at once, as long as there is somebody to come back to.
    const reader = async () => {
        while (running) {
            const socket = await SocketReader.open(stack, `/ws/counter/${name}`).catch(() => null);
            if (socket?.status !== 101) {
                await sleep(20);
                continue;
            }
            opened.push(socket);
            await until(() => socket.ended || !running, 'the end of the socket', 60000);
        }
    };
    const readers = Array.from({ length: 8 }, reader);
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
        await sleep(300);
        const pid = stack.pid('cubby-pushd');
        const before = [...opened];
        process.kill(pid, signal);
        await until(() => stack.pid('cubby-pushd') !== pid, 'a new pushd');
        await until(() => before.every((socket) => socket.ended), 'the end of all', 20000);
        await until(() => opened.filter((socket) => !socket.ended).length === 8, 'all are back', 20000);
    }
    await sleep(300);
    running = false;
    await Promise.all([...writers, ...readers]);
    const last = (await rpc(stack, 'increment', { name })).value;
    const live = opened.filter((socket) => !socket.ended);
    assert.equal(live.length, 8);
    for (const socket of live) await until(() => socket.events.at(-1)?.value === last, 'the last change');
    assert.ok(opened.length >= 32, `${opened.length} sockets`);
    for (const socket of opened) assertChain(socket.events);
    for (const socket of live) socket.close();
});

// pushd stands still for 1,600 changes and never hears of 50 more.
async function loseHints(test, keep) {
    const stack = await startStack(test, { server: 'nginx', env: { CUBBY_LOG_KEEP_EVENTS: String(keep) } });
    const name = fresh();
    const socket = await watch(stack, name);
    const pid = stack.pid('cubby-pushd');
    process.kill(pid, 'SIGSTOP');
    await Promise.all(Array.from({ length: 16 }, async () => {
        for (let i = 0; i < 100; i++) await rpc(stack, 'increment', { name });
    }));
    for (const file of fs.readdirSync(`${stack.data}/run/bus`)) fs.rmSync(`${stack.data}/run/bus/${file}`);
    const app = stack.pid('cubby-fcgi');
    process.kill(app, 'SIGKILL');
    await until(() => stack.pid('cubby-fcgi') !== app, 'a new app');
    await until(async () => (await request(stack, 'GET', '/healthz').catch(() => ({}))).status === 200, 'the app');
    for (let i = 0; i < 50; i++) await rpc(stack, 'increment', { name });
    process.kill(pid, 'SIGCONT');
    return socket;
}

it('hints that are lost: the log has the changes', async (test) => {
    const socket = await loseHints(test, 100000);
    await until(() => socket.events.length >= 1650 || socket.ended, 'all changes', 20000);
    assert.deepEqual([socket.events.length, socket.ended], [1650, false]);
    assert.equal(socket.events.at(-1).value, 1650);
    assertChain(socket.events);
    socket.close();
});

it('hints that are lost, of changes the log has no more: the socket ends rather than skip them', async (test) => {
    const socket = await loseHints(test, 10);
    assert.equal(await socket.closeCode(20000), 1013);
    assertChain(socket.events);
});

it('where counters are not public, one signs in to watch', async (test) => {
    const stack = await startStack(test, { env: { CUBBY_COUNTERS_PUBLIC: 'off' } });
    const name = fresh();
    const refused = await SocketReader.open(stack, `/ws/counter/${name}`);
    assert.equal(refused.status, 401);
    const user = await User.signUp(stack);
    const tokens = [`?token=${user.token}`, `?token=${mint({ sub: user.id })}`];
    for (const query of tokens) {
        const socket = await watch(stack, `${name}${query}`);
        await rpc(stack, 'increment', { name });
        assert.equal((await socket.next()).type, 'increment');
        socket.close();
    }
    const foreign = await SocketReader.open(stack, `/ws/counter/${name}`,
        { headers: { cookie: user.cookie, origin: 'https://evil.example' } });
    assert.equal(foreign.status, 403);
});
