// Processes that are killed, stopped or cut off in the middle of writing: what was acknowledged is
// kept, and every reader that comes back gets every event once and in order.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { User, request } from '../lib/http.mjs';
import { sleep, startStack, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';
import { ReturningReader, Writers, assertNothingLost } from '../lib/witness.mjs';

const ENV = { CUBBY_LOG_KEEP_EVENTS: '100000' };

// Writers and readers of a fresh user, with `harm` done in between.
async function survive(stack, harm) {
    const user = await User.signUp(stack);
    const readers = await Promise.all([new ReturningReader(user).ready(), new ReturningReader(user).ready(),
        new ReturningReader(user).ready()]);
    const writers = new Writers(user);
    await sleep(300);
    await harm(user, writers);
    await sleep(300);
    await writers.stop();
    assert.ok(writers.acknowledged.size > 20, `${writers.acknowledged.size} writes`);
    await assertNothingLost(user, writers, readers);
    return { writers, readers };
}

async function killAndAwait(stack, name, path, signal = 'SIGKILL') {
    const pid = stack.pid(name);
    process.kill(pid, signal);
    await until(() => stack.pid(name) !== pid, `a new ${name}`);
    await until(async () => (await request(stack, 'GET', path).catch(() => ({}))).status === 200, path);
}

throughEachServer('nothing is lost', ENV, (at) => {
    it('when nothing goes wrong', async () => {
        const { writers, readers } = await survive(at.stack, () => sleep(1000));
        assert.equal(writers.failures, 0);
        for (const reader of readers) assert.equal(reader.connections, 1);
    });

    it('when pushd is killed', async () => {
        const { writers, readers } = await survive(at.stack, async () => {
            for (let i = 0; i < 3; i++) {
                await killAndAwait(at.stack, 'cubby-pushd', '/push/healthz');
                await sleep(200);
            }
        });
        assert.equal(writers.failures, 0, 'writes do not need pushd');
        for (const reader of readers) assert.ok(reader.connections > 1);
    });

    it('when the app is killed', async () => {
        const { writers } = await survive(at.stack, async () => {
            for (let i = 0; i < 3; i++) {
                await killAndAwait(at.stack, 'cubby-fcgi', '/healthz');
                await sleep(200);
            }
        });
        assert.ok(writers.failures > 0, 'it was killed while writing');
    });

    it('when both are killed at once', async () => {
        await survive(at.stack, async () => {
            await Promise.all([killAndAwait(at.stack, 'cubby-fcgi', '/healthz'),
                killAndAwait(at.stack, 'cubby-pushd', '/push/healthz')]);
        });
    });

    it('when pushd stands still for a while', async () => {
        const { writers, readers } = await survive(at.stack, async () => {
            const pid = at.stack.pid('cubby-pushd');
            process.kill(pid, 'SIGSTOP');
            await sleep(1500);
            process.kill(pid, 'SIGCONT');
        });
        assert.equal(writers.failures, 0);
        for (const reader of readers) assert.equal(reader.connections, 1);
    });

    it('when the app is told to end, which finishes what it began', async () => {
        await survive(at.stack, async () => {
            for (let i = 0; i < 2; i++) await killAndAwait(at.stack, 'cubby-fcgi', '/healthz', 'SIGTERM');
        });
    });

    it('when the bus is cut: its sockets removed, and the app started anew without them', async () => {
        await survive(at.stack, async (user, writers) => {
            fs.rmSync(`${at.stack.data}/run/bus`, { recursive: true });
            await killAndAwait(at.stack, 'cubby-fcgi', '/healthz');
            const before = writers.acknowledged.size;
            await until(() => writers.acknowledged.size > before + 50, 'writes without a bus');
            await killAndAwait(at.stack, 'cubby-pushd', '/push/healthz');
        });
        const user = await User.signUp(at.stack);
        const stream = await EventReader.open(at.stack, { headers: { authorization: `Bearer ${user.token}` } });
        await stream.next();
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await stream.next(undefined, 1000)).name, 'kv:set', 'the new bus is found');
        stream.close();
    });
});

describe('after a restart of everything', () => {
    it('events from before are replayed', async (t) => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        const first = await startStack(t, { env: ENV, data });
        const user = await User.signUp(first);
        const ids = [];
        for (let i = 0; i < 10; i++) {
            const answer = await user.bearer('POST', '/data', { body: { key: `k${i}`, value: i } });
            ids.push(answer.headers['x-event-id']);
        }
        await first.stop();
        const second = await startStack(t, { env: ENV, data });
        t.after(() => fs.rmSync(data, { recursive: true }));
        user.stack = second;
        const { events, next } = await user.ok('GET', `/api/changes?since=${ids[3]}&wait=0`);
        assert.deepEqual(events.map((event) => event.id), ids.slice(4));
        assert.equal(next, ids[9]);
    });
});
