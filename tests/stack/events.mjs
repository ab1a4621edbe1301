// Change events (docs/protocol.md, section 7): Server-Sent Events, the UserDO form of WebSocket, and
// long polls.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EventSource } from 'eventsource';
import { PASSWORD, User, claimsOf, mint, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const post = { title: 'Title', content: 'Content' };
const seq = (id) => Number(id.split('.').pop());
const bearer = (user) => ({ authorization: `Bearer ${user.token}` });

throughEachServer('server-sent events', {}, (at) => {
    const open = (user, path = '/api/events', headers = {}) =>
        EventReader.open(at.stack, { path, headers: { ...bearer(user), ...headers } });

    it('begin with realtime:connected and tell when to come back', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user);
        assert.equal(stream.status, 200);
        assert.match(stream.headers['content-type'], /^text\/event-stream/);
        assert.match(stream.headers['cache-control'], /no-cache|no-store/);
        const first = await stream.next();
        assert.equal(first.name, 'realtime:connected');
        assert.deepEqual(Object.keys(first.data).sort(), ['data', 'event', 'timestamp']);
        assert.equal(first.data.event, 'realtime:connected');
        assert.deepEqual(Object.keys(first.data.data).sort(), ['clientId', 'epoch', 'seq']);
        const asOf = (await user.bearer('GET', '/data')).headers['x-as-of'];
        assert.equal(`${first.data.data.epoch}.${first.data.data.seq}`, asOf);
        assert.ok(stream.retry >= 2000 && stream.retry <= 5000, `retry: ${stream.retry}`);
        stream.close();
    });

    it('every change is one event, numbered without gaps, in the exact form', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user);
        await stream.next();
        const write = async (method, path, body) => user.bearer(method, path, { body });
        const made = await write('POST', '/api/posts', post);
        const row = made.json.data;
        const changed = (await write('PUT', `/api/posts/${row.id}`, { title: 'New' })).json.data;
        await write('DELETE', `/api/posts/${row.id}`);
        await write('POST', '/data', { key: 'k', value: { a: [1] } });
        const last = await write('DELETE', '/data?key=k');
        const names = ['table:posts:create', 'table:notifications:create', 'table:posts:update',
            'table:notifications:create', 'table:posts:delete', 'table:notifications:create', 'kv:set', 'kv:delete'];
        const events = [];
        for (const name of names) {
            const event = await stream.next();
            assert.equal(event.name, name);
            assert.deepEqual(Object.keys(event.data), ['event', 'data', 'timestamp']);
            assert.equal(event.data.event, name);
            assert.ok(Math.abs(event.data.timestamp - Date.now()) < 20000);
            events.push(event);
        }
        const numbers = events.map((event) => seq(event.id));
        assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
        assert.deepEqual(events[0].data.data, row);
        assert.deepEqual(events[2].data.data, changed);
        assert.deepEqual(events[4].data.data, { id: row.id, userId: user.id });
        assert.deepEqual(events[6].data.data, { key: 'k', value: { a: [1] }, userId: user.id });
        assert.deepEqual(events[7].data.data, { key: 'k', userId: user.id });
        assert.equal(made.headers['x-event-id'], events[1].id);
        assert.equal(last.headers['x-event-id'], events[7].id);
        stream.close();
    });

    it('an event is there within half a second of the answer to its write', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user);
        await stream.next();
        for (let i = 0; i < 5; i++) {
            await user.ok('POST', '/data', { key: 'k', value: i });
            const event = await stream.next(undefined, 500);
            assert.equal(event.data.data.value, i);
        }
        stream.close();
    });

    it('a snapshot and the stream from its X-As-Of miss nothing and repeat nothing', async () => {
        const user = await User.signUp(at.stack);
        let writing = true;
        const writer = (async () => {
            for (let i = 0; writing; i++) await user.ok('POST', '/data', { key: `k${i}`, value: i });
        })();
        for (let round = 0; round < 5; round++) {
            const answer = await user.bearer('GET', '/data?prefix=&limit=1000');
            const known = new Set(Object.keys(answer.json.data));
            const stream = await open(user, `/api/events?lastEventId=${answer.headers['x-as-of']}`);
            await sleep(150);
            const from = seq(answer.headers['x-as-of']);
            const sets = stream.events.filter((event) => event.name === 'kv:set');
            assert.ok(sets.length > 0);
            assert.deepEqual(sets.map((event) => seq(event.id)), sets.map((_, i) => from + 1 + i));
            for (const event of sets) assert.ok(!known.has(event.data.data.key));
            stream.close();
        }
        writing = false;
        await writer;
    });

    it('the header Last-Event-ID replays what was missed, and wins over the parameter', async () => {
        const user = await User.signUp(at.stack);
        const ids = [];
        for (let i = 0; i < 20; i++) {
            const answer = await user.bearer('POST', '/data', { body: { key: `k${i}`, value: i } });
            ids.push(answer.headers['x-event-id']);
        }
        const replay = async (path, headers) => {
            const stream = await open(user, path, headers);
            await stream.next((event) => event.id === ids[19]);
            const values = stream.events.filter((e) => e.name === 'kv:set').map((e) => e.data.data.value);
            assert.deepEqual(await stream.rest(100), []);
            stream.close();
            return values;
        };
        assert.deepEqual(await replay('/api/events', { 'last-event-id': ids[14] }), [15, 16, 17, 18, 19]);
        assert.deepEqual(await replay(`/api/events?lastEventId=${ids[17]}`, {}), [18, 19]);
        assert.deepEqual(await replay(`/api/events?lastEventId=${ids[2]}`, { 'last-event-id': ids[18] }), [19]);
    });

    it('an id that was never given out gets one resync', async () => {
        const user = await User.signUp(at.stack);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        const asOf = (await user.bearer('GET', '/data')).headers['x-as-of'];
        const epoch = asOf.slice(0, asOf.lastIndexOf('.'));
        for (const id of ['nothing.1', `${epoch}x.1`, `${epoch}.99999999`, `${epoch}.-1`, 'x', '1', `${epoch}.`,
            `${epoch}.99999999999999999999999`, "';--.1"]) {
            const stream = await open(user, '/api/events', { 'last-event-id': id });
            const event = await stream.next((e) => e.name !== 'realtime:connected');
            assert.equal(event.name, 'realtime:resync', id);
            await user.ok('POST', '/data', { key: 'k', value: id });
            const live = await stream.next();
            assert.deepEqual([live.name, live.data.data.value], ['kv:set', id]);
            stream.close();
        }
    });

    it('filters let through what they name', async () => {
        const user = await User.signUp(at.stack);
        const some = await open(user, '/api/events?events=table:posts:*,kv:delete');
        await some.next();
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await user.ok('POST', '/api/posts', post);
        await user.ok('DELETE', '/data?key=k');
        const events = [await some.next(), await some.next()];
        assert.deepEqual(events.map((event) => event.name), ['table:posts:create', 'kv:delete']);
        assert.deepEqual(await some.rest(100), []);
        some.close();
    });

    it('format=message sends no event names', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user, '/api/events?format=message');
        const first = await stream.next();
        assert.deepEqual([first.name, first.data.event], ['message', 'realtime:connected']);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.doesNotMatch((await stream.next()).raw, /^event:/m);
        stream.close();
    });

    it('a value with line breaks and any letters arrives as it was sent', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user);
        await stream.next();
        for (const value of ['a\nb\r\nc\r', '\u2028 \u0085 🎈 \\ " </script>', 'data: x\n\nevent: y\n\n', '\u0000']) {
            await user.ok('POST', '/data', { key: 'k', value });
            assert.equal((await stream.next()).data.data.value, value);
        }
        stream.close();
    });

    it('large values arrive whole', async () => {
        const user = await User.signUp(at.stack);
        const stream = await open(user);
        await stream.next();
        for (const size of [100, 8 * 1024, 64 * 1024, 128 * 1024 - 2]) {
            await user.ok('POST', '/data', { key: 'k', value: 'x'.repeat(size) });
            assert.equal((await stream.next()).data.data.value.length, size);
        }
        stream.close();
    });

    it('are opened by cookie, by Bearer and by token, and by nothing else', async () => {
        const user = await User.signUp(at.stack);
        const status = async (path, headers = {}) => {
            const stream = await EventReader.open(at.stack, { path, headers });
            stream.close();
            return stream.status;
        };
        assert.equal(await status('/api/events', { cookie: `token=${user.token}` }), 200);
        assert.equal(await status('/api/events', { cookie: `refreshToken=${user.refreshToken}` }), 200);
        assert.equal(await status('/api/events', bearer(user)), 200);
        assert.equal(await status(`/api/events?token=${user.token}`), 200);
        assert.equal(await status('/api/events'), 401);
        assert.equal(await status('/api/events?token=x'), 401);
        assert.equal(await status(`/api/events?token=${user.refreshToken}`), 401);
        assert.equal(await status('/api/events', { authorization: 'Bearer x' }), 401);
        assert.equal(await status(`/api/events?token=${mint({ sub: 'nobody' })}`), 401);
        assert.equal(await status('/api/events?ticket=x'), 401);
    });

    it('a refusal is JSON', async () => {
        const answer = await request(at.stack, 'GET', '/api/events');
        assert.equal(answer.status, 401);
        assert.match(answer.headers['content-type'], /^application\/json/);
        assert.equal(answer.json.code, 'unauthorized');
        assert.equal((await request(at.stack, 'POST', '/api/events')).status, 405);
    });

    it('logging out ends the streams of that session within a second, and only those', async () => {
        const user = await User.signUp(at.stack);
        const other = await request(at.stack, 'POST', '/api/login', {
            body: { email: user.email, password: PASSWORD },
        });
        const ending = [
            await EventReader.open(at.stack, { headers: { cookie: user.cookie } }),
            await EventReader.open(at.stack, { headers: bearer(user) }),
        ];
        const staying = await EventReader.open(at.stack, { headers: { authorization: `Bearer ${other.json.token}` } });
        for (const stream of [...ending, staying]) await stream.next();
        await user.request('POST', '/api/logout');
        for (const stream of ending) await stream.end(1000);
        await request(at.stack, 'POST', '/data', {
            body: { key: 'k', value: 1 }, headers: { authorization: `Bearer ${other.json.token}` },
        });
        assert.equal((await staying.next()).name, 'kv:set');
        staying.close();
    });

    it('a stream by a token that expires tells why, and ends', async () => {
        const user = await User.signUp(at.stack);
        const token = mint({ sub: user.id, exp: Math.floor(Date.now() / 1000) + 2 });
        const stream = await EventReader.open(at.stack, { headers: { authorization: `Bearer ${token}` } });
        await stream.next((event) => event.name === 'realtime:connected');
        await stream.next((event) => event.name === 'realtime:error', 6000);
        await stream.end(1000);
    });

    it('the demonstration broadcast reaches everyone who is connected, without an id', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const streams = [await open(user), await open(other)];
        for (const stream of streams) await stream.next();
        await user.ok('POST', '/api/demo/broadcast', { message: 'All' });
        for (const stream of streams) {
            const event = await stream.next((e) => e.name === 'demo:broadcast');
            assert.equal(event.id, null);
        }
        for (const stream of streams) stream.close();
    });

    it('the EventSource of a browser reads them', async () => {
        const user = await User.signUp(at.stack);
        const source = new EventSource(`${at.stack.origin}/api/events?token=${user.token}`);
        const got = [];
        source.addEventListener('realtime:connected', () => got.push('connected'));
        source.addEventListener('kv:set', (event) => got.push([event.lastEventId, JSON.parse(event.data).data.key]));
        await until(() => got.length === 1, 'greeting');
        const answer = await user.bearer('POST', '/data', { body: { key: 'k', value: 1 } });
        await until(() => got.length === 2, 'event');
        assert.deepEqual(got[1], [answer.headers['x-event-id'], 'k']);
        source.close();
    });

    it('many readers of one user get all events in the same order', async () => {
        const user = await User.signUp(at.stack);
        const streams = await Promise.all(Array.from({ length: 20 }, () => open(user)));
        for (const stream of streams) await stream.next();
        await Promise.all(Array.from({ length: 50 }, (_, i) =>
            user.bearer('POST', '/data', { body: { key: `k${i}`, value: i } })));
        for (const stream of streams) await until(() => stream.events.length >= 51, 'all events');
        const ids = streams.map((stream) => stream.events.slice(1).map((event) => event.id).join(' '));
        assert.equal(new Set(ids).size, 1);
        const numbers = ids[0].split(' ').map(seq);
        assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
        for (const stream of streams) stream.close();
    });
});

