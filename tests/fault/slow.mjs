// Readers that do not read: they hold up nobody, lose nothing on SSE, and are closed elsewhere.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { it } from 'node:test';
import { User, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';
import { seq } from '../lib/witness.mjs';

const ENV = { CUBBY_PUSH_BUFFER: '65536', CUBBY_LOG_KEEP_EVENTS: '10000', CUBBY_LOG_KEEP_BYTES: '100000000' };
const bearer = (user) => ({ authorization: `Bearer ${user.token}` });
const COUNT = 150;
const VALUE = 'x'.repeat(100000); // 15 MB in all: more than the buffers on the way hold

throughEachServer('a reader that stops reading', ENV, (at) => {
    const write = async (user) => {
        for (let i = 0; i < COUNT; i++) await user.ok('POST', '/data', { key: `k${i % 5}`, value: `${i} ${VALUE}` });
    };

    it('goes on from the log when it reads again, on SSE, and holds up no other', async () => {
        const user = await User.signUp(at.stack);
        const slow = await EventReader.open(at.stack, { headers: bearer(user) });
        const quick = await EventReader.open(at.stack, { headers: bearer(user) });
        await slow.next();
        slow.request.socket.pause();
        await write(user);
        await until(() => quick.events.length === COUNT + 1, 'the quick reader');
        const memory = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(
            `/proc/${at.stack.pid('cubby-pushd')}/status`, 'utf8'))[1]);
        slow.request.socket.resume();
        await until(() => slow.events.length >= COUNT + 1 || slow.ended, 'the slow reader', 20000);
        const events = slow.events.slice(1);
        assert.equal(events.length, COUNT);
        const numbers = events.map((event) => seq(event.id));
        assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
        assert.ok(memory < 400000, `${memory} KiB`);
        slow.close();
        quick.close();
    });

    it('is closed with 4408 on a UserDO WebSocket, the others go on', async () => {
        const user = await User.signUp(at.stack);
        // Compressed, it would all fit on the way.
        const slow = await SocketReader.open(at.stack, '/api/ws', {
            headers: bearer(user), via: { perMessageDeflate: false },
        });
        const quick = await SocketReader.open(at.stack, '/api/ws', { headers: bearer(user) });
        await slow.next();
        slow.ws.pause();
        await write(user);
        await until(() => quick.events.length === COUNT + 1, 'the quick reader');
        await sleep(200);
        slow.ws.resume();
        assert.equal(await slow.closeCode(20000), 4408);
        quick.close();
    });

    it('many streams opened and dropped leave nothing behind', async () => {
        const user = await User.signUp(at.stack);
        const fds = () =>
            fs.readdirSync(`/proc/${at.stack.pid('cubby-pushd')}/fd`).length;
        const before = fds();
        for (let round = 0; round < 5; round++) {
            const streams = await Promise.all(Array.from({ length: 20 }, () =>
                EventReader.open(at.stack, { headers: bearer(user) })));
            for (const stream of streams) stream.close();
        }
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await sleep(100);
        await user.ok('POST', '/data', { key: 'k', value: 2 });
        await until(() => fds() <= before + 5, 'descriptors to be closed', 15000);
        assert.equal((await request(at.stack, 'GET', '/push/healthz')).status, 200);
    });
});
