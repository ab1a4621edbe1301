// cubby.v1 on /api/ws (docs/protocol.md, section 8): changes, filters, resuming, tokens, rooms,
// broadcasts, envelopes, and what a client can say that is none of them.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, claimsOf, mint, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const seq = (id) => Number(id.split('.').pop());
const seqs = (events) => events.filter((event) => event.id).map((event) => seq(event.id));
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const named = (name) => (event) => event.event === name;
const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

throughEachServer('cubby.v1', {}, (at) => {
    // A socket past its greeting, which is left in `greeting`.
    async function open(user, { query = '', headers = bearer(user.token) } = {}) {
        const socket = await SocketReader.open(at.stack, `/api/ws${query}`, { protocols: ['cubby.v1'], headers });
        assert.equal(socket.status, 101);
        socket.greeting = await socket.next();
        assert.equal(socket.greeting.event, 'realtime:connected');
        return socket;
    }

    // Everything said before was taken in.
    async function settle(...sockets) {
        for (const socket of sockets) {
            socket.send({ type: 'ping' });
            await socket.next((message) => message.type === 'pong');
        }
    }

    // The access token of one more session.
    async function logIn({ email }) {
        return (await request(at.stack, 'POST', '/api/login', { body: { email, password: PASSWORD } })).json.token;
    }

    async function openIn(user, room) {
        const socket = await open(user);
        socket.send({ type: 'join', room });
        socket.presence = (await socket.next(named('presence'))).data;
        return socket;
    }

    async function refused(socket, message, code) {
        socket.send(message);
        const answer = await socket.next();
        assert.equal(answer.event, 'realtime:error', JSON.stringify([message, answer]));
        assert.deepEqual(Object.keys(answer.data).sort(), ['code', 'message']);
        assert.equal(answer.data.code, code, JSON.stringify(message));
    }

    it('begins with realtime:connected, and tells changes with their ids', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        assert.equal(socket.ws.protocol, 'cubby.v1');
        assert.match(socket.ws.extensions, /permessage-deflate/);
        assert.deepEqual(Object.keys(socket.greeting).sort(), ['data', 'event', 'id', 'timestamp']);
        assert.deepEqual(Object.keys(socket.greeting.data).sort(), ['clientId', 'epoch', 'seq']);
        const asOf = (await user.bearer('GET', '/data')).headers['x-as-of'];
        assert.equal(socket.greeting.id, asOf);
        const answer = await user.bearer('POST', '/data', { body: { key: 'k', value: 'x'.repeat(5000) } });
        const event = await socket.next();
        assert.deepEqual(Object.keys(event).sort(), ['data', 'event', 'id', 'timestamp']);
        assert.equal(event.event, 'kv:set');
        assert.equal(event.id, answer.headers['x-event-id']);
        assert.deepEqual(event.data, { key: 'k', value: 'x'.repeat(5000), userId: user.id });
        socket.close();
    });

    it('filters choose by name, beginning and fields, until the last is taken away', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        const filters = [{ type: 'kv:*', key: 'wanted' }, { type: 'table:posts:delete' }, 'no filter', { x: 'y' }];
        socket.send({ type: 'subscribe', filters });
        await settle(socket);
        await user.ok('POST', '/data', { key: 'other', value: 1 });
        const { id } = (await user.ok('POST', '/api/posts', { title: 'a', content: 'b' })).data;
        await user.ok('DELETE', `/api/posts/${id}`);
        await user.ok('POST', '/data', { key: 'wanted', value: 1 });
        assert.equal((await socket.next()).event, 'table:posts:delete');
        assert.deepEqual((await socket.next()).data, { key: 'wanted', value: 1, userId: user.id });
        socket.send({ type: 'unsubscribe', filters });
        await settle(socket);
        await user.ok('POST', '/data', { key: 'other', value: 2 });
        assert.equal((await socket.next()).data.value, 2);
        assert.deepEqual(await socket.rest(100), []);
        socket.close();
    });

    it('resuming while somebody writes misses nothing and repeats nothing', async () => {
        const user = await User.signUp(at.stack);
        let writing = true, written = 0;
        const writer = (async () => {
            const body = { key: 'k', value: 1 };
            while (writing) written = seq((await user.bearer('POST', '/data', { body })).headers['x-event-id']);
        })();
        let last = (await user.bearer('GET', '/data')).headers['x-as-of'];
        for (let round = 0; round < 6; round++) {
            const byAddress = round % 2 === 0;
            const socket = await open(user, { query: byAddress ? `?lastEventId=${last}` : '' });
            if (!byAddress) socket.send({ type: 'resume', lastEventIds: { self: last } });
            const goal = written + 20;
            await until(() => seqs(socket.events).includes(goal), `event ${goal}`);
            const events = socket.events.slice(1);
            const numbers = seqs(events);
            assert.deepEqual(numbers, numbers.map((_, i) => seq(last) + 1 + i));
            last = events.at(-1).id;
            socket.close();
        }
        writing = false;
        await writer;
    });

    it('an id that was never given out is one resync', async () => {
        const user = await User.signUp(at.stack);
        const socket = await open(user);
        for (const self of ['x', '', `${socket.greeting.data.epoch}.99999`, 'a.1']) {
            socket.send({ type: 'resume', lastEventIds: { self } });
            assert.equal((await socket.next()).event, 'realtime:resync');
        }
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await socket.next()).event, 'kv:set');
        assert.deepEqual(await socket.rest(100), []);
        socket.close();
    });

    it('both pings are answered', async () => {
        const socket = await open(await User.signUp(at.stack));
        socket.send('ping');
        assert.equal(await socket.next(), 'pong');
        socket.send({ type: 'ping' });
        const answer = await socket.next();
        assert.deepEqual(Object.keys(answer), ['type', 'timestamp']);
        assert.equal(new Date(answer.timestamp).toISOString(), answer.timestamp);
        socket.close();
    });

    it('nonsense is answered each time, and nobody else notices', async () => {
        const user = await User.signUp(at.stack);
        const [socket, other] = [await open(user), await open(user)];
        const nonsense = ['{', '[]', 'null', '{"type":"no such"}', '{"type":7}', '\u0000', '{"a":1,"a":1}',
            '{"type":"subscribe","filters":7}', '{"type":"join","room":{}}', '{"type":"auth"}',
            `"${'x'.repeat(60000)}"`];
        for (let i = 0; i < 500; i++) for (const text of nonsense) socket.send(text);
        socket.ws.send(Buffer.from([0, 255, 1]), { binary: true });
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await other.next(undefined, 2000)).event, 'kv:set');
        const errors = () => socket.events.filter((event) => event.event === 'realtime:error').length;
        await until(() => errors() === 500 * nonsense.length + 1, 'an answer to each', 20000);
        await settle(socket, other);
        assert.ok(socket.events.some((event) => event.event === 'kv:set'));
        socket.close();
        other.close();
    });

    // --- tokens

    it('a token is renewed in place; without that it is told of and closes with 4401', async () => {
        const user = await User.signUp(at.stack);
        const { sub, email, sid } = claimsOf(user.token).body;
        const token = (seconds) => mint({ sub, userId: sub, email, sid, exp: inSeconds(seconds) });
        const openShort = () => open(user, { headers: bearer(token(3)) });
        const [renewed, ending] = [await openShort(), await openShort()];
        for (const socket of [renewed, ending]) {
            const event = await socket.next(named('realtime:token_expiring'));
            assert.ok(event.data.expiresIn >= 1 && event.data.expiresIn <= 3);
        }
        renewed.send({ type: 'auth', token: token(300) });
        assert.equal(await ending.closeCode(6000), 4401);
        await sleep(500);
        await settle(renewed);
        assert.equal(renewed.ended, false);
        renewed.close();
    });

    it('the token of another user, session or kind renews nothing', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const second = await logIn(user);
        const { sub, email, sid } = claimsOf(user.token).body;
        const socket = await open(user, { headers: bearer(mint({ sub, userId: sub, email, sid, exp: inSeconds(3) })) });
        await socket.next(named('realtime:token_expiring'));
        for (const token of [other.token, second, mint({ sub }), user.refreshToken, 'x', ''])
            await refused(socket, { type: 'auth', token }, 'unauthorized');
        assert.equal(await socket.closeCode(6000), 4401);
    });

    it('logging out closes the streams of that session within a second, or of all', async () => {
        const user = await User.signUp(at.stack);
        const [second, third] = [await logIn(user), await logIn(user)];
        const own = [await open(user), await open(user, { headers: { cookie: user.cookie } })];
        const others = [await open(user, { headers: bearer(second) }), await open(user, { headers: bearer(third) })];
        await user.request('POST', '/api/logout');
        for (const socket of own) assert.equal(await socket.closeCode(1000), 4401);
        await settle(...others);
        await request(at.stack, 'POST', '/api/logout?all=1', { headers: bearer(second) });
        for (const socket of others) assert.equal(await socket.closeCode(1000), 4401);
    });

    // --- rooms

    it('a room tells who is there, who comes, and after five seconds who left', async () => {
        const [ann, bob] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const room = `room:${ann.id}`;
        const first = await openIn(ann, room);
        assert.deepEqual(first.presence, { room, members: [ann.id], count: 1 });
        const second = await openIn(bob, room);
        assert.deepEqual([second.presence.members.sort(), second.presence.count], [[ann.id, bob.id].sort(), 2]);
        const online = await first.next();
        assert.deepEqual([online.event, online.data], ['user:online', { userId: bob.id, room }]);
        const tab = await openIn(bob, room);
        second.close();
        assert.deepEqual(await first.rest(200), []);
        const left = Date.now();
        tab.close();
        const offline = await first.next(undefined, 8000);
        assert.deepEqual([offline.event, offline.data], ['user:offline', { userId: bob.id, room }]);
        assert.ok(Date.now() - left >= 4900 && Date.now() - left < 7000);
        first.close();
    });

    it('broadcasts reach the room but for their sender, who is named by the server', async () => {
        const [ann, bob] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const room = `room:${ann.id}`;
        const [sender, tab, reader] = [await openIn(ann, room), await openIn(ann, room), await openIn(bob, room)];
        const outside = await open(bob);
        await sender.next(named('user:online'));
        await tab.next(named('user:online'));
        sender.send({ type: 'broadcast', room, event: 'app:moved', data: { x: 1.50, userId: bob.id, room: 'room:z' } });
        for (const socket of [tab, reader]) {
            const event = await socket.next();
            assert.deepEqual(Object.keys(event).sort(), ['data', 'event', 'timestamp']);
            assert.deepEqual([event.event, event.data], ['app:moved', { x: 1.5, userId: ann.id, room }]);
        }
        await settle(sender, outside);
        for (const socket of [sender, outside]) assert.deepEqual(await socket.rest(50), []);
        for (const socket of [sender, tab, reader, outside]) socket.close();
    });

    it('broadcasts without a room reach the own connections, and nobody else', async () => {
        const [ann, bob] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const [sender, tab, other] = [await open(ann), await open(ann), await open(bob)];
        tab.send({ type: 'subscribe', filters: [{ type: 'table:*' }] });
        await settle(tab);
        sender.send({ type: 'broadcast', event: 'user:theme', data: { dark: true } });
        const event = await tab.next();
        assert.deepEqual([event.event, event.data], ['user:theme', { dark: true, userId: ann.id }]);
        await settle(sender, other);
        for (const socket of [sender, other]) assert.deepEqual(await socket.rest(50), []);
        for (const socket of [sender, tab, other]) socket.close();
    });

    it('broadcasts have names and data of their own', async () => {
        const socket = await open(await User.signUp(at.stack));
        const names = ['user:online', 'user:offline', 'kv:set', 'table:posts:create', 'realtime:error', 'app:', '', 7];
        for (const event of names)
            await refused(socket, { type: 'broadcast', event, data: {} }, 'invalid');
        for (const data of [undefined, null, 1, [], 'x'])
            await refused(socket, { type: 'broadcast', event: 'app:x', data }, 'invalid');
        await refused(socket, { type: 'broadcast', event: 'app:x', data: { x: 'x'.repeat(70000) } }, 'too_large');
        socket.close();
    });

    it('nobody gets into what is not theirs', async () => {
        const [ann, bob] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const [socket, mallory] = [await openIn(ann, `room:${ann.id}`), await open(bob)];
        const names = [`user:${ann.id}`, ann.id, 'self', '*', 'room:', 'room:*', `room:../${ann.id}`, '',
            `room:${'x'.repeat(101)}`];
        for (const room of names) await refused(mallory, { type: 'join', room }, 'invalid');
        for (const room of ['org:1', `org:${ann.id}`]) {
            await refused(mallory, { type: 'join', room }, 'not_found');
            await refused(mallory, { type: 'broadcast', room, event: 'app:x', data: {} }, 'not_found');
        }
        for (const type of ['presence', 'broadcast'])
            await refused(mallory, { type, room: `room:${ann.id}`, event: 'app:x', data: {} }, 'forbidden');
        await refused(mallory, { type: 'resume', lastEventIds: { [ann.id]: 'a.1' } }, 'invalid');
        await refused(mallory, { type: 'resume', lastEventIds: { 'org:1': 'a.1' } }, 'not_found');
        mallory.send({ type: 'subscribe', filters: [{ type: '*', userId: ann.id }, { type: 'kv:*' }] });
        await settle(mallory);
        await ann.ok('POST', '/data', { key: 'secret', value: 1 });
        await settle(mallory);
        assert.deepEqual(await mallory.rest(200), []);
        assert.equal((await socket.next()).event, 'kv:set');
        socket.close();
        mallory.close();
    });

    it('what one connection sends is bounded, and its neighbours are not', async () => {
        const [ann, bob] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const room = `room:${ann.id}`;
        const [flood, calm, reader] = [await openIn(ann, room), await openIn(ann, room), await openIn(bob, room)];
        for (let i = 0; i < 1000; i++) flood.send({ type: 'broadcast', room, event: 'app:n', data: { i } });
        await until(() => flood.events.filter(named('realtime:error')).length >= 700, 'refusals');
        assert.equal(flood.events.find(named('realtime:error')).data.code, 'rate_limited');
        calm.send({ type: 'broadcast', room, event: 'app:calm', data: {} });
        await reader.next(named('app:calm'));
        const got = reader.events.filter(named('app:n')).map((event) => event.data.i);
        assert.ok(got.length >= 90 && got.length <= 300, `${got.length} got through`);
        assert.deepEqual(got.slice(0, 90), got.slice(0, 90).map((_, i) => i));
        for (const socket of [flood, calm, reader]) socket.close();
    });

    // --- envelopes

    it('envelopes reach explicit filters, and are acknowledged', async () => {
        const user = await User.signUp(at.stack);
        const [socket, all] = [await open(user), await open(user)];
        socket.send({ type: 'subscribe', filters: [{ type: 'order*', to: 'me' }] });
        await settle(socket, all);
        const publish = (payload) => request(at.stack, 'POST', '/publish', {
            headers: bearer(mint({ sub: 'backend' })), body: { userId: user.id, type: 'order.new', payload },
        });
        assert.deepEqual((await publish({ to: 'you' })).json, { clientCount: 0, results: [] });
        const answer = publish({ to: 'me' });
        const event = await socket.next();
        assert.equal(event.event, 'envelope');
        assert.deepEqual(Object.keys(event.data), ['envelopeId', 'type', 'userId', 'timestamp', 'payload']);
        socket.send({ type: 'ack', envelopeId: event.data.envelopeId, result: { done: true } });
        assert.deepEqual((await answer).json, { clientCount: 1, results: [{ done: true }] });
        assert.deepEqual(await all.rest(100), []);
        socket.close();
        all.close();
    });
});

throughEachServer('cubby.v1 without rooms', { CUBBY_ROOMS: 'off' }, (at) => {
    it('no room can be joined', async () => {
        const user = await User.signUp(at.stack);
        const options = { protocols: ['cubby.v1'], headers: bearer(user.token) };
        const socket = await SocketReader.open(at.stack, '/api/ws', options);
        socket.send({ type: 'join', room: 'room:r' });
        assert.equal((await socket.next(named('realtime:error'))).data.code, 'forbidden');
        socket.close();
    });
});
