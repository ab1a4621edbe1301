// A proxy in front of a stack that a test makes misbehave while it runs: as lines that are cut, proxies
// that know no WebSocket or hold streams back, servers that answer late, nonsense, or not at all.

import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { FIN, TEXT, frame } from './frames.mjs';
import { until } from './stack.mjs';

const ACCEPT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const NONSENSE = ['<!doctype html><p>Welcome to the hotel', '{"event":"table:', 'null', '[]', '7', '{"event":7}',
    '{"event":"table:posts:create","data":null}', '{"event":"presence","data":"x"}', '{"event":"realtime:resync"}'];

const body = (message) => new Promise((resolve) => {
    const chunks = [];
    message.on('data', (chunk) => chunks.push(chunk));
    message.on('end', () => resolve(Buffer.concat(chunks)));
    message.on('close', () => resolve(null)); // broken off
});

const page = (response) => response.writeHead(200, { 'content-type': 'text/html' })
    .end('<!doctype html><title>Hotel</title><p>Please accept our terms');

// What a rule does with a request: `before` the server sees it, or to its whole answer; true when it
// has been dealt with.
const ACTS = {
    // The server never hears of it.
    swallow: { before: () => true },
    cut: { before: ({ client }) => client.destroy() || true },
    html: { before: ({ response }) => page(response) || true },
    status: {
        before: ({ response, rule: { status, headers = {}, body: text = '' } }) =>
            response.writeHead(status, headers).end(text) || true,
    },
    // It was done, and nobody is told.
    loseAnswer: { after: ({ client }) => client.destroy() || true },
    htmlAnswer: { after: ({ response }) => page(response) || true },
    halfAnswer: {
        after: ({ response, answer, bytes }) => {
            const headers = { ...answer.headers };
            for (const name of ['content-length', 'transfer-encoding']) delete headers[name];
            response.writeHead(answer.statusCode, headers).end(bytes.subarray(0, bytes.length / 2));
            return true;
        },
    },
    // Until the rule is dropped.
    hold: { before: ({ rule }) => rule.dropped.then(() => false) },
    holdAnswer: { after: ({ rule }) => rule.dropped.then(() => false) },
};

export class Proxy {
    // Of `webSocket`: pass, refuse (400), swallow (opens, then says nothing), nonsense. Of `sse`: pass,
    // buffer (all of it at its end), refuse (502).
    webSocket = 'pass';
    sse = 'pass';
    delay = 0; // ms on each way
    blackHole = false; // accepts, and says nothing
    frozen = false; // what is open stays open, and nothing passes
    seen = []; // requests: { method, path, headers, body, status }
    upgrades = 0; // WebSockets asked for
    #rules = [];
    #sockets = new Set();
    #waiting = []; // of frozen connections
    #age = 0; // connections of an earlier one are silent
    #ages = new WeakMap(); // socket → its age

    static async start(test, stack) {
        const proxy = new Proxy(stack);
        test?.after(() => proxy.stop());
        proxy.port = await proxy.#listen(0);
        return proxy;
    }

    constructor(stack) {
        this.stack = stack;
        this.server = http.createServer((request, response) => this.#request(request, response));
        this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
        this.server.on('connection', (socket) => this.#keep(socket));
        this.server.on('clientError', (error, socket) => socket.destroy());
        this.server.requestTimeout = 0;
    }

    get origin() {
        return `http://127.0.0.1:${this.port}`;
    }

    #listen(port) {
        return new Promise((resolve, reject) => {
            this.server.once('error', reject);
            this.server.listen(port, '127.0.0.1', () => resolve(this.server.address().port));
        });
    }

    #keep(socket) {
        socket.setNoDelay();
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
        this.#sockets.add(socket);
        this.#ages.set(socket, this.#age);
    }

