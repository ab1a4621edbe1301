// A user's writes that go on whatever is killed, and a stream of the same user that is opened again
// whenever it ends. Afterwards: is each write that was acknowledged there, once, and was it told, once?

import assert from 'node:assert/strict';
import { User } from './http.mjs';
import { sleep, until } from './stack.mjs';
import { EventReader } from './streams.mjs';

// A test's own.
export async function startLasting(test, stack) {
    const lasting = new Lasting(stack);
    test.after(() => lasting.end());
    return lasting.start();
}

// Fewer than a log keeps (log_keep_events), so that a stream that was away long is told them all.
const AHEAD = 900;

class Lasting {
    constructor(stack, lanes = 4) {
        Object.assign(this, { stack, lanes, acknowledged: [], told: [], opened: 0, going: false });
        this.lastAnswer = 0;
        this.pause = 0; // the longest without an acknowledgement, ms
    }

    async start() {
        this.user = await User.signUp(this.stack);
        this.going = true;
        this.listening = this.#listen();
        await until(() => this.opened > 0, 'the stream to open');
        this.lastAnswer = performance.now();
        const lanes = Array.from({ length: this.lanes }, (_, lane) => this.#write(lane));
        this.writing = Promise.all(lanes).finally(() => (this.going = false));
        for (const part of [this.listening, this.writing]) part.catch(() => {}); // stop() tells
        return this;
    }

    // The same write until it is acknowledged: it has a name.
    async #write(lane) {
        for (let n = 0; this.going; n++) {
            const title = `${lane}-${n}`;
            const sent = { body: { title }, headers: { 'idempotency-key': `key-${title}` }, timeout: 3000 };
            for (const since = performance.now(); ;) {
                const answer = await this.user.bearer('POST', '/api/todos', sent).catch(() => null);
                if (answer?.status === 200) break;
                assert.ok(!answer || answer.status >= 500, answer?.text);
                assert.ok(performance.now() - since < 15000, `not acknowledged: ${title} ${answer?.text}`);
                await sleep(10);
            }
            this.acknowledged.push(title);
            const now = performance.now();
            this.pause = Math.max(this.pause, now - this.lastAnswer);
            this.lastAnswer = now;
            await sleep(5);
            while (this.going && this.acknowledged.length - this.told.length > AHEAD) {
                await sleep(5);
                this.lastAnswer = performance.now();
            }
        }
    }

    async #listen() {
        let last, since = performance.now();
        while (this.going || this.told.length < this.acknowledged.length) {
            if (this.going) since = performance.now();
            assert.ok(performance.now() - since < 15000, `told ${this.told.length} of ${this.acknowledged.length}`);
            const headers = { authorization: `Bearer ${this.user.token}`, ...(last ? { 'last-event-id': last } : {}) };
            const reader = await EventReader.open(this.stack, { headers }).catch(() => null);
            if (reader?.status === 200) {
                this.opened++;
                while (!reader.ended || reader.taken < reader.events.length) {
                    const event = await reader.next(() => true, 100).catch(() => null);
                    if (!event && !this.going) break;
                    if (event?.id) last = event.id;
                    if (event?.name === 'table:todos:create') this.told.push(event.data.data.title);
                }
            }
            reader?.close();
            await sleep(20);
        }
    }

    // However a test ended.
    end() {
        this.going = false;
    }

    // What it did; fails where something is missing or there twice.
    async stop() {
        this.going = false;
        await this.writing;
        await this.listening;
        const titles = [];
        for (let cursor; ;) {
            const page = await this.user.ok('GET', `/api/todos?limit=1000${cursor ? `&cursor=${cursor}` : ''}`);
            titles.push(...page.data.map((row) => row.title));
            if (!(cursor = page.next && encodeURIComponent(page.next))) break;
        }
        const expected = [...this.acknowledged].sort();
        assert.deepEqual(titles.sort(), expected, 'stored, each once');
        assert.deepEqual([...this.told].sort(), expected, 'told, each once');
        return { acknowledged: expected.length, pause: Math.round(this.pause), opened: this.opened };
    }
}