throughEachServer('short logs', { CUBBY_LOG_KEEP_EVENTS: '10' }, (at) => {
    it('what is no longer kept is one resync, what is kept is replayed', async () => {
        const user = await User.signUp(at.stack);
        const ids = [];
        for (let i = 0; i < 200; i++) {
            const answer = await user.bearer('POST', '/data', { body: { key: 'k', value: i } });
            ids.push(answer.headers['x-event-id']);
        }
        const open = (id) => EventReader.open(at.stack, { headers: { ...bearer(user), 'last-event-id': id } });
        const old = await open(ids[0]);
        assert.equal((await old.next((e) => e.name !== 'realtime:connected')).name, 'realtime:resync');
        assert.deepEqual(await old.rest(200), []);
        const recent = await open(ids[194]);
        const values = [];
        for (let i = 0; i < 5; i++) {
            values.push((await recent.next((e) => e.name !== 'realtime:connected')).data.data?.value);
        }
        assert.deepEqual(values, [195, 196, 197, 198, 199]);
        for (const stream of [old, recent]) stream.close();
        const changes = await user.ok('GET', `/api/changes?since=${ids[0]}&wait=0`);
        assert.equal(changes.resync, true);
    });
});

throughEachServer('WebSocket without a subprotocol', {}, (at) => {
    const open = (user, headers = bearer(user)) => SocketReader.open(at.stack, '/api/ws', { headers });

    it('speaks as UserDO does', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        const greeting = await socket.next();
        assert.deepEqual(Object.keys(greeting).sort(), ['event', 'message', 'timestamp']);
        assert.equal(greeting.event, 'connected');
        assert.equal(typeof greeting.message, 'string');
        assert.equal(typeof greeting.timestamp, 'number');
        const { data: row } = await user.ok('POST', '/api/posts', post);
        const created = await socket.next();
        assert.deepEqual(Object.keys(created).sort(), ['data', 'event', 'timestamp']);
        assert.equal(created.event, 'table:posts');
        assert.deepEqual(created.data, { type: 'create', data: row });
        const notice = await socket.next();
        assert.deepEqual([notice.event, notice.data.type], ['table:notifications', 'create']);
        const { data: changed } = await user.ok('PUT', `/api/posts/${row.id}`, { title: 'New' });
        assert.deepEqual((await socket.next()).data, { type: 'update', data: changed });
        await socket.next();
        await user.ok('DELETE', `/api/posts/${row.id}`);
        assert.deepEqual((await socket.next()).data, { type: 'delete', data: { id: row.id } });
        await socket.next();
        await user.ok('POST', '/data', { key: 'a:b', value: [1, null] });
        const { timestamp, ...set } = await socket.next();
        assert.equal(typeof timestamp, 'number');
        assert.deepEqual(set, { event: 'kv:a:b', data: [1, null] });
        await user.ok('DELETE', '/data?key=a:b');
        const { timestamp: later, ...gone } = await socket.next();
        assert.ok(later >= timestamp);
        assert.deepEqual(gone, { event: 'kv:a:b', data: null });
        socket.close();
    });

    it('echoes JSON and ignores other text', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        await socket.next();
        for (const text of ['hello', '', '{', 'ping']) socket.send(text);
        for (const value of [{ a: 1 }, [1], 'x', 7, null, { deep: { er: '🎈' } }, 'x'.repeat(70000)]) {
            socket.send(JSON.stringify(value));
            const echo = await socket.next();
            assert.deepEqual(Object.keys(echo).sort(), ['event', 'message', 'original', 'timestamp']);
            assert.equal(echo.event, 'echo');
            assert.deepEqual(echo.original, value);
        }
        socket.close();
    });

    it('is refused without a sign-in, with JSON', async () => {
        const socket = await SocketReader.open(at.stack, '/api/ws');
        assert.equal(socket.status, 401);
        assert.equal(JSON.parse(socket.text).code, 'unauthorized');
        assert.equal((await SocketReader.open(at.stack, '/api/ws?token=x')).status, 401);
    });

    it('opens by cookie and by token in the query', async () => {
        const user = await User.signUp(at.stack);
        for (const [path, headers] of [['/api/ws', { cookie: `token=${user.token}` }],
            ['/api/ws', { cookie: `refreshToken=${user.refreshToken}` }], [`/api/ws?token=${user.token}`, {}]]) {
            const socket = await SocketReader.open(at.stack, path, { headers });
            assert.equal(socket.status, 101, path);
            socket.close();
        }
    });

    it('without an upgrade it is 426', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.bearer('GET', '/api/ws');
        assert.equal(answer.status, 426, answer.text);
        assert.match(answer.headers.upgrade, /^websocket$/i);
    });

    it('closes with 4401 when its token expires or its session ends', async () => {
        const user = await User.signUp(at.stack);
        const token = mint({ sub: user.id, exp: Math.floor(Date.now() / 1000) + 2 });
        const expiring = await SocketReader.open(at.stack, `/api/ws?token=${token}`);
        assert.equal(await expiring.closeCode(), 4401);
        const ending = await open(user);
        await ending.next();
        const start = Date.now();
        await user.request('POST', '/api/logout');
        assert.equal(await ending.closeCode(), 4401);
        assert.ok(Date.now() - start < 1000);
    });

    it('answers a ping, and a close with a close', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        await socket.next();
        const pong = new Promise((resolve) => socket.ws.once('pong', resolve));
        socket.ws.ping('there?');
        assert.equal((await pong).toString(), 'there?');
        socket.ws.close(1000, 'bye');
        assert.equal(await socket.closeCode(), 1000);
    });
});