    // Every connection, in the middle of whatever it does.
    cut() {
        for (const socket of this.#sockets) socket.resetAndDestroy?.() ?? socket.destroy();
    }

    // Nobody listens any more.
    async refuse() {
        const closed = new Promise((resolve) => this.server.close(resolve));
        this.cut();
        await closed;
    }

    async accept() {
        if (!this.server.listening) await this.#listen(this.port);
    }

    // What is open stays open for ever, and nothing passes; new connections work.
    silence() {
        this.#age++;
    }

    freeze() {
        this.frozen = true;
    }

    // What waited goes on its way, where the connection still stands.
    thaw() {
        this.frozen = false;
        for (const go of this.#waiting.splice(0)) go();
    }

    // What is to become of requests like `POST /api/todos` (a string the line begins with, a RegExp of
    // it, or a function of the request); the newest rule wins. times: so often. Ends with drop().
    rule(match, act, { times = Infinity, ...more } = {}) {
        const fits = typeof match === 'function' ? match
            : match instanceof RegExp ? ({ method, url }) => match.test(`${method} ${url}`)
                : ({ method, url }) => `${method} ${url}`.startsWith(match);
        const rule = { fits, act: ACTS[act], left: times, hits: 0, ...more };
        if (!rule.act) throw new Error(`no act ${act}`);
        rule.dropped = new Promise((resolve) => {
            rule.drop = () => {
                rule.left = 0;
                this.#rules = this.#rules.filter((other) => other !== rule);
                resolve();
            };
        });
        this.#rules.unshift(rule);
        return rule;
    }

    // As ever again.
    heal() {
        for (const rule of [...this.#rules]) rule.drop();
        Object.assign(this, { webSocket: 'pass', sse: 'pass', delay: 0, blackHole: false });
        this.thaw();
        return this.accept();
    }

    // Requests whose line matches.
    calls(pattern) {
        return this.seen.filter(({ method, path }) => pattern.test(`${method} ${path}`));
    }

    async stop() {
        for (const rule of [...this.#rules]) rule.drop();
        if (this.server.listening) await this.refuse();
        this.cut();
    }

    async #pass(age = this.#age) {
        if (age < this.#age) await new Promise(() => {});
        if (this.delay) await new Promise((resolve) => setTimeout(resolve, this.delay));
        if (this.frozen) await new Promise((resolve) => this.#waiting.push(resolve));
    }

    // From one socket to the other, as late as everything is. part: what of a chunk passes.
    #pipe(from, to, part) {
        let turn = Promise.resolve();
        const age = this.#age;
        const then = (work) => (turn = turn.then(() => this.#pass(age)).then(work).catch(() => {}));
        from.on('data', (chunk) => then(() => to.writable && to.write(part(chunk))));
        from.on('end', () => then(() => to.end()));
        from.on('close', () => then(() => to.destroy()));
    }

    async #request(request, response) {
        const { method, url, socket: client } = request;
        const entry = { method, path: url, headers: request.headers, status: 0 };
        response.on('error', () => {});
        const sent = await body(request);
        if (sent === null || this.blackHole || this.#ages.get(client) < this.#age) return;
        entry.body = sent.toString();
        this.seen.push(entry);
        const rule = this.#rules.find((each) => each.left > 0 && each.fits(request));
        if (rule) {
            rule.left--;
            rule.hits++;
        }
        await this.#pass();
        if (await rule?.act.before?.({ client, response, rule, request })) return;
        const isStream = /^\/(api\/events|realtime)\b/.test(url);
        if (isStream && this.sse === 'refuse') {
            response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
            return;
        }
        const out = http.request({
            host: '127.0.0.1', port: this.stack.port, method, path: url, headers: request.headers, agent: false,
        }, (answer) => {
            entry.status = answer.statusCode;
            answer.on('error', () => {});
            if (rule?.act.after || (isStream && this.sse === 'buffer')) {
                this.#whole(answer, { client, response, rule, request });
            } else {
                this.#stream(answer, response);
            }
        });
        out.on('error', () => client.destroy());
        response.on('close', () => out.destroy());
        out.end(sent);
    }

    async #whole(answer, at) {
        const bytes = await body(answer);
        if (bytes === null) return at.client.destroy();
        await this.#pass();
        if (await at.rule?.act.after?.({ ...at, answer, bytes })) return;
        at.response.writeHead(answer.statusCode, answer.headers).end(bytes);
    }

    #stream(answer, response) {
        let turn = this.#pass().then(() => {
            response.writeHead(answer.statusCode, answer.headers);
            response.flushHeaders();
        });
        const age = this.#age;
        const then = (work) => (turn = turn.then(() => this.#pass(age)).then(work).catch(() => {}));
        answer.on('data', (chunk) => then(() => response.write(chunk)));
        answer.on('end', () => then(() => response.end()));
        answer.on('close', () => then(() => answer.complete || response.destroy()));
    }

    #upgrade(request, client, head) {
        this.upgrades++;
        this.seen.push({ method: 'UPGRADE', path: request.url, headers: request.headers, body: '', status: 0 });
        if (this.blackHole) return;
        if (this.webSocket === 'refuse') {
            client.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 15\r\n' +
                'Connection: close\r\n\r\n<h1>No way</h1>');
            return;
        }
        if (this.webSocket === 'nonsense') {
            const { 'sec-websocket-key': key, 'sec-websocket-protocol': protocol } = request.headers;
            const accept = crypto.createHash('sha1').update(key + ACCEPT).digest('base64');
            client.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
                (protocol ? `Sec-WebSocket-Protocol: ${protocol.split(',')[0]}\r\n` : '') +
                `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
            for (const text of NONSENSE) client.write(frame(FIN | TEXT, text, { mask: null }));
            return;
        }
        const lines = [];
        for (let i = 0; i < request.rawHeaders.length; i += 2) {
            lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`);
        }
        const server = net.connect(this.stack.port, '127.0.0.1', () =>
            server.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`));
        this.#keep(server);
        if (head.length) server.write(head);
        const nothing = Buffer.alloc(0);
        let opened = false; // the head of the answer has passed
        this.#pipe(client, server, (chunk) => (this.webSocket === 'swallow' ? nothing : chunk));
        this.#pipe(server, client, (chunk) => {
            if (this.webSocket !== 'swallow') return chunk;
            const end = opened ? 0 : chunk.indexOf('\r\n\r\n') + 4;
            opened = true;
            return chunk.subarray(0, end);
        });
    }
}

// Cuts at random moments until stopped; calls: how often.
export class RandomCuts {
    constructor(proxy, [least, most] = [30, 200]) {
        this.count = 0;
        this.running = (async () => {
            while (!this.stopped) {
                await new Promise((resolve) => setTimeout(resolve, least + Math.random() * (most - least)));
                if (this.stopped) break;
                proxy.cut();
                this.count++;
            }
        })();
    }

    atLeast(count, timeoutMs) {
        return until(() => this.count >= count, `${count} cuts (${this.count})`, timeoutMs);
    }

    async stop() {
        this.stopped = true;
        await this.running;
    }
}
