// Watches that nothing is lost: a writer that remembers what was acknowledged, a reader that comes
// back with the last id it saw, as a browser does.

import assert from 'node:assert/strict';
import { sleep, until } from './stack.mjs';
import { EventReader } from './streams.mjs';

export const seq = (id) => Number(id.slice(id.lastIndexOf('.') + 1));

// Reads kv:set events until stopped, over as many connections as it takes.
export class ReturningReader {
    // options: those of EventReader.open
    constructor(user, options = {}) {
        this.user = user;
        this.options = options;
        this.events = []; // those with an id, of all connections, as they came
        this.connections = 0;
        this.resyncs = 0;
        this.running = this.#run();
    }

    async #run() {
        let lastId;
        while (!this.stopped) {
            const headers = { authorization: `Bearer ${this.user.token}` };
            if (lastId) headers['last-event-id'] = lastId;
            const stream = await EventReader.open(this.user.stack, { ...this.options, headers })
                .catch(() => null);
            this.stream = stream;
            if (stream?.status === 200) this.connections++;
            while (stream?.status === 200 && !this.stopped) {
                for (const event of stream.events.splice(0)) {
                    if (event.name === 'realtime:connected') {
                        lastId ??= `${event.data.data.epoch}.${event.data.data.seq}`;
                        this.first ??= lastId;
                    } else if (event.name === 'realtime:resync') {
                        this.resyncs++;
                    } else if (event.id) {
                        lastId = event.id;
                        this.events.push(event);
                    }
                }
                if (stream.ended) break;
                await sleep(5);
            }
            stream?.close();
            if (!this.stopped) await sleep(50);
        }
    }

    async ready() {
        await until(() => this.first, 'the reader to be connected');
        return this;
    }

    async stop() {
        this.stopped = true;
        await this.running;
    }
}

// Several writers of one user at once; each write is tried until it is acknowledged, with an
// idempotency key, so that it is done once however often it was tried.
export class Writers {
    constructor(user, count = 4) {
        this.user = user;
        this.acknowledged = new Map(); // event id → key
        this.failures = 0;
        this.running = Array.from({ length: count }, (_, i) => this.#run(i));
    }

    async #run(writer) {
        for (let i = 0; !this.stopped; i++) {
            const key = `w${writer}-${i}`;
            for (;;) {
                const answer = await this.user.bearer('POST', '/data', {
                    body: { key, value: { writer, i } }, headers: { 'idempotency-key': key }, timeout: 15000,
                }).catch(() => null);
                if (answer?.status === 200) {
                    this.acknowledged.set(answer.headers['x-event-id'], key);
                    break;
                }
                this.failures++;
                await sleep(30);
            }
            await sleep(2);
        }
    }

    async stop() {
        this.stopped = true;
        await Promise.all(this.running);
    }
}

// Every acknowledged write is stored and was read exactly once, in order, by every reader.
export async function assertNothingLost(user, writers, readers) {
    const last = Math.max(...[...writers.acknowledged.keys()].map(seq));
    for (const reader of readers) {
        await until(() => reader.events.length && seq(reader.events.at(-1).id) >= last,
            `event ${last} (reader has ${reader.events.at(-1)?.id})`, 20000);
    }
    await Promise.all(readers.map((reader) => reader.stop()));
    for (const reader of readers) {
        const numbers = reader.events.map((event) => seq(event.id));
        const start = seq(reader.first) + 1;
        assert.deepEqual(numbers, numbers.map((_, i) => start + i), 'each event once, in order');
        assert.equal(reader.resyncs, 0);
        const seen = new Map(reader.events.map((event) => [event.id, event.data.data.key]));
        for (const [id, key] of writers.acknowledged) assert.equal(seen.get(id), key, id);
        assert.equal(seen.size, writers.acknowledged.size, 'no write was done twice');
    }
    for (const key of writers.acknowledged.values()) {
        const { data } = await user.ok('GET', `/data?key=${key}`);
        const [writer, i] = key.slice(1).split('-').map(Number);
        assert.deepEqual(data, { writer, i });
    }
}
