// A receiver of webhooks: an HTTP server that checks each signature with the reference library of Standard
// Webhooks, and answers as a test wants.

import assert from 'node:assert/strict';
import http from 'node:http';
import { Webhook } from 'standardwebhooks';
import { freePort, until } from './stack.mjs';

// Two keys, the second of which takes the place of the first.
export const SECRETS = [1, 2].map((n) => `whsec_${Buffer.alloc(32, `a webhook secret of the tests ${n}`)
    .toString('base64')}`);

export class Receiver {
    // test: closed when that is over. answer(call): a status, or { status, headers, body }, or a promise.
    static async start(test, { secrets = SECRETS } = {}) {
        const receiver = new Receiver();
        receiver.port = await freePort();
        receiver.secrets = secrets;
        receiver.calls = [];
        receiver.answer = () => 200;
        test.after(() => receiver.close());
        await receiver.open();
        return receiver;
    }

    // Its path holds what no log may repeat.
    get url() {
        return `http://127.0.0.1:${this.port}/hook/token-of-the-url?key=secret`;
    }

    async open() {
        this.server = http.createServer((request, response) => this.#serve(request, response));
        await new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    }

    // Nobody is there any more.
    async close() {
        const { server } = this;
        this.server = null;
        if (!server) return;
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
    }

    async #serve(request, response) {
        const chunks = [];
        request.on('error', () => {});
        response.on('error', () => {});
        for await (const chunk of request) chunks.push(chunk);
        const text = Buffer.concat(chunks).toString();
        const call = { id: request.headers['webhook-id'], headers: request.headers, text, url: request.url };
        this.#check(request, call);
        const { type, space, id, data } = JSON.parse(text);
        const [epoch, seq] = (id ?? '.').split('.');
        Object.assign(call, { type, space: space?.id, kind: space?.kind, epoch, seq: Number(seq), data });
        this.calls.push(call);
        const answer = await this.answer(call);
        const { status, headers = {}, body = '' } = typeof answer === 'number' ? { status: answer } : answer;
        call.status = status;
        response.writeHead(status, headers).end(body);
    }

    #check(request, call) {
        assert.equal(request.method, 'POST');
        assert.equal(request.headers['content-type'], 'application/json');
        call.verified = this.secrets.map((secret) => {
            try {
                return Boolean(new Webhook(secret).verify(call.text, call.headers));
            } catch {
                return false;
            }
        });
    }

    // Of a space: all that came, and what of it was answered with 2xx, doubles left out.
    of(user) {
        return this.calls.filter((call) => call.space === (user.id ?? user));
    }

    taken(user) {
        const seen = new Set();
        return this.of(user).filter((call) => call.status >= 200 && call.status < 300 && !seen.has(call.id) &&
            seen.add(call.id));
    }

    // Resolves when the last event of each user's log was taken.
    async caughtUp(users, timeoutMs = 10000) {
        for (const user of users) {
            const last = (await user.bearer('GET', '/data?key=x')).headers['x-as-of'];
            await until(() => this.taken(user).some((call) => `${call.epoch}.${call.seq}` === last) ||
                last.endsWith('.0'), `${last} of ${user.id} to be taken; ${this.taken(user).at(-1)?.id}`, timeoutMs);
        }
    }
}

// Every event from the first to the last, once, in order, signed by every key. Doubles may have come
// again, but never after a later one was sent while an earlier one was not taken.
export function assertWhole(receiver, user, first = 1) {
    const taken = receiver.taken(user);
    assert.deepEqual(taken.map((call) => call.seq), taken.map((call, i) => first + i), `events of ${user.id}`);
    let done = first - 1;
    for (const call of receiver.of(user)) {
        assert.ok(call.verified.every(Boolean), 'signed by every key');
        assert.ok(call.seq <= done + 1, `${call.id} came while ${done} was the last that was taken`);
        if (call.status >= 200 && call.status < 300 && call.seq > done) done = call.seq;
    }
    return taken;
}

