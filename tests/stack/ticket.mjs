// Streams opened by ticket, through each web server: once, by nobody else, and as long as who asked.

import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { User, assertFailure, claimsOf, mint, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

throughEachServer('Tickets', {}, (at) => {
    let user;

    before(async () => {
        user = await User.signUp(at.stack);
    });

    const ask = async (token = user.token) => {
        const answer = await request(at.stack, 'POST', '/api/ticket', {
            headers: { authorization: `Bearer ${token}` }, body: '',
        });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(Object.keys(answer.json), ['ok', 'ticket', 'expiresIn']);
        assert.equal(answer.json.expiresIn, 30);
        return answer.json.ticket;
    };
    const open = (ticket) => EventReader.open(at.stack, { path: `/api/events?ticket=${ticket}` });
    const refused = async (path, headers = {}) => {
        const reader = await EventReader.open(at.stack, { path, headers });
        assert.equal(reader.status, 401, path);
        reader.close();
    };

    it('a ticket opens an event stream once', async () => {
        const ticket = await ask();
        const reader = await open(ticket);
        assert.equal(reader.status, 200);
        await reader.next((event) => event.name === 'realtime:connected');
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        assert.equal((await reader.next()).name, 'kv:set');
        await refused(`/api/events?ticket=${ticket}`);
        const again = await SocketReader.open(at.stack, `/api/ws?ticket=${ticket}`);
        assert.equal(again.status, 401);
        reader.close();
    });

    it('a ticket opens a WebSocket once, from a page of any origin', async () => {
        const path = `/api/ws?ticket=${await ask()}`;
        const reader = await SocketReader.open(at.stack, path, { headers: { origin: 'https://elsewhere.test' } });
        assert.equal(reader.status, 101);
        await reader.next((message) => message.event === 'connected');
        assert.equal((await SocketReader.open(at.stack, path)).status, 401);
        reader.close();
    });

    it('of many who use one at the same time one succeeds', async () => {
        const ticket = await ask();
        const readers = await Promise.all(Array.from({ length: 8 }, () => open(ticket)));
        assert.deepEqual(readers.map((reader) => reader.status).sort(), [200, ...Array(7).fill(401)]);
        for (const reader of readers) reader.close();
    });

    it('a ticket says whose it is and is no token', async () => {
        const ticket = await ask();
        const { body } = claimsOf(ticket);
        assert.deepEqual(Object.keys(body).sort(), ['exp', 'iat', 'jti', 'sid', 'sub', 'type']);
        assert.equal(body.sub, user.id);
        assert.equal(body.type, 'ticket');
        assert.equal(body.exp - body.iat, 30);
        for (const headers of [{ authorization: `Bearer ${ticket}` }, { cookie: `token=${ticket}` },
            { cookie: `refreshToken=${ticket}` }]) {
            assertFailure(await request(at.stack, 'GET', '/api/me', { headers }), 401, 'unauthorized');
            assertFailure(await request(at.stack, 'GET', '/data', { headers }), 401, 'unauthorized');
            await refused('/api/events', headers);
        }
        await refused(`/api/events?token=${ticket}`);
        await refused(`/api/events?ticket=${user.token}`);
        assertFailure(await request(at.stack, 'GET', `/api/me?ticket=${ticket}`), 401, 'unauthorized');
    });

    it('expired, forged and too long ones open nothing', async () => {
        const now = Math.floor(Date.now() / 1000);
        const claims = { ...claimsOf(await ask()).body, jti: '0'.repeat(32) };
        await refused(`/api/events?ticket=${mint({ ...claims, iat: now - 31, exp: now - 1 })}`);
        await refused(`/api/events?ticket=${mint({ ...claims, exp: now + 3600 })}`);
        await refused(`/api/events?ticket=${mint(claims, { key: 'not the secret of these tests, but long' })}`);
        await refused(`/api/events?ticket=${mint({ ...claims, type: 'refresh' })}`);
        await refused('/api/events?ticket=');
    });

    it('visitors and other sites get none', async () => {
        assertFailure(await request(at.stack, 'POST', '/api/ticket', { body: '' }), 401, 'unauthorized');
        const headers = { cookie: user.cookie, origin: 'https://elsewhere.test' };
        assertFailure(await request(at.stack, 'POST', '/api/ticket', { headers, body: '' }), 403);
    });

    it('a stream by ticket ends with its session, and a ticket too', async () => {
        const leaving = await User.signUp(at.stack);
        const reader = await open(await ask(leaving.token));
        await reader.next((event) => event.name === 'realtime:connected');
        const unused = await ask(leaving.token);
        assert.equal((await leaving.request('POST', '/api/logout', { body: '' })).status, 200);
        await reader.next((event) => event.name === 'realtime:error', 2000);
        await reader.end();
        await refused(`/api/events?ticket=${unused}`);
    });

    it('a stream by a ticket of a backend token ends with that token', async () => {
        const exp = Math.floor(Date.now() / 1000) + 2;
        const reader = await open(await ask(mint({ userId: user.id, exp })));
        assert.equal(reader.status, 200);
        await reader.next((event) => event.name === 'realtime:error', 5000);
        await reader.end();
        assert.ok(Date.now() / 1000 >= exp);
    });
});
