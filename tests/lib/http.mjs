// Requests as exactly as a test wants them, sockets for what no client would send, and a user with
// cookies.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { SECRET } from './stack.mjs';

// Resolves to { status, headers, cookies, text, json }. A body that is an object goes as JSON.
// via: further options of the request; with `ca` it goes by https. stack.onAnswer hears of each;
// stack.base goes before every path.
export function request(stack, method, path, options = {}) {
    const { headers = {}, body, port, timeout = 20000, via = stack.via ?? {} } = options;
    const sent = { ...headers };
    let bytes = body;
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
        bytes = JSON.stringify(body);
        sent['content-type'] ??= 'application/json';
    } else if (typeof body === 'string' && sent['content-type'] === undefined) {
        sent['content-type'] = 'application/json';
    }
    for (const name of Object.keys(sent)) if (sent[name] === null) delete sent[name];
    if (bytes !== undefined) sent['content-length'] ??= Buffer.byteLength(bytes);
    return new Promise((resolve, reject) => {
        const out = (via.ca ? https : http).request({
            host: '127.0.0.1', port: port ?? stack.port, method, path: (stack.base ?? '') + path, headers: sent,
            agent: false, timeout, ...via,
        }, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
                const text = Buffer.concat(chunks).toString();
                const answer = {
                    status: response.statusCode, headers: response.headers, text,
                    cookies: readCookies(response.headers['set-cookie'] ?? []),
                };
                Object.defineProperty(answer, 'json', { get: () => JSON.parse(text) });
                if (port === undefined) stack.onAnswer?.(method, path, answer);
                resolve(answer);
            });
        });
        out.on('timeout', () => out.destroy(new Error(`no answer to ${method} ${path}`)));
        out.on('error', reject);
        out.end(bytes);
    });
}

// { name: { value, attributes in lower case } }
function readCookies(lines) {
    return Object.fromEntries(lines.map((line) => {
        const [pair, ...rest] = line.split(';').map((part) => part.trim());
        const [name, ...value] = pair.split('=');
        const attributes = Object.fromEntries(rest.map((part) => {
            const [key, ...text] = part.split('=');
            return [key.toLowerCase(), text.length ? text.join('=') : true];
        }));
        return [name, { value: value.join('='), attributes }];
    }));
}

// Bytes on a socket; resolves to all that came back until the server closed or `ms` passed.
export function raw(stack, bytes, { ms = 3000, port, end = false } = {}) {
    return new Promise((resolve) => {
        const chunks = [];
        const socket = net.connect(port ?? stack.port, '127.0.0.1', () => {
            socket.write(bytes);
            if (end) socket.end();
        });
        const timer = setTimeout(() => socket.destroy(), ms);
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('error', () => {});
        socket.on('close', () => {
            clearTimeout(timer);
            resolve(Buffer.concat(chunks).toString('latin1'));
        });
    });
}

let serial = 0;
export const freshEmail = (name = 'u') => `${name}${process.pid}x${++serial}@example.org`;
export const PASSWORD = 'correct horse battery';

// A signed-up user. `request` sends the cookies it has, as a browser would; `bearer` the token.
export class User {
    static async signUp(stack, email = freshEmail()) {
        const user = new User(stack);
        const answer = await user.request('POST', '/api/signup', { body: { email, password: PASSWORD } });
        assert.equal(answer.status, 200, answer.text);
        Object.assign(user, { email, id: answer.json.user.id });
        user.token = answer.json.token;
        user.refreshToken = answer.json.refreshToken;
        return user;
    }

    constructor(stack) {
        this.stack = stack;
        this.jar = {};
    }

    get cookie() {
        return Object.entries(this.jar).map(([name, value]) => `${name}=${value}`).join('; ');
    }

    async request(method, path, options = {}) {
        const headers = { ...(this.cookie ? { cookie: this.cookie } : {}), ...options.headers };
        const answer = await request(this.stack, method, path, { ...options, headers });
        for (const [name, { value, attributes }] of Object.entries(answer.cookies)) {
            if (attributes['max-age'] === '0') delete this.jar[name];
            else this.jar[name] = value;
        }
        return answer;
    }

    bearer(method, path, options = {}) {
        const headers = { authorization: `Bearer ${this.token}`, ...options.headers };
        return request(this.stack, method, path, { ...options, headers });
    }

    // Short forms that expect success.
    async ok(method, path, body, headers) {
        const answer = await this.bearer(method, path, { body, headers });
        assert.equal(answer.status, 200, `${method} ${path}: ${answer.status} ${answer.text}`);
        return answer.json;
    }
}

const base64url = (value) => Buffer.from(value).toString('base64url');

// A signed token. claims get no exp or iat unless given.
export function mint(claims, { header = { alg: 'HS256', typ: 'JWT' }, key = SECRET } = {}) {
    const text = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    return `${text}.${crypto.createHmac('sha256', key).update(text).digest('base64url')}`;
}

export function claimsOf(token) {
    const [head, body] = token.split('.').slice(0, 2).map((part) =>
        JSON.parse(Buffer.from(part, 'base64url')));
    return { head, body };
}

// The shape of every failure: an error of one sentence, a code, perhaps details and data; JSON.
export function assertFailure(answer, status, code, what = '') {
    assert.equal(answer.status, status, `${what} ${answer.text}`);
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    const body = answer.json;
    assert.equal(typeof body.error, 'string');
    assert.ok(body.error.length > 3);
    assert.match(body.code, /^[a-z0-9_]+$|^COUNTER_NOT_FOUND$/);
    if (code) assert.equal(body.code, code, answer.text);
    for (const key of Object.keys(body)) assert.ok(['error', 'code', 'details', 'data', 'index'].includes(key));
    assert.doesNotMatch(answer.text, /sqlite|SELECT|INSERT|\/tmp\/|\/home\/|\.c:\d/i);
}
