// What all clients together may make cubby-pushd hold: bodies and messages that are on their way.
// Beyond the bound whoever brings more is sent away, and small ones go on.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { FIN, FrameSocket, TEXT, frame } from '../lib/frames.mjs';
import { mint, request } from '../lib/http.mjs';
import { PUSHD, Stack, sleep, until } from '../lib/stack.mjs';

const BACKEND = mint({ sub: 'a backend' });
const SANITIZED = /-san-/.test(PUSHD); // freed memory is kept there, to see who uses it
const MIB = 1024 * 1024;
const BODIES = 64, PARTIAL = 256; // MiB: pushd/call.c, pushd/transport.c

describe('what is on its way', () => {
    const at = {};
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(
        fs.readFileSync(`/proc/${at.stack.pid('cubby-pushd')}/status`, 'utf8'))[1]) / 1024;
    const publish = (body = '{"userId":"nobody"}') => request(at.stack, 'POST', '/publish',
        { port: at.stack.pushPort, headers: { authorization: BACKEND }, body });

    before(async () => {
        at.stack = await new Stack({ env: { CUBBY_TEST_ENDPOINTS: 'on', CUBBY_MAX_BODY: String(4 * MIB) } }).start();
    });
    after(() => at.stack?.stop());

    it('bodies are bounded together; who brings a short one is not turned away for them', async () => {
        const head = (length) => `POST /publish HTTP/1.1\r\nhost: x\r\nauthorization: ${BACKEND}\r\n`
            + `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
        const part = Buffer.alloc(4 * MIB - 1, ' ');
        const open = async (length) => {
            const socket = net.connect(at.stack.pushPort, '127.0.0.1');
            socket.text = '';
            socket.on('data', (chunk) => (socket.text += chunk));
            socket.on('error', () => {});
            socket.write(head(length));
            await sleep(20);
            return socket;
        };
        const sockets = [];
        for (let i = 0; i < BODIES / 4; i++) {
            sockets.push(await open(4 * MIB));
            sockets[i].write(part);
        }
        await until(() => sockets.every((one) => one.writableLength === 0) && memory() > BODIES, 'them to be there');
        const short = await open(19);
        short.write('{"userId":"nobody"}');
        await until(() => short.text, 'an answer');
        assert.match(short.text, /^HTTP\/1\.1 200/);
        const long = await open(4 * MIB);
        long.write(part);
        await until(() => long.text, 'an answer');
        assert.match(long.text, /^HTTP\/1\.1 503/);
        for (const socket of [...sockets, short, long]) socket.destroy();
        await until(() => SANITIZED || memory() < 64, 'the memory to be given back');
        assert.equal((await publish(' '.repeat(3 * MIB) + '{"userId":"nobody"}')).status, 200);
    });

    it('messages are bounded together; short ones go on, and large ones when there is room', async () => {
        const part = frame(FIN | TEXT, Buffer.alloc(16 * MIB, 'x')).subarray(0, 16 * MIB);
        const all = [];
        for (let i = 0; i < PARTIAL / 16 + 2; i++) {
            const one = await FrameSocket.open(at.stack.pushPort, '/push/echo');
            one.write(part);
            all.push(one);
        }
        await until(() => all.some((one) => one.ended), 'one to be sent away', 15000);
        const away = all.find((one) => one.ended);
        assert.equal(await away.closeCode(), 1013);
        assert.ok(SANITIZED || memory() < PARTIAL * 2 + 64, `${memory()} MiB`);
        const small = await FrameSocket.open(at.stack.pushPort, '/push/echo');
        small.send(TEXT, 'sm');
        small.send(FIN, 'all');
        await small.expect(FIN | TEXT, 'small');
        for (const one of all) one.destroy();
        await until(() => SANITIZED || memory() < 64, 'the memory to be given back');
        small.send(FIN | TEXT, 'x'.repeat(8 * MIB));
        assert.equal((await small.next()).payload.length, 8 * MIB);
        small.destroy();
    });
});
