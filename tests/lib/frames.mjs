// A WebSocket client that says anything: frames as bytes, on a plain socket.

import assert from 'node:assert/strict';
import net from 'node:net';
import zlib from 'node:zlib';
import { sleep, until } from './stack.mjs';

export const [TEXT, BINARY, CLOSE, PING, PONG] = [1, 2, 8, 9, 10];
export const FIN = 0x80;
export const RSV1 = 0x40;

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

// first: the first byte. form: 7, 16 or 64 bits of length, else the shortest; length: as announced.
export function frame(first, payload = '', { mask = MASK, form, length } = {}) {
    const data = Buffer.from(payload);
    const n = BigInt(length ?? data.length);
    const bits = form ?? (n < 126n ? 7 : n < 65536n ? 16 : 64);
    const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
    head[0] = first;
    head[1] = (mask ? 0x80 : 0) | (bits === 7 ? Number(n) : bits === 16 ? 126 : 127);
    if (bits === 16) head.writeUInt16BE(Number(n), 2);
    if (bits === 64) head.writeBigUInt64BE(n, 2);
    if (!mask) return Buffer.concat([head, data]);
    const masked = Buffer.allocUnsafe(data.length);
    for (let i = 0; i < data.length; i++) masked[i] = data[i] ^ mask[i & 3];
    return Buffer.concat([head, mask, masked]);
}

export function closing(code, reason = '') {
    const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
    payload.writeUInt16BE(code);
    return frame(FIN | CLOSE, payload);
}

export const deflate = (data, options) => zlib.deflateRawSync(data, {
    finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options,
}).subarray(0, -4);

export const inflate = (data) => zlib.inflateRawSync(Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: zlib.constants.Z_SYNC_FLUSH,
});

export function upgradeHead(path, headers = {}) {
    const lines = Object.entries({
        Host: 'localhost', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers,
    }).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
    return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export class FrameSocket {
    // Resolves when the head of the answer is there: `status`, `head`; `offer`: extensions asked for.
    static async open(port, path, { headers = {}, offer } = {}) {
        const socket = new FrameSocket(port);
        await socket.connected;
        const extensions = offer === undefined ? {} : { 'Sec-WebSocket-Extensions': offer };
        socket.write(upgradeHead(path, { ...headers, ...extensions }));
        return socket.opened();
    }

    constructor(port) {
        this.bytes = Buffer.alloc(0);
        this.chunks = [];
        this.held = 0; // bytes in chunks, not joined yet: a large frame comes in many
        this.needed = 0;
        this.ended = false;
        this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
        this.connected = new Promise((resolve, reject) => {
            this.socket.once('connect', resolve);
            this.socket.once('error', reject);
        });
        this.socket.on('data', (chunk) => {
            this.chunks.push(chunk);
            this.held += chunk.length;
            this.#wake();
        });
        this.socket.on('error', () => {});
        for (const event of ['end', 'close']) {
            this.socket.on(event, () => {
                this.ended = true;
                this.#wake();
            });
        }
    }

    #wake() {
        this.waiting?.();
    }

    // What take() finds in all bytes so far, as soon as it finds something; null: ended without.
    async #find(take, what, timeoutMs) {
        const end = Date.now() + timeoutMs;
        for (;;) {
            if (this.bytes.length + this.held >= this.needed) {
                this.bytes = Buffer.concat([this.bytes, ...this.chunks]);
                this.chunks = [];
                this.held = 0;
                const found = take();
                if (found !== undefined) return found;
            }
            if (this.ended) return null;
            const left = end - Date.now();
            if (left <= 0) throw new Error(`timed out: ${what}; have ${this.bytes.subarray(0, 40).toString('hex')}`);
            let timer;
            await new Promise((resolve) => {
                this.waiting = resolve;
                timer = setTimeout(resolve, left);
            });
            clearTimeout(timer);
        }
    }

    async opened(timeoutMs = 10000) {
        this.head = await this.#find(() => {
            const end = this.bytes.indexOf('\r\n\r\n');
            if (end < 0) return undefined;
            const head = this.bytes.subarray(0, end).toString('latin1');
            this.bytes = this.bytes.subarray(end + 4);
            return head;
        }, 'the head', timeoutMs) ?? '';
        this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1]);
        this.extensions = /^sec-websocket-extensions: (.*)$/im.exec(this.head)?.[1];
        return this;
    }

    write(bytes) {
        this.socket.write(bytes);
    }

    send(first, payload, options) {
        this.write(frame(first, payload, options));
    }

    // In pieces that arrive one by one, as far as the kernel lets us say so.
    async dribble(bytes, piece = 1, pauseMs = 0) {
        for (let at = 0; at < bytes.length; at += piece) {
            this.socket.write(bytes.subarray(at, at + piece));
            await (pauseMs ? sleep(pauseMs) : new Promise(setImmediate));
        }
    }

    // The next frame: { first, opcode, payload }; null when the server closed instead. It must be
    // unmasked, its length in the shortest form.
    next(timeoutMs = 10000) {
        this.needed = 2;
        return this.#find(() => {
            const b = this.bytes;
            if (b.length < 2) return undefined;
            assert.equal(b[1] & 0x80, 0, 'a server does not mask');
            const size = b[1] === 127 ? 10 : b[1] === 126 ? 4 : 2;
            if (b.length < size) return undefined;
            const n = size === 10 ? Number(b.readBigUInt64BE(2)) : size === 4 ? b.readUInt16BE(2) : b[1];
            assert.ok(size === 2 || n >= (size === 4 ? 126 : 65536), 'the shortest form');
            this.needed = size + n;
            if (b.length < this.needed) return undefined;
            const found = { first: b[0], opcode: b[0] & 15, payload: b.subarray(size, size + n) };
            this.bytes = b.subarray(size + n);
            return found;
        }, 'a frame', timeoutMs);
    }

    // The next frame must be this one; text compares as text. A compressed one is inflated first.
    async expect(first, payload) {
        const got = await this.next();
        assert.ok(got, 'the server closed');
        const data = got.first & RSV1 ? inflate(got.payload) : got.payload;
        if (typeof payload === 'string') assert.equal(data.toString(), payload);
        else if (payload) assert.ok(data.equals(payload), `${data.length} other bytes`);
        assert.equal(got.first & ~RSV1, first & ~RSV1);
        return got;
    }

    // The close code that comes next, with nothing after it; 1005: a close frame without.
    async closeCode() {
        const got = await this.next();
        assert.ok(got, 'a close frame first');
        assert.equal(got.first, FIN | CLOSE, `${got.first.toString(16)} ${got.payload.subarray(0, 40)}`);
        this.reason = got.payload.subarray(2).toString();
        await this.end();
        return got.payload.length ? got.payload.readUInt16BE(0) : 1005;
    }

    async end() {
        this.socket.end();
        await until(() => this.ended, 'the server to close');
        assert.equal(this.bytes.length + this.held, 0, 'nothing after the close frame');
        this.destroy();
    }

    destroy() {
        this.socket.destroy();
    }
}