throughEachServer('long polls', { CUBBY_POLL_WORKERS: '4' }, (at) => {
    const since = (id, wait = 0) => `/api/changes?since=${encodeURIComponent(id)}&wait=${wait}`;

    it('answer with the same events and where to go on', async () => {
        const user = await User.signUp(at.stack);
        const start = (await user.bearer('GET', '/data')).headers['x-as-of'];
        const { data: row } = await user.ok('POST', '/api/posts', post);
        const last = (await user.bearer('POST', '/data', { body: { key: 'k', value: 1 } })).headers['x-event-id'];
        const { ok, events, next, resync } = await user.ok('GET', since(start));
        assert.equal(ok, true);
        assert.deepEqual([next, resync], [last, undefined]);
        assert.deepEqual(events.map((event) => event.event),
            ['table:posts:create', 'table:notifications:create', 'kv:set']);
        for (const event of events) {
            assert.deepEqual(Object.keys(event).sort(), ['data', 'event', 'id', 'timestamp']);
        }
        assert.deepEqual(events[0].data, row);
        assert.equal(events[2].id, last);
        assert.deepEqual(await user.ok('GET', since(next)), { ok: true, events: [], next });
    });

    it('wait for the next change, and no longer than asked', async () => {
        const user = await User.signUp(at.stack);
        const { next } = await user.ok('GET', '/api/changes?wait=0');
        const start = Date.now();
        const poll = user.ok('GET', since(next, 20));
        await sleep(300);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        const { events } = await poll;
        assert.deepEqual(events.map((event) => event.event), ['kv:set']);
        assert.ok(Date.now() - start < 3000);
        const empty = Date.now();
        assert.deepEqual((await user.ok('GET', since(events[0].id, 1))).events, []);
        assert.ok(Date.now() - empty > 700 && Date.now() - empty < 3000);
    });

    it('beyond the workers for them the answer comes at once, with Retry-After', async () => {
        const user = await User.signUp(at.stack);
        const { next } = await user.ok('GET', '/api/changes?wait=0');
        const polls = Array.from({ length: 8 }, () => user.bearer('GET', since(next, 2)));
        await sleep(300);
        const start = Date.now();
        const other = await user.bearer('GET', '/api/me');
        assert.equal(other.status, 200);
        assert.ok(Date.now() - start < 1000, 'other requests are answered meanwhile');
        const answers = await Promise.all(polls);
        for (const answer of answers) assert.equal(answer.status, 200, answer.text);
        assert.ok(answers.some((answer) => answer.headers['retry-after']));
        assert.ok(answers.filter((answer) => !answer.headers['retry-after']).length >= 4);
    });

    it('an id that is no id gets a resync', async () => {
        const user = await User.signUp(at.stack);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        for (const id of ['nothing.1', 'x', '1.1.1.1']) {
            const answer = await user.ok('GET', since(id));
            assert.equal(answer.resync, true, id);
            assert.match(answer.next, /\.\d+$/);
        }
    });

    it('claims of the token are told nowhere', async () => {
        const user = await User.signUp(at.stack);
        const { body } = claimsOf(user.token);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.ok(!(await user.bearer('GET', '/api/changes?wait=0')).text.includes(body.sid));
    });
});
