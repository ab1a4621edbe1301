// One more cubby.fcgi for the data of a stack, as where a web server runs several, and just enough
// of FastCGI to ask it something.

import { spawn } from 'node:child_process';
import net from 'node:net';
import { APP, ROOT, SECRET, freePort, until } from './stack.mjs';

const BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6;

function record(type, content) {
    const head = Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]);
    return Buffer.concat([head, content]);
}

function param(name, value) {
    const [key, text] = [Buffer.from(name), Buffer.from(value)];
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE((key.length | 1 << 31) >>> 0, 0);
    lengths.writeUInt32BE((text.length | 1 << 31) >>> 0, 4);
    return Buffer.concat([lengths, key, text]);
}

// What the records of an answer say on standard output; null while it is not complete.
function readAnswer(bytes) {
    let out = '';
    for (let at = 0; at + 8 <= bytes.length;) {
        const end = at + 8 + bytes.readUInt16BE(at + 4);
        if (end > bytes.length) return null;
        if (bytes[at + 1] === STDOUT) out += bytes.toString('utf8', at + 8, end);
        if (bytes[at + 1] === END) return out;
        at = end + bytes[at + 6];
    }
    return null;
}

export class Application {
    static async start(stack) {
        const app = new Application();
        app.port = await freePort();
        app.process = spawn(APP, ['--socket', `127.0.0.1:${app.port}`], {
            cwd: ROOT,
            env: {
                ...process.env, CUBBY_DATA_DIR: stack.data, CUBBY_JWT_SECRET: SECRET,
                CUBBY_COLLECTIONS_DIR: 'fcgi-app/collections', ...stack.env,
            },
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        app.output = ''; // its log
        app.process.stderr.on('data', (chunk) => (app.output += chunk));
        app.ended = new Promise((resolve) => app.process.on('exit', resolve));
        await until(() => app.request('GET', '/healthz').then((answer) => answer.status === 200, () => false),
            'the other cubby.fcgi');
        return app;
    }

    // Resolves to { status, json }.
    request(method, path, { token, body } = {}) {
        const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
        const params = {
            REQUEST_METHOD: method, REQUEST_URI: path, SERVER_PROTOCOL: 'HTTP/1.1', HTTP_HOST: 'cubby.test',
            REMOTE_ADDR: '127.0.0.1', CONTENT_LENGTH: String(bytes.length), CONTENT_TYPE: 'application/json',
            ...(token ? { HTTP_AUTHORIZATION: `Bearer ${token}` } : {}),
        };
        const lines = Buffer.concat(Object.entries(params).map(([name, value]) => param(name, value)));
        return new Promise((resolve, reject) => {
            let got = Buffer.alloc(0);
            const nothing = Buffer.alloc(0);
            const socket = net.connect(this.port, '127.0.0.1', () => socket.write(Buffer.concat([
                record(BEGIN, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(PARAMS, lines), record(PARAMS, nothing),
                ...(bytes.length ? [record(STDIN, bytes)] : []), record(STDIN, nothing),
            ])));
            socket.on('error', reject);
            socket.on('close', () => reject(new Error(`no answer to ${method} ${path}`)));
            socket.on('data', (chunk) => {
                got = Buffer.concat([got, chunk]);
                const text = readAnswer(got);
                if (text === null) return;
                const [head, ...rest] = text.split('\r\n\r\n');
                resolve({ status: Number(/^Status: (\d+)/m.exec(head)?.[1]), json: JSON.parse(rest.join('\r\n\r\n')) });
                socket.destroy();
            });
        });
    }

    // In order; nothing when it has ended.
    async stop() {
        this.process.kill('SIGTERM');
        await this.ended;
    }

    async kill() {
        this.process.kill('SIGKILL');
        await this.ended;
    }
}
