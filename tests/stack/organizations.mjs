// Organizations (docs/protocol.md, section 5): two users live in one, with its rows, streams and room;
// a removal takes effect at once; outsiders find nothing; and a killed cubby.fcgi forgets nothing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { describe, it } from 'node:test';
import { User, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { startStack, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const bearer = (user) => ({ authorization: `Bearer ${user.token}` });
const named = (name) => (event) => (event.event ?? event.name) === name;
const path = (org, rest = '') => `/api/organizations/${org.id}${rest}`;

const make = async (user, name) => (await user.ok('POST', '/api/organizations', { name })).organization;
const invite = async (user, org, email, role = 'member') =>
    (await user.ok('POST', path(org, '/members'), { email, role })).member;
const remove = (user, org, who) => user.bearer('DELETE', path(org, `/members/${who}`));

async function follow(stack, user, org, query = '') {
    const reader = await EventReader.open(stack, {
        path: `/api/events?org=${org.id}${query}`, headers: bearer(user),
    });
    assert.equal(reader.status, 200, reader.body);
    await reader.next(named('realtime:connected'));
    return reader;
}

async function openSocket(stack, user) {
    const socket = await SocketReader.open(stack, '/api/ws', { protocols: ['cubby.v1'], headers: bearer(user) });
    assert.equal(socket.status, 101);
    await socket.next(named('realtime:connected'));
    return socket;
}

async function join(stack, user, org) {
    const socket = await openSocket(stack, user);
    socket.send({ type: 'join', room: `org:${org.id}` });
    socket.presence = (await socket.next(named('presence'))).data;
    return socket;
}

async function settle(socket) {
    socket.send({ type: 'ping' });
    await socket.next((message) => message.type === 'pong');
}

throughEachServer('organizations', {}, (at) => {
    const people = (n) => Promise.all(Array.from({ length: n }, () => User.signUp(at.stack)));

    it('are made, shown, joined, left and deleted, and everybody concerned hears of it', async () => {
        const [ann, bob] = await people(2);
        const own = await EventReader.open(at.stack, { headers: bearer(bob) });
        await own.next();
        const org = await make(ann, 'Birds');
        assert.deepEqual(Object.keys(org), ['id', 'name', 'ownerId', 'createdAt']);
        assert.equal(org.ownerId, ann.id);
        const member = await invite(ann, org, bob.email.toUpperCase());
        assert.deepEqual(Object.keys(member),
            ['id', 'organizationId', 'userId', 'email', 'role', 'createdAt', 'status']);
        assert.deepEqual([member.userId, member.email, member.role, member.status],
            [bob.id, bob.email, 'member', 'active']);
        assert.deepEqual((await own.next()).data.data, { organizationId: org.id, member });
        const shown = await bob.ok('GET', path(org));
        assert.deepEqual(shown, { ok: true, organization: org, members: [member], isOwner: false });
        const [mine] = (await bob.ok('GET', '/api/organizations')).memberOrganizations;
        assert.deepEqual(mine, {
            organizationId: org.id, organizationName: 'Birds', ownerEmail: ann.email, role: 'member',
            joinedAt: mine.joinedAt, status: 'active',
        });
        assertFailure(await ann.bearer('POST', path(org, '/members'), { body: { email: bob.email } }), 409);
        assertFailure(await bob.bearer('DELETE', path(org)), 403, 'forbidden');
        assert.deepEqual(await ann.ok('DELETE', path(org)), { ok: true });
        assert.deepEqual((await own.next(named('organization:deleted'))).data.data, { organizationId: org.id });
        assertFailure(await bob.bearer('GET', path(org)), 404);
        own.close();
    });

    it('an address is invited before it has an account, and is a member as it signs up', async () => {
        const [ann] = await people(1);
        const org = await make(ann, 'Birds');
        const email = freshEmail();
        const member = await invite(ann, org, email, 'admin');
        assert.equal(member.userId, crypto.createHash('sha256').update(email).digest('hex'));
        assert.equal(member.status, 'invited');
        const zoe = await User.signUp(at.stack, email);
        const [now] = (await zoe.ok('GET', path(org))).members;
        assert.deepEqual(now, { ...member, userId: zoe.id, status: 'active' });
        await invite(zoe, org, freshEmail());
    });

    it('a form is answered with the page', async () => {
        const [ann] = await people(1);
        const answer = await ann.bearer('POST', '/api/organizations', {
            body: 'name=Birds', headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        assert.equal(answer.status, 303);
        assert.match(answer.headers.location, /\/organizations$/);
    });

    it('two users live in one: rows, streams, a poll, a room', async () => {
        const [ann, bob] = await people(2);
        const org = await make(ann, 'Birds');
        await invite(ann, org, bob.email);
        const [stream, room, annRoom] = [await follow(at.stack, bob, org), await join(at.stack, bob, org),
            await join(at.stack, ann, org)];
        assert.deepEqual(annRoom.presence, { room: `org:${org.id}`, members: [bob.id, ann.id], count: 2 });
        assert.deepEqual((await room.next()).data, { userId: ann.id, room: `org:${org.id}` });
        const asOf = (await bob.bearer('GET', `/api/tasks?org=${org.id}`)).headers['x-as-of'];
        const poll = bob.ok('GET', `/api/changes?org=${org.id}&since=${asOf}&wait=20`);
        const answer = await ann.bearer('POST', `/api/tasks?org=${org.id}`, { body: { title: 'Feed them' } });
        const row = answer.json.data;
        assert.equal(row.userId, org.id);
        const id = answer.headers['x-event-id'];
        const event = await stream.next();
        assert.deepEqual([event.id, event.name, event.data.data], [id, 'table:tasks:create', row]);
        const message = await room.next();
        assert.deepEqual(message, {
            event: 'table:tasks:create', data: row, timestamp: message.timestamp, id, space: `org:${org.id}`,
        });
        assert.deepEqual((await poll).events.map((e) => [e.id, e.data]), [[id, row]]);
        await bob.ok('PUT', `/api/tasks/${row.id}?org=${org.id}`, { done: true });
        assert.equal((await annRoom.next(named('table:tasks:update'))).data.done, true);
        assert.equal((await ann.ok('GET', `/api/tasks/count?org=${org.id}&where=["done","==",true]`)).count, 1);
        annRoom.send({ type: 'broadcast', room: `org:${org.id}`, event: 'app:wave', data: {} });
        assert.equal((await room.next(named('app:wave'))).data.userId, ann.id);
        const late = await openSocket(at.stack, bob);
        late.send({ type: 'resume', lastEventIds: { [`org:${org.id}`]: asOf } });
        late.send({ type: 'join', room: `org:${org.id}` });
        assert.deepEqual([(await late.next()).event, (await late.next()).id, (await late.next()).event],
            ['presence', id, 'table:tasks:update']);
        for (const open of [stream, room, annRoom, late]) open.close();
    });

    it('who is removed is out at once: rows, open streams, polls, the room', async () => {
        const [ann, bob] = await people(2);
        const org = await make(ann, 'Birds');
        await invite(ann, org, bob.email);
        const stream = await follow(at.stack, bob, org);
        const [room, others] = [await join(at.stack, bob, org), await join(at.stack, ann, org)];
        const { next } = await bob.ok('GET', `/api/changes?org=${org.id}`);
        await bob.ok('POST', `/api/tasks?org=${org.id}`, { title: 'mine' });
        await others.next(named('table:tasks:create'));
        const seen = (await bob.ok('GET', `/api/changes?org=${org.id}&since=${next}`)).next;
        const poll = bob.bearer('GET', `/api/changes?org=${org.id}&events=nothing:*&since=${seen}&wait=20`);
        const from = Date.now();
        assert.equal((await remove(ann, org, bob.id)).status, 200);
        for (const [method, target, body] of [
            ['GET', `/api/tasks?org=${org.id}`], ['POST', `/api/tasks?org=${org.id}`, { title: 't' }],
            ['GET', `/api/changes?org=${org.id}`], ['GET', path(org)],
        ]) assertFailure(await bob.bearer(method, target, { body }), 404, 'not_found');
        assert.equal((await others.next(named('user:offline'))).data.userId, bob.id);
        assert.match((await room.next(named('realtime:error'))).data.message, /no longer a member/);
        await stream.end();
        assertFailure(await poll, 404, 'not_found');
        assert.ok(Date.now() - from < 2000, `${Date.now() - from} ms`);
        assert.equal(stream.events.at(-1).name, 'realtime:error');
        await ann.ok('POST', `/api/tasks?org=${org.id}`, { title: 'secret' });
        await others.next(named('table:tasks:create'));
        room.send({ type: 'join', room: `org:${org.id}` });
        assert.equal((await room.next(named('realtime:error'))).data.code, 'not_found');
        const came = JSON.stringify([...stream.events, ...room.events]);
        assert.doesNotMatch(came, /secret/);
        await invite(ann, org, bob.email);
        (await follow(at.stack, bob, org)).close();
        for (const open of [stream, room, others]) open.close();
    });

    it('once a removal is answered, nothing of the one removed is stored any more', async () => {
        const [ann, bob] = await people(2);
        const org = await make(ann, 'Birds');
        await invite(ann, org, bob.email);
        const count = async () => (await ann.ok('GET', `/api/tasks/count?org=${org.id}`)).count;
        const statuses = new Set();
        let going = true;
        const writers = Array.from({ length: 4 }, async () => {
            while (going) {
                const { status } = await bob.bearer('POST', `/api/tasks?org=${org.id}`, { body: { title: 't' } });
                statuses.add(status);
            }
        });
        await until(async () => await count() > 10, 'rows of his');
        assert.equal((await remove(ann, org, bob.id)).status, 200);
        const after = await count();
        await until(() => statuses.has(404), 'a refusal');
        going = false;
        await Promise.all(writers);
        assert.equal(await count(), after);
        assert.deepEqual([...statuses].sort(), [200, 404]);
    });

    it('an outsider finds nothing by its id, on any path, stream or room', async () => {
        const [ann, eve] = await people(2);
        const org = await make(ann, 'Birds');
        const row = (await ann.ok('POST', `/api/tasks?org=${org.id}`, { title: 'secret' })).data;
        const body = { title: 'x', name: 'x', email: eve.email, text: 'x', key: 'k', value: 1, operations: [] };
        const calls = [
            ['GET', path(org)], ['DELETE', path(org)], ['POST', path(org, '/members')],
            ['DELETE', path(org, `/members/${eve.id}`)], ['DELETE', path(org, `/members/${ann.id}`)],
            ['POST', path(org, '/accept')],
        ];
        for (const rest of ['', '/count', `/${row.id}`]) calls.push(['GET', `/api/tasks${rest}?org=${org.id}`]);
        for (const method of ['PUT', 'PATCH', 'DELETE']) calls.push([method, `/api/tasks/${row.id}?org=${org.id}`]);
        for (const method of ['POST', 'DELETE']) calls.push([method, `/api/tasks?org=${org.id}`]);
        for (const target of ['/api/batch', '/data', '/api/posts', '/posts', '/api/organizations'])
            calls.push(['POST', `${target}?org=${org.id}`]);
        for (const target of ['/api/changes', '/data', '/api/posts', '/api/me', '/api/events', '/api/ws'])
            calls.push(['GET', `${target}?org=${org.id}`]);
        for (const [method, target] of calls) {
            const sent = method === 'GET' || method === 'DELETE' ? {} : { body };
            const answer = await eve.bearer(method, target, sent);
            assert.ok(answer.status === 404 || answer.status === 426, `${method} ${target}: ${answer.status}`);
            assert.doesNotMatch(answer.text, /Birds|secret/);
        }
        for (const protocols of [[], ['cubby.v1']]) {
            const options = { protocols, headers: bearer(eve) };
            assert.equal((await SocketReader.open(at.stack, `/api/ws?org=${org.id}`, options)).status, 404);
        }
        const socket = await openSocket(at.stack, eve);
        const room = `org:${org.id}`;
        for (const message of [{ type: 'join', room }, { type: 'presence', room },
            { type: 'broadcast', room, event: 'app:x', data: {} }]) {
            socket.send(message);
            assert.equal((await socket.next()).data.code, 'not_found');
        }
        socket.send({ type: 'resume', lastEventIds: { [room]: '00000000.0' } });
        await ann.ok('PUT', `/api/tasks/${row.id}?org=${org.id}`, { done: true });
        await settle(socket);
        assert.deepEqual(await socket.rest(200), []);
        assert.equal((await ann.ok('GET', `/api/tasks?org=${org.id}`)).data.length, 1);
        socket.close();
    });
});

describe('org_auto_accept = off', () => {
    it('an invitation comes by mail, and is accepted once the address is verified', async (t) => {
        const mails = new MailFolder();
        const stack = await startStack(t, { env: { ...mails.env, CUBBY_ORG_AUTO_ACCEPT: 'off' } });
        const [ann, bob] = [await User.signUp(stack), await User.signUp(stack)];
        const org = await make(ann, 'Birds');
        assert.equal((await invite(ann, org, bob.email)).status, 'invited');
        const mail = await mails.find(bob.email, /organization Birds/);
        assert.ok(mail.headers.subject.startsWith(`${ann.email} invites you`), mail.headers.subject);
        assert.match(mail.text, /http:\/\/cubby\.test\/organizations/);
        assertFailure(await bob.bearer('GET', `/api/tasks?org=${org.id}`), 404);
        const reader = await EventReader.open(stack, { path: `/api/events?org=${org.id}`, headers: bearer(bob) });
        assert.equal(reader.status, 404);
        assertFailure(await bob.bearer('POST', path(org, '/accept')), 403, 'forbidden');
        await bob.ok('POST', '/api/email/verify', { token: await mails.token(bob.email, /confirm/) });
        assert.equal((await bob.ok('POST', path(org, '/accept'))).member.status, 'active');
        assert.equal((await bob.ok('GET', `/api/tasks?org=${org.id}`)).data.length, 0);
        (await follow(stack, bob, org)).close();
        const left = freshEmail();
        await invite(ann, org, left);
        await mails.find(left, /organization Birds/);
    });
});

// Holds the writers' place of a user's file, as a process in the middle of a commit does.
const HOLD = `
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.read()
`;

describe('cubby.fcgi killed between the decision and its delivery', () => {
    it('has forgotten nothing when it is there again, and says nothing twice', async (t) => {
        const stack = await startStack(t);
        const [ann, bob] = [await User.signUp(stack), await User.signUp(stack)];
        const org = await make(ann, 'Birds');
        const own = await EventReader.open(stack, { headers: bearer(bob) });
        await own.next();
        const file = `${stack.data}/users/${bob.id.slice(0, 2)}/${bob.id}.db`;
        const holder = spawn('python3', ['-c', HOLD, file], { stdio: ['pipe', 'pipe', 'inherit'] });
        t.after(() => holder.kill());
        await new Promise((resolve) => holder.stdout.once('data', resolve));
        const lost = ann.bearer('POST', path(org, '/members'), { body: { email: bob.email } }).catch(() => null);
        await until(async () => (await ann.ok('GET', path(org))).members.length === 1, 'the decision');
        assert.deepEqual(await own.rest(300), []);
        process.kill(stack.pid('cubby-fcgi'), 'SIGKILL');
        holder.stdin.end();
        await lost;
        const added = await own.next(named('organization:member_added'), 20000);
        assert.equal(added.data.data.member.userId, bob.id);
        await until(() => request(stack, 'GET', '/healthz').then((a) => a.status === 200, () => false), 'a new one');
        await bob.ok('POST', '/data', { key: 'after', value: 1 });
        assert.equal((await own.next()).name, 'kv:set');
        const { events } = await ann.ok('GET', `/api/changes?org=${org.id}&since=${
            (await ann.bearer('GET', `/api/tasks?org=${org.id}`)).headers['x-as-of'].split('.')[0]}.0`);
        assert.deepEqual(events.map((event) => event.event), ['organization:created', 'organization:member_added']);
        own.close();
    });
});
