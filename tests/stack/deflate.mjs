// permessage-deflate (RFC 7692) through each web server: every parameter with raw frames and with the
// `ws` client, and what is wrong in it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import WebSocket from 'ws';
import { BINARY, CLOSE, FIN, FrameSocket, PING, PONG, RSV1, TEXT, deflate, frame, inflate } from '../lib/frames.mjs';
import { User } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const MIB = 1 << 20;
const NAME = 'permessage-deflate';
const AGREED = `${NAME}; server_no_context_takeover; client_no_context_takeover`;
const HELLO = Buffer.from('f248cdc9c90700', 'hex'); // RFC 7692 7.2.3.1
const LONG = 'Lorem ipsum dolor sit amet, '.repeat(40);

throughEachServer('permessage-deflate', { CUBBY_TEST_ENDPOINTS: 'on' }, (at) => {
    const open = async (offer = NAME, path = '/push/echo', headers = {}) => {
        const socket = await FrameSocket.open(at.stack.port, path, { offer, headers });
        assert.equal(socket.status, 101);
        return socket;
    };
    const closes = async (bytes, code, offer) => {
        const socket = await open(offer);
        socket.write(bytes);
        assert.equal(await socket.closeCode(), code, bytes.subarray(0, 20).toString('hex'));
    };
    const roundTrip = async (socket, text, packed) => {
        socket.send(FIN | RSV1 | TEXT, deflate(text));
        const got = await socket.expect(FIN | TEXT, text);
        assert.equal(Boolean(got.first & RSV1), packed);
    };

    it('every combination of parameters is agreed on, and works', async () => {
        for (const server of ['', '; server_no_context_takeover']) {
            for (const client of ['', '; client_no_context_takeover']) {
                for (const [window, bits] of [['', 15], ...[8, 9, 12, 14, 15].map((n) =>
                    [`; server_max_window_bits=${n}`, n])]) {
                    for (const own of ['', '; client_max_window_bits', '; client_max_window_bits=8',
                        '; client_max_window_bits="15"']) {
                        const socket = await open(`${NAME}${server}${own}${window}${client}`);
                        assert.equal(socket.extensions, AGREED + window);
                        await roundTrip(socket, LONG, bits === 15);
                        socket.destroy();
                    }
                }
            }
        }
    });

    it('offers that are wrong are passed over', async () => {
        const wrong = ['x-other', `${NAME}-2`, `${NAME}; unknown`, `${NAME}; server_max_window_bits`,
            `${NAME}; server_max_window_bits=7`, `${NAME}; server_max_window_bits=16`,
            `${NAME}; client_max_window_bits=08`, `${NAME}; server_no_context_takeover=1`,
            `${NAME}; client_no_context_takeover; client_no_context_takeover`];
        for (const offer of wrong) {
            const alone = await open(offer);
            assert.equal(alone.extensions, undefined, offer);
            alone.send(FIN | TEXT, LONG);
            assert.equal((await alone.expect(FIN | TEXT, LONG)).first & RSV1, 0);
            alone.destroy();
            for (const list of [`${offer}, ${NAME}`, [offer, NAME]]) { // in one header, and in two
                const socket = await open(list);
                assert.equal(socket.extensions, AGREED, offer);
                socket.destroy();
            }
        }
    });

    it('the examples of RFC 7692 are read', async () => {
        const socket = await open();
        const examples = [
            [frame(FIN | RSV1 | TEXT, HELLO)],
            [frame(RSV1 | TEXT, HELLO.subarray(0, 3)), frame(FIN, HELLO.subarray(3))],
            [frame(FIN | RSV1 | TEXT, Buffer.from('000500faff48656c6c6f00', 'hex'))],
            [frame(FIN | RSV1 | TEXT, Buffer.from('f348cdc9c9070000', 'hex'))],
            [frame(FIN | RSV1 | TEXT, Buffer.from('f24805000000ffffcac9c90700', 'hex'))],
        ];
        for (const frames of examples) {
            socket.write(Buffer.concat(frames));
            await socket.expect(FIN | TEXT, 'Hello');
        }
        for (const empty of [Buffer.from([0]), Buffer.alloc(0), Buffer.from([2, 0]), Buffer.from([3, 0])]) {
            socket.send(FIN | RSV1 | TEXT, empty);
            await socket.expect(FIN | TEXT, '');
        }
        socket.destroy();
        await closes(frame(FIN | RSV1 | TEXT, Buffer.from('f200110000', 'hex')), 1007); // context takeover
    });

    it('lengths, kinds and compressors mix', async () => {
        const socket = await open();
        const random = Buffer.from(Array.from({ length: 70000 }, (_, i) => (i * i * 2654435761) >>> 13 & 255));
        for (const n of [0, 1, 63, 64, 125, 126, 127, 4096, 65535, 65536, MIB, 16 * MIB]) {
            const data = Buffer.alloc(n, '{"json":"like","text":1},');
            for (const level of [0, 1, 9]) {
                if (n > MIB && level !== 1) continue;
                socket.send(FIN | RSV1 | BINARY, deflate(data, { level }));
                const got = await socket.expect(FIN | BINARY, data);
                assert.equal(Boolean(got.first & RSV1), n >= 64);
            }
        }
        socket.send(FIN | RSV1 | BINARY, deflate(random));
        await socket.expect(FIN | BINARY, random);
        socket.send(FIN | BINARY, random);
        await socket.expect(FIN | BINARY, random);
        for (const strategy of [1, 2, 3, 4]) {
            socket.send(FIN | RSV1 | TEXT, deflate(LONG, { strategy }));
            await socket.expect(FIN | TEXT, LONG);
        }
        socket.destroy();
    });

    it('fragments, control frames between them, and everything a byte at a time', async () => {
        const socket = await open();
        const text = 'κόσμε: fragments of a compressed message';
        const packed = deflate(text);
        for (let cut = 0; cut <= packed.length; cut++) {
            socket.send(RSV1 | TEXT, packed.subarray(0, cut));
            socket.send(FIN | PING, `${cut}`);
            socket.send(0, '');
            socket.send(FIN, packed.subarray(cut));
            await socket.expect(FIN | PONG, `${cut}`);
            await socket.expect(FIN | TEXT, text);
        }
        const bytes = Buffer.concat([...packed].map((byte, i) => frame(i ? 0 : RSV1 | TEXT, Buffer.from([byte]))));
        await socket.dribble(Buffer.concat([bytes, frame(FIN)]), 1, 1);
        await socket.expect(FIN | TEXT, text);
        socket.destroy();
    });

    it('reserved bits out of place are 1002', async () => {
        await closes(frame(FIN | RSV1 | TEXT, HELLO), 1002, 'x-none');
        for (const first of [0xe1, 0xd1, 0xa1, 0x91, 0xf2, FIN | RSV1, RSV1]) await closes(frame(first, HELLO), 1002);
        for (const opcode of [CLOSE, PING, PONG, 3, 7, 11, 15]) await closes(frame(FIN | RSV1 | opcode, ''), 1002);
        await closes(Buffer.concat([frame(TEXT, 'a'), frame(FIN | RSV1, HELLO)]), 1002);
        await closes(Buffer.concat([frame(RSV1 | TEXT, HELLO), frame(FIN | RSV1, '')]), 1002);
        await closes(Buffer.concat([frame(RSV1 | TEXT, HELLO), frame(FIN | RSV1 | TEXT, HELLO)]), 1002);
    });

    it('what is not deflate or not UTF-8 is 1007 as soon as it shows', async () => {
        for (const hex of ['ff', '06', '000500fafe', 'f200110000']) {
            await closes(frame(RSV1 | BINARY, Buffer.from(hex, 'hex')), 1007);
        }
        await closes(frame(FIN | RSV1 | BINARY, deflate(LONG).subarray(0, -3)), 1007);
        for (const hex of ['ff', 'c0', 'eda0', 'f490']) {
            const bad = Buffer.concat([Buffer.from('κόσμε'), Buffer.from(hex, 'hex')]);
            await closes(frame(RSV1 | TEXT, deflate(bad)), 1007);
            await closes(frame(FIN | RSV1 | TEXT, deflate(bad)), 1007);
        }
        await closes(frame(FIN | RSV1 | TEXT, deflate(Buffer.from([0xe2, 0x82]))), 1007);
    });

    it('limits count what comes out, before it all has', async () => {
        await closes(frame(RSV1 | BINARY, deflate(Buffer.alloc(16 * MIB + 1))), 1009);
        await closes(frame(RSV1 | BINARY, deflate(Buffer.alloc(64 * MIB)).subarray(0, 50000)), 1009);
        await closes(frame(RSV1 | BINARY, '', { length: 20 * MIB }), 1009);
        const user = await User.signUp(at.stack);
        const socket = await open(NAME, '/api/ws', { Authorization: `Bearer ${user.token}` });
        await socket.next();
        socket.send(FIN | RSV1 | TEXT, deflate(JSON.stringify('x'.repeat(MIB - 2))));
        assert.ok(inflate((await socket.next()).payload).length > MIB);
        socket.send(FIN | RSV1 | TEXT, deflate(JSON.stringify('x'.repeat(MIB - 1))));
        assert.equal(await socket.closeCode(), 1009);
    });

    it('events reach each client as it agreed', async () => {
        const user = await User.signUp(at.stack);
        const offers = ['x-none', NAME, `${NAME}; server_max_window_bits=10`, `${NAME}; client_max_window_bits`];
        const sockets = await Promise.all(offers.map((offer) =>
            open(offer, '/api/ws', { Authorization: `Bearer ${user.token}` })));
        for (const socket of sockets) await socket.next();
        await user.ok('POST', '/data', { key: 'k', value: LONG });
        const got = await Promise.all(sockets.map((socket) => socket.next()));
        assert.deepEqual(got.map(({ first }) => first.toString(16)), ['81', 'c1', '81', 'c1']);
        const texts = got.map(({ first, payload }) => (first & RSV1 ? inflate(payload) : payload).toString());
        for (const text of texts) assert.equal(text, texts[0]);
        assert.equal(JSON.parse(texts[0]).data, LONG);
        assert.ok(got[1].payload.length < 200);
        for (const socket of sockets) socket.destroy();
    });

    it('little that becomes much keeps nobody else waiting', async () => {
        const user = await User.signUp(at.stack);
        const flood = await open(NAME, '/api/ws', { Authorization: `Bearer ${user.token}` });
        const other = await open();
        const bomb = frame(FIN | RSV1 | TEXT, deflate(Buffer.alloc(MIB, 'x')));
        await flood.next();
        flood.write(Buffer.concat([...new Array(500).fill(bomb), frame(FIN | PING, 'end')]));
        let over = false;
        const end = flood.expect(FIN | PONG, 'end').then(() => (over = true));
        let longest = 0;
        while (!over) {
            const start = performance.now();
            other.send(FIN | PING, 'p');
            await other.expect(FIN | PONG, 'p');
            longest = Math.max(longest, performance.now() - start);
        }
        await end;
        assert.ok(longest < 500, `${longest} ms`);
        flood.destroy();
        other.destroy();
    });

    describe('with the ws client', () => {
        const connect = (options) => new Promise((resolve, reject) => {
            const socket = new WebSocket(`ws://127.0.0.1:${at.stack.port}/push/echo`, { perMessageDeflate: options });
            socket.on('open', () => resolve(socket));
            socket.on('error', reject);
        });
        const answerTo = (socket, data) => new Promise((resolve, reject) => {
            const closed = (code) => reject(new Error(`closed with ${code}`));
            socket.once('close', closed);
            socket.once('message', (answer) => {
                socket.off('close', closed);
                resolve(answer);
            });
            socket.send(data);
        });
        const sizes = [0, 1, 100, 1024, 65536, MIB];

        for (const [title, options, agreed] of [
            ['its own settings', true, true], ['none', false, false],
            ['no context takeover', {
                serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0,
            }, true],
            ['context takeover', { serverNoContextTakeover: false, threshold: 0 }, true],
            ['small windows', { serverMaxWindowBits: 9, clientMaxWindowBits: 9, threshold: 0 }, true],
            ['middle windows', { serverMaxWindowBits: 12, clientMaxWindowBits: 10, threshold: 0 }, true],
            ['full windows', { serverMaxWindowBits: 15, clientMaxWindowBits: 15, threshold: 0 }, true],
            ['a hint alone', { clientMaxWindowBits: true, threshold: 0 }, true],
        ]) {
            it(title, async () => {
                const socket = await connect(options);
                assert.equal(socket.extensions, agreed ? NAME : '');
                for (const n of sizes) {
                    const data = Buffer.alloc(n, 'abcdefgh κόσμε ');
                    for (let i = 0; i < 3; i++) assert.ok((await answerTo(socket, data)).equals(data), `${n} bytes`);
                }
                const closed = new Promise((resolve) => socket.on('close', resolve));
                socket.close(1000);
                assert.equal(await closed, 1000);
            });
        }
    });
});
