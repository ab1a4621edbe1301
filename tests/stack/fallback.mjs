// No cubby-pushd at all: every change event is had from GET /api/changes, by cubby.fcgi alone. What
// the polls saw is compared, byte for byte, with what streams tell of the same data later.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Application } from '../lib/fastcgi.mjs';
import { User, assertFailure, request } from '../lib/http.mjs';
import { SERVERS, Stack, processesOf, sleep, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const LOG_KEEPS = 400;
const ENV = { CUBBY_LOG_KEEP_EVENTS: String(LOG_KEEPS) };
const FILTERS = ['*', 'kv:*', 'table:posts:*,kv:delete', 'table:notes:update', 'nothing:*'];

const changes = (since, { wait = 0, events } = {}) =>
    `/api/changes?${new URLSearchParams({ since, wait, ...(events ? { events } : {}) })}`;
const seq = (id) => Number(id.split('.').pop());

// The text of the events in an answer: what stands between the brackets.
const eventsText = (text) => /^\{"ok":true,"events":\[(.*)\],"next":"[0-9a-f]{8}\.\d+"\}$/s.exec(text)[1];

// Every kind of change event, some of them several at once. Resolves to the last one's id.
async function changeEverything(user) {
    const write = async (method, path, body, headers) => {
        const answer = await user.bearer(method, path, { body, headers });
        assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
        return answer;
    };
    const post = (await write('POST', '/api/posts', { title: 'Grüße "quoted"', content: 'a\nb' })).json.data;
    await write('PUT', `/api/posts/${post.id}`, { title: 'Changed' });
    await write('PATCH', `/api/posts/${post.id}`, { content: 'patched' });
    await write('DELETE', `/api/posts/${post.id}`);
    const note = (await write('POST', '/api/notes', { text: 'a note' })).json.note;
    await write('PUT', `/api/notes/${note.id}`, { text: 'the same, changed' });
    await write('DELETE', `/api/notes/${note.id}`);
    const [told] = (await write('GET', '/api/notifications')).json.data;
    await write('PUT', `/api/notifications/${told.id}/read`, '');
    const value = '{ "n": 1.00,\n "big": 12345678901234567890, "nul": "\\u0000" }';
    await write('POST', '/data', `{ "key": "k é", "value": ${value} }`);
    await write('DELETE', `/data?key=${encodeURIComponent('k é')}`);
    await write('POST', '/api/batch', { operations: [
        { method: 'POST', path: '/api/todos', body: { title: 'one' } },
        { method: 'POST', path: '/data', body: { key: 'batch', value: null } },
        { method: 'POST', path: '/api/todos', body: { title: 'two' } },
    ] });
    const once = { 'idempotency-key': 'once' };
    for (let i = 0; i < 2; i++) await write('POST', '/api/todos', { title: 'three' }, once);
    return (await write('DELETE', '/api/todos')).headers['x-event-id'];
}

// Polls as a page does, until the event `last`; resolves to what came, in order.
async function pollUntil(user, since, last, options) {
    const events = [];
    let next = since;
    while (seq(next) < seq(last)) {
        const answer = await user.ok('GET', changes(next, options));
        assert.equal(answer.resync, undefined);
        assert.ok(seq(answer.next) >= seq(next));
        events.push(...answer.events);
        next = answer.next;
    }
    return events;
}

// The same by SSE: each event as /api/changes would write it.
async function streamUntil(user, since, last, filter) {
    const query = new URLSearchParams({ lastEventId: since, ...(filter ? { events: filter } : {}) });
    const reader = await EventReader.open(user.stack, {
        path: `/api/events?${query}`, headers: { authorization: `Bearer ${user.token}` },
    });
    assert.equal(reader.status, 200);
    if (filter) await sleep(300);
    else await until(() => reader.events.some((event) => event.id === last), 'the last event');
    reader.close();
    return reader.events.filter((event) => event.name !== 'realtime:connected').map((event) => {
        const data = event.raw.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
        return `{"id":"${event.id}",${data.join('\n').slice(1)}`;
    });
}

for (const server of SERVERS) {
    describe(`without pushd, through ${server}`, () => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        let stack, user, position;

        const freshUser = async () => {
            const fresh = await User.signUp(stack);
            return { fresh, from: (await fresh.ok('GET', '/api/changes')).next };
        };

        before(async () => {
            stack = await new Stack({ server, env: ENV, data, pushd: null }).start();
            ({ fresh: user, from: position } = await freshUser());
        });
        after(async () => {
            await stack?.stop();
            fs.rmSync(data, { recursive: true, force: true });
        });

        it('there are no streams', async () => {
            const running = processesOf(data).map((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
            assert.ok(running.length > 0 && !running.some((line) => line.includes('cubby-pushd')), running.join());
            const answer = await user.bearer('GET', '/api/events');
            assert.ok([502, 503, 504].includes(answer.status), String(answer.status));
            assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
        });

        it('a waiting poll is woken by a write of the same process', async () => {
            const { fresh, from } = await freshUser();
            const poll = fresh.ok('GET', changes(from, { wait: 20 }));
            await sleep(200);
            const start = Date.now();
            await fresh.ok('POST', '/data', { key: 'k', value: 1 });
            const { events } = await poll;
            assert.ok(Date.now() - start < 1000);
            assert.deepEqual(events.map((event) => event.event), ['kv:set']);
        });

        it('a waiting poll is woken by a write of another process', async (t) => {
            const other = await Application.start(stack);
            t.after(() => other.stop());
            const { fresh, from } = await freshUser();
            for (let i = 0, since = from; i < 5; i++) {
                const poll = fresh.ok('GET', changes(since, { wait: 20 }));
                await sleep(100);
                const start = Date.now();
                const written = await other.request('POST', '/api/todos', {
                    token: fresh.token, body: { title: `${i}` },
                });
                assert.equal(written.status, 200);
                const { events, next } = await poll;
                assert.ok(Date.now() - start < 1500);
                assert.deepEqual(events.map((event) => [event.event, event.data]),
                    [['table:todos:create', written.json.data]]);
                since = next;
            }
        });

        it('a poll that waits for some events is not woken by others', async () => {
            const { fresh, from } = await freshUser();
            const poll = fresh.ok('GET', changes(from, { wait: 20, events: 'table:*' }));
            for (let i = 0; i < 10; i++) await fresh.ok('POST', '/data', { key: 'k', value: i });
            await fresh.ok('POST', '/api/todos', { title: 'this one' });
            const { events, next } = await poll;
            assert.deepEqual(events.map((event) => event.event), ['table:todos:create']);
            assert.equal(next, events[0].id);
        });

        it('what is no longer in the log is a resync, from which polls go on', async () => {
            const { fresh, from } = await freshUser();
            const operations = Array.from({ length: 100 }, (_, i) => ({
                method: 'POST', path: '/data', body: { key: `${i}`, value: i },
            }));
            for (let i = 0; i < LOG_KEEPS / 50; i++) await fresh.ok('POST', '/api/batch', { operations });
            const gone = await fresh.ok('GET', changes(from, { wait: 20 }));
            assert.deepEqual([gone.resync, gone.events], [true, []]);
            const { headers } = await fresh.bearer('GET', '/data?prefix=&limit=1');
            assert.equal(gone.next, headers['x-as-of']);
            await fresh.ok('POST', '/data', { key: 'after', value: 1 });
            const { events, resync } = await fresh.ok('GET', changes(gone.next));
            assert.deepEqual([events.length, events[0].data.key, resync], [1, 'after', undefined]);
        });

        it('an organization of others is not there, and nobody polls without sign-in', async () => {
            for (const org of [user.id, 'f'.repeat(32), 'x']) {
                assertFailure(await user.bearer('GET', `/api/changes?org=${org}`), 404, 'not_found');
            }
            assertFailure(await request(stack, 'GET', '/api/changes'), 401, 'unauthorized');
        });

        it('tells every change event just as the streams do, after however many reconnects', async () => {
            const live = (async () => {
                const seen = [];
                let next = position;
                for (let names = []; names.at(-1) !== 'kv:delete end';) {
                    const answer = await user.ok('GET', changes(next, { wait: 20 }));
                    assert.equal(answer.resync, undefined);
                    seen.push(...answer.events);
                    names = answer.events.map((event) => `${event.event} ${event.data.key}`);
                    next = answer.next;
                }
                return seen;
            })();
            await changeEverything(user);
            await user.ok('POST', '/data', { key: 'end', value: 1 });
            const last = (await user.bearer('DELETE', '/data?key=end')).headers['x-event-id'];
            const seen = await live;
            assert.deepEqual(seen.map((event) => seq(event.id)), seen.map((_, i) => seq(position) + 1 + i));
            const names = new Set(seen.map((event) => event.event));
            for (const name of ['table:posts:create', 'table:posts:update', 'table:posts:delete', 'kv:set', 'kv:delete',
                'table:notifications:create', 'table:notifications:update', 'table:notes:create', 'table:notes:update',
                'table:notes:delete', 'table:todos:create', 'table:todos:delete']) assert.ok(names.has(name), name);

            const texts = {};
            for (const filter of ['', ...FILTERS]) {
                texts[filter] = eventsText((await user.bearer('GET', changes(position, { events: filter }))).text);
            }
            assert.deepEqual(JSON.parse(`[${texts['']}]`), seen, 'a replay is what came live');
            for (const event of seen) {
                assert.deepEqual(await pollUntil(user, event.id, last), seen.slice(seen.indexOf(event) + 1));
            }

            await stack.stop();
            stack = await new Stack({ server, env: ENV, data }).start();
            user.stack = stack;
            const streamed = await streamUntil(user, position, last);
            assert.equal(streamed.join(','), texts['']);
            for (const filter of FILTERS) {
                assert.equal((await streamUntil(user, position, last, filter)).join(','), texts[filter], filter);
            }
            assert.equal(eventsText((await user.bearer('GET', changes(position))).text), texts['']);
        });

        it('beside a stream both tell the same of new changes', async () => {
            const { fresh, from } = await freshUser();
            const reader = await EventReader.open(stack, { headers: { authorization: `Bearer ${fresh.token}` } });
            await reader.next();
            const last = await changeEverything(fresh);
            await reader.next((event) => event.id === last);
            reader.close();
            const polled = await pollUntil(fresh, from, last);
            assert.deepEqual(reader.events.slice(1).map((event) => ({ id: event.id, ...event.data })), polled);
        });
    });
}
