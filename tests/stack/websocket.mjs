// RFC 6455 rule by rule, on /push/echo and /api/ws, through each web server: they pass bytes on, and
// what they do to them must not show.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BINARY, CLOSE, FIN, FrameSocket, PING, PONG, TEXT, closing, frame, upgradeHead } from '../lib/frames.mjs';
import { User, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';

const METRICS = 'metrics-token-of-the-tests';
const MIB = 1 << 20;

// Runs check(item) for all items, a few at a time.
async function forAll(items, check) {
    const rest = [...items];
    await Promise.all(Array.from({ length: 16 }, async () => {
        while (rest.length) await check(rest.shift());
    }));
}

throughEachServer('WebSocket', { CUBBY_TEST_ENDPOINTS: 'on', CUBBY_METRICS_TOKEN: METRICS }, (at) => {
    const open = (path = '/push/echo', options) => FrameSocket.open(at.stack.port, path, options);
    const echo = async () => {
        const socket = await open();
        assert.equal(socket.status, 101);
        return socket;
    };
    // A socket that sent these bytes is closed with that code; before it come these messages.
    const closes = async (bytes, code, before = [], what = '') => {
        const socket = await echo();
        socket.write(bytes);
        for (const text of before) await socket.expect(FIN | TEXT, text);
        assert.equal(await socket.closeCode(), code, what || bytes.subarray(0, 20).toString('hex'));
    };
    const connections = async () => {
        const { text } = await request(at.stack, 'GET', '/push/metrics', {
            port: at.stack.pushPort, headers: { authorization: `Bearer ${METRICS}` },
        });
        return Number(/^cubby_push_connections (\d+)/m.exec(text)[1]) - 1;
    };

    it('the handshake is answered with the key of RFC 6455 1.3', async () => {
        const key = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
        const socket = await open('/push/echo', { headers: key });
        assert.equal(socket.status, 101);
        assert.match(socket.head, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=$/im);
        assert.match(socket.head, /^upgrade: websocket$/im);
        assert.match(socket.head, /^connection: upgrade$/im);
        assert.doesNotMatch(socket.head, /sec-websocket-(extensions|protocol)/i);
        socket.destroy();
    });

    it('a handshake that is none is refused', async () => {
        const cases = [
            [{ 'Sec-WebSocket-Version': '12' }, 426], [{ 'Sec-WebSocket-Version': '14' }, 426],
            [{ 'Sec-WebSocket-Version': [] }, 426], [{ 'Sec-WebSocket-Key': [] }, 400],
            [{ 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400], [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZSEh' }, 400],
            [{ Upgrade: [] }, 426], [{ Connection: 'close', Upgrade: [] }, 426],
        ];
        await forAll(cases, async ([headers, status]) => {
            const socket = await open('/push/echo', { headers });
            assert.equal(socket.status, status, JSON.stringify(headers));
            socket.destroy();
        });
    });

    it('lengths at each boundary come back, in the shortest form', async () => {
        const socket = await echo();
        for (const n of [0, 1, 2, 124, 125, 126, 127, 128, 4095, 4096, 4097, 65534, 65535, 65536, 65537, MIB]) {
            const text = 'x'.repeat(n);
            socket.send(FIN | TEXT, text);
            await socket.expect(FIN | TEXT, Buffer.from(text));
            const bytes = Buffer.alloc(n, n & 0xff);
            socket.send(FIN | BINARY, bytes);
            await socket.expect(FIN | BINARY, bytes);
        }
        socket.destroy();
    });

    it('16 MiB come back, in one frame and in many; a byte more is 1009 as soon as it is announced', async () => {
        const socket = await echo();
        const data = Buffer.alloc(16 * MIB, 'sixteen mebibytes ');
        socket.send(FIN | BINARY, data);
        await socket.expect(FIN | BINARY, data);
        for (let i = 0; i < 16; i++) {
            socket.send(i === 0 ? BINARY : i === 15 ? FIN : 0, data.subarray(i * MIB, (i + 1) * MIB));
        }
        await socket.expect(FIN | BINARY, data);
        socket.destroy();
        const head = (length) => frame(FIN | BINARY, '', { length });
        await closes(head(16 * MIB + 1), 1009);
        await closes(head(2n ** 63n - 1n), 1009);
        await closes(Buffer.concat([frame(BINARY, 'a'), frame(FIN, '', { length: 16 * MIB })]), 1009);
    });

    it('lengths that are not in the shortest form are 1002', async () => {
        for (const [n, form] of [[0, 16], [125, 16], [0, 64], [125, 64], [126, 64], [65535, 64]]) {
            await closes(frame(FIN | TEXT, 'x'.repeat(n), { form }), 1002);
        }
        await closes(frame(FIN | TEXT, '', { form: 64, length: 2n ** 63n }), 1002);
    });

    it('any mask will do, and none is 1002', async () => {
        const socket = await echo();
        for (const mask of [[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4], [0x80, 0, 0, 0]]) {
            socket.send(FIN | TEXT, 'masked: κόσμε', { mask: Buffer.from(mask) });
            await socket.expect(FIN | TEXT, 'masked: κόσμε');
        }
        socket.destroy();
        for (const opcode of [TEXT, BINARY, PING, PONG, CLOSE]) {
            for (const payload of ['', 'not masked']) await closes(frame(FIN | opcode, payload, { mask: null }), 1002);
        }
    });

    it('every reserved bit and opcode is 1002', async () => {
        const bad = Array.from({ length: 256 }, (_, first) => first).filter((first) =>
            (first & 0x70) || ![0, 1, 2, 8, 9, 10].includes(first & 15) || (first & 15) === 0 ||
            ((first & 8) && !(first & FIN)));
        assert.equal(bad.length, 249);
        await forAll(bad, (first) => closes(frame(first, 'x'), 1002, [], first.toString(16)));
    });

    it('fragments are joined, with control frames between them', async () => {
        const socket = await echo();
        const bytes = Buffer.from('fragments of κόσμε and 𝄞');
        for (let cut = 0; cut <= bytes.length; cut++) { // also in the middle of characters
            socket.send(TEXT, bytes.subarray(0, cut));
            socket.send(FIN | PING, `${cut}`);
            socket.send(FIN | PONG, 'not asked for');
            socket.send(0, '');
            socket.send(FIN, bytes.subarray(cut));
            await socket.expect(FIN | PONG, `${cut}`);
            await socket.expect(FIN | TEXT, bytes.toString());
        }
        bytes.forEach((_, i) => socket.send(i === 0 ? TEXT : 0, bytes.subarray(i, i + 1)));
        socket.send(FIN, '');
        await socket.expect(FIN | TEXT, bytes.toString());
        for (const first of [TEXT, 0, 0, FIN]) socket.send(first, '');
        await socket.expect(FIN | TEXT, '');
        socket.destroy();
    });

    it('fragments out of place are 1002', async () => {
        const text = frame(TEXT, 'a');
        await closes(frame(FIN, 'a'), 1002);
        await closes(frame(0, ''), 1002);
        await closes(Buffer.concat([frame(FIN | TEXT, 'a'), frame(FIN, 'b')]), 1002, ['a']);
        await closes(Buffer.concat([text, frame(FIN | TEXT, 'b')]), 1002);
        await closes(Buffer.concat([text, frame(BINARY, 'b')]), 1002);
        await closes(Buffer.concat([text, frame(FIN, 'b'), frame(0, '')]), 1002, ['ab']);
    });

    it('65,537 fragments are one message, one more is 1009', async () => {
        const pieces = (n) => Buffer.concat([frame(TEXT, 'a'), ...new Array(n - 2).fill(frame(0, 'b'))]);
        const socket = await echo();
        socket.write(Buffer.concat([pieces(65537), frame(FIN, 'c')]));
        await socket.expect(FIN | TEXT, `a${'b'.repeat(65535)}c`);
        socket.send(FIN | TEXT, 'still there');
        await socket.expect(FIN | TEXT, 'still there');
        socket.destroy();
        await closes(Buffer.concat([pieces(65538), frame(FIN, 'c')]), 1009);
    });

    it('pings are answered in order, to 125 bytes; longer or cut up they are 1002', async () => {
        const socket = await echo();
        for (const n of [0, 1, 124, 125]) {
            const payload = Buffer.alloc(n, 0xfe);
            socket.send(FIN | PING, payload);
            await socket.expect(FIN | PONG, payload);
        }
        socket.write(Buffer.concat(Array.from({ length: 100 }, (_, i) => frame(FIN | PING, `${i}`))));
        for (let i = 0; i < 100; i++) await socket.expect(FIN | PONG, `${i}`);
        socket.send(FIN | PONG, 'nobody asked');
        socket.send(FIN | TEXT, 'on');
        await socket.expect(FIN | TEXT, 'on');
        socket.destroy();
        for (const opcode of [PING, PONG, CLOSE]) {
            await closes(frame(FIN | opcode, 'x'.repeat(126)), 1002);
            await closes(frame(FIN | opcode, 'x', { form: 64 }), 1002);
            await closes(frame(opcode, ''), 1002);
        }
    });

    it('text is UTF-8, refused at its first bad byte', async () => {
        const good = ['', '\0', '\x7f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufffd', '\ufffe', '\uffff',
            '\u{10000}', '\u{10ffff}', 'κόσμε', '\ufeffwith a BOM'];
        const socket = await echo();
        for (const text of good) {
            socket.send(FIN | TEXT, text);
            await socket.expect(FIN | TEXT, text);
        }
        socket.destroy();
        const bad = ['80', 'bf', 'c080', 'c1bf', 'c2', 'c220', 'e0', 'e0a0', 'e08080', 'e09fbf', 'eda080', 'edbfbf',
            'f08080', 'f0808080', 'f08fbfbf', 'f0908d', 'f4908080', 'f5808080', 'f888808080',
            'fc8480808080', 'fe', 'ff'];
        await forAll(bad, async (hex) => {
            const bytes = Buffer.from(hex, 'hex');
            await closes(frame(FIN | TEXT, bytes), 1007, [], hex);
            await closes(Buffer.concat([frame(TEXT, 'ok'), frame(FIN, bytes)]), 1007, [], hex);
        });
        const binary = await echo();
        for (const hex of bad) {
            binary.send(FIN | BINARY, Buffer.from(hex, 'hex'));
            await binary.expect(FIN | BINARY, Buffer.from(hex, 'hex'));
        }
        binary.destroy();
    });

    it('the first bad byte ends it, in mid-message and in mid-frame', async () => {
        const firstBad = ['80', 'c0', 'c220', 'e09f', 'eda0', 'f08f', 'f490', 'f5', 'ff'];
        await forAll(firstBad, async (hex) => {
            const bytes = Buffer.concat([Buffer.from('κόσμε'), Buffer.from(hex, 'hex')]);
            await closes(frame(TEXT, bytes), 1007, [], hex); // more frames would follow
            const whole = frame(FIN | TEXT, Buffer.concat([bytes, Buffer.alloc(1000, 'x')]));
            await closes(whole.subarray(0, whole.length - 1000), 1007, [], hex);
            const cut = [frame(TEXT, bytes.subarray(0, -1)), frame(0, bytes.subarray(-1))];
            await closes(Buffer.concat(cut), 1007, [], hex);
        });
    });

    it('close codes that may be sent are sent back, others are 1002', async () => {
        const good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
        await forAll(good, (code) => closes(closing(code, 'a reason'), code));
        const bad = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535];
        await forAll(bad, (code) => closes(closing(code), 1002, [], `${code}`));
    });

    it('a close may have no code or a long reason, and a wrong one is told', async () => {
        await closes(frame(FIN | CLOSE), 1005);
        await closes(closing(1000), 1000);
        await closes(closing(1000, 'r'.repeat(123)), 1000);
        await closes(closing(1001, 'κόσμε'), 1001);
        await closes(frame(FIN | CLOSE, 'x'), 1002);
        await closes(closing(1000, Buffer.from([0xce, 0xba, 0xff])), 1007);
        await closes(closing(1000, Buffer.from([0xce])), 1007);
    });

    it('nothing after a close is looked at', async () => {
        const after = [frame(FIN | TEXT, 'more'), frame(FIN | PING, 'p'), Buffer.from('no frame')];
        for (const more of after) await closes(Buffer.concat([closing(1000), more]), 1000);
        await closes(Buffer.concat([frame(FIN | TEXT, 'a'), frame(TEXT, 'cut'), closing(1000)]), 1000, ['a']);
    });

    it('frames may come with the upgrade, and everything a byte at a time', async () => {
        const eager = new FrameSocket(at.stack.port);
        await eager.connected;
        eager.write(Buffer.concat([Buffer.from(upgradeHead('/push/echo')), frame(FIN | TEXT, 'at once')]));
        assert.equal((await eager.opened()).status, 101);
        await eager.expect(FIN | TEXT, 'at once');
        eager.destroy();
        const slow = new FrameSocket(at.stack.port);
        await slow.connected;
        await slow.dribble(Buffer.from(upgradeHead('/push/echo')), 1, 1);
        assert.equal((await slow.opened()).status, 101);
        const bytes = Buffer.concat([frame(TEXT, 'sl'), frame(FIN | PING, 'p'), frame(FIN, 'ow κόσμε'),
            frame(FIN | BINARY, 'x'.repeat(130)), closing(4000, 'bye')]);
        await slow.dribble(bytes, 1, 1);
        await slow.expect(FIN | PONG, 'p');
        await slow.expect(FIN | TEXT, 'slow κόσμε');
        await slow.expect(FIN | BINARY, 'x'.repeat(130));
        assert.equal(await slow.closeCode(), 4000);
    });

    it('frames may be cut in two anywhere', async () => {
        const bytes = Buffer.concat([frame(TEXT, 'κό'), frame(FIN | PING, 'p'), frame(FIN, 'σμε'),
            frame(FIN | BINARY, 'x'.repeat(126))]);
        const cuts = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
        await forAll(cuts, async (cut) => {
            const socket = await echo();
            socket.write(bytes.subarray(0, cut));
            await sleep(3);
            socket.write(bytes.subarray(cut));
            await socket.expect(FIN | PONG, 'p');
            await socket.expect(FIN | TEXT, 'κόσμε');
            await socket.expect(FIN | BINARY, 'x'.repeat(126));
            socket.destroy();
        });
    });

    it('clients that vanish leave nothing behind', async () => {
        const before = await connections();
        const half = [Buffer.alloc(0), frame(TEXT, 'half a message'),
            frame(FIN | TEXT, 'x'.repeat(200)).subarray(0, 90), frame(FIN | BINARY, '', { length: 16 * MIB }),
            Buffer.from([0x81])];
        const ends = ['destroy', 'resetAndDestroy', 'end'];
        await forAll(half.flatMap((bytes) => ends.map((end) => [bytes, end])), async ([bytes, end]) => {
            const socket = await echo();
            socket.write(bytes);
            await sleep(20);
            socket.socket[end]();
            if (end === 'end') await until(() => socket.ended, 'the server to hang up as well');
        });
        const head = upgradeHead('/push/echo');
        await forAll(['destroy', 'resetAndDestroy'], async (end) => {
            const socket = new FrameSocket(at.stack.port);
            await socket.connected;
            socket.write(head.slice(0, 60));
            await sleep(20);
            socket.socket[end]();
        });
        await until(async () => await connections() <= before, 'their connections to end');
    });

    describe('others do not notice', () => {
        // The longest that somebody else waits for an answer while `flood` sends for a second.
        async function longestWait(flood) {
            const other = await echo();
            let longest = 0;
            let over = false;
            const flooding = flood().finally(() => (over = true));
            for (let i = 0; !over; i++) {
                const start = performance.now();
                other.send(FIN | PING, `${i}`);
                await other.expect(FIN | PONG, `${i}`);
                longest = Math.max(longest, performance.now() - start);
                await sleep(5);
            }
            await flooding;
            other.destroy();
            return longest;
        }

        for (const [what, bytes, answers] of [
            ['empty messages', frame(FIN | TEXT), 1], ['pings', frame(FIN | PING, 'flood'), 1],
            ['pongs', frame(FIN | PONG), 0], ['empty fragments', frame(0), 0],
        ]) {
            it(`a flood of ${what}`, async () => {
                const socket = await echo();
                if (what === 'empty fragments') socket.send(TEXT, '');
                const many = Buffer.concat(new Array(10000).fill(bytes));
                const wait = await longestWait(async () => {
                    for (let i = 0; i < 5; i++) {
                        socket.write(many);
                        for (let n = 0; n < 10000 * answers; n++) await socket.next();
                        await sleep(50);
                    }
                });
                socket.destroy();
                assert.ok(wait < 1000, `${wait} ms`);
            });
        }

        it('slow and half request heads', async () => {
            const wait = await longestWait(async () => {
                const slow = Array.from({ length: 50 }, () => new FrameSocket(at.stack.port));
                const head = Buffer.from(upgradeHead('/push/echo'));
                await Promise.all(slow.map(async (socket, i) => {
                    await socket.connected;
                    await socket.dribble(head.subarray(0, i % 2 ? head.length : head.length / 2), 5, 3);
                }));
                for (const [i, socket] of slow.entries()) {
                    if (i % 2) assert.equal((await socket.opened()).status, 101);
                    socket.destroy();
                }
            });
            assert.ok(wait < 1000, `${wait} ms`);
        });
    });

    describe('/api/ws', () => {
        const signedIn = async () => {
            const user = await User.signUp(at.stack);
            const socket = await open('/api/ws', { headers: { Authorization: `Bearer ${user.token}` } });
            assert.equal(socket.status, 101);
            await socket.next();
            return { user, socket };
        };

        it('keeps the same rules', async () => {
            const user = await User.signUp(at.stack);
            const cases = [
                [frame(0xb1, 'x'), 1002], [frame(0x83, ''), 1002], [frame(FIN | TEXT, '{}', { mask: null }), 1002],
                [frame(FIN, ''), 1002], [frame(FIN | TEXT, Buffer.from([0xff])), 1007], [closing(1006), 1002],
                [closing(4321), 4321], [frame(FIN | TEXT, '', { length: MIB + 1 }), 1009],
                [Buffer.concat([frame(TEXT), ...new Array(1024).fill(frame(0))]), 1009],
            ];
            await forAll(cases, async ([bytes, code]) => {
                const socket = await open('/api/ws', { headers: { Authorization: `Bearer ${user.token}` } });
                await socket.next();
                socket.write(bytes);
                assert.equal(await socket.closeCode(), code);
            });
        });

        it('events come between the frames of a message that is not complete', async () => {
            const { user, socket } = await signedIn();
            socket.send(TEXT, '{"half":');
            await user.ok('POST', '/data', { key: 'k', value: 1 });
            assert.match((await socket.next()).payload.toString(), /"kv:k"/);
            socket.send(FIN, '1}');
            assert.match((await socket.next()).payload.toString(), /"original":\{"half":1\}/);
            socket.destroy();
        });

        it('messages to 1 MiB are read, in as many as 1,024 fragments', async () => {
            const { socket } = await signedIn();
            const text = JSON.stringify('x'.repeat(MIB - 2));
            socket.send(FIN | TEXT, text);
            assert.ok((await socket.next()).payload.length > MIB);
            socket.write(Buffer.concat([frame(TEXT, '"'), ...new Array(1022).fill(frame(0, 'y')), frame(FIN, '"')]));
            assert.match((await socket.next()).payload.toString(), /"original":"y{1022}"/);
            socket.destroy();
        });
    });
});
