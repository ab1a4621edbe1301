// Limits (docs/protocol.md, sections 2 and 11): of attempts per address and per client, of hashes, of
// what one user stores and holds open, and the shape of a 429.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, freshEmail, mint, request } from '../lib/http.mjs';
import { throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const enter = (stack, path, email, password, headers) =>
    request(stack, 'POST', path, { body: { email, password }, headers });

function assertLimited(answer) {
    assertFailure(answer, 429);
    assert.equal(answer.json.error, 'Too many requests');
    const seconds = Number(answer.headers['retry-after']);
    assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, answer.headers['retry-after']);
}

throughEachServer('five attempts a minute for one address', { CUBBY_LIMIT_AUTH_PER_ADDRESS: '5' }, (at) => {
    it('sign-up, successes and failures all count, in any spelling', async () => {
        const email = freshEmail();
        assert.equal((await enter(at.stack, '/api/signup', email, PASSWORD)).status, 200);
        assert.equal((await enter(at.stack, '/api/login', email.toUpperCase(), PASSWORD)).status, 200);
        for (let i = 0; i < 3; i++) {
            assert.equal((await enter(at.stack, '/api/login', ` ${email}`, 'wrong password')).status, 401);
        }
        assertLimited(await enter(at.stack, '/api/login', email, PASSWORD));
        assertLimited(await enter(at.stack, '/api/signup', email, PASSWORD));
        assert.equal((await enter(at.stack, '/api/login', freshEmail(), 'wrong password')).status, 401);
    });

    it('unknown addresses are limited alike, so the limit tells nobody who exists', async () => {
        const email = freshEmail();
        for (let i = 0; i < 5; i++) {
            assert.equal((await enter(at.stack, '/api/login', email, PASSWORD)).status, 401);
        }
        assertLimited(await enter(at.stack, '/api/login', email, PASSWORD));
    });
});

throughEachServer('twenty attempts a minute from one client', { CUBBY_LIMIT_AUTH_PER_IP: '20' }, (at) => {
    it('the 21st is refused, whatever address a client claims to come from', async () => {
        for (let i = 0; i < 20; i++) {
            const answer = await enter(at.stack, '/api/login', freshEmail(), PASSWORD,
                { 'x-forwarded-for': `192.0.2.${i}` });
            assert.equal(answer.status, 401, `attempt ${i + 1}`);
        }
        assertLimited(await enter(at.stack, '/api/login', freshEmail(), PASSWORD));
        assertLimited(await enter(at.stack, '/api/signup', freshEmail(), PASSWORD,
            { 'x-forwarded-for': '198.51.100.7' }));
    });
});

throughEachServer('two log-ins may wait for a hash', { CUBBY_HASH_QUEUE: '2' }, (at) => {
    it('all of many at once are answered: some let in, the others told to come later', async () => {
        const email = freshEmail();
        assert.equal((await enter(at.stack, '/api/signup', email, PASSWORD)).status, 200);
        const many = Array.from({ length: 40 }, (_, i) =>
            enter(at.stack, i % 4 ? '/api/login' : '/api/signup', i % 4 ? email : freshEmail(), PASSWORD));
        const answers = await Promise.all(many);
        const refused = answers.filter(({ status }) => status !== 200);
        assert.ok(refused.length > 0 && refused.length < answers.length, `${refused.length} refused`);
        for (const answer of refused) {
            assertFailure(answer, 503, 'busy');
            assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        }
        assert.equal((await enter(at.stack, '/api/login', email, PASSWORD)).status, 200, 'afterwards');
    });

    it('what needs no hash is answered meanwhile', async () => {
        const many = Array.from({ length: 40 }, () => enter(at.stack, '/api/login', freshEmail(), PASSWORD));
        const healthy = await Promise.all(Array.from({ length: 10 }, () => request(at.stack, 'GET', '/healthz')));
        for (const answer of healthy) assert.equal(answer.status, 200);
        for (const { status } of await Promise.all(many)) assert.ok([401, 503].includes(status), `${status}`);
    });
});

const STREAMS_ENV = { CUBBY_PUSH_MAX_CONNECTIONS_PER_USER: '6', CUBBY_PUSH_MAX_ROOMS_PER_CONNECTION: '2',
    CUBBY_PUSH_MAX_ROOMS_PER_USER: '3', CUBBY_ROOMS: 'on' };

throughEachServer('streams and rooms of one user', STREAMS_ENV, (at) => {
    // Of every kind, each signed in to in another way.
    async function kindsOf(user) {
        const { id } = (await user.ok('POST', '/api/organizations', { name: 'o' })).organization;
        const bearer = { authorization: `Bearer ${user.token}` };
        const ticket = async () => `ticket=${(await user.ok('POST', '/api/ticket')).ticket}`;
        return {
            'SSE, by cookie': () => EventReader.open(at.stack, { headers: { cookie: user.cookie } }),
            'SSE, by ticket': async () => EventReader.open(at.stack, { path: `/api/events?${await ticket()}` }),
            'of an organization': () => EventReader.open(at.stack, { path: `/api/events?org=${id}`, headers: bearer }),
            'cubby.v1': () => SocketReader.open(at.stack, '/api/ws', { headers: bearer, protocols: ['cubby.v1'] }),
            'WebSocket, of a backend': () => SocketReader.open(at.stack,
                `/api/ws?token=${mint({ userId: user.id })}`),
            'notes': async () => SocketReader.open(at.stack, `/api/notes/ws?${await ticket()}`),
        };
    }

    it('of whatever kind they count as one, and one more is 429', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const kinds = await kindsOf(user);
        const streams = [];
        for (const [kind, open] of Object.entries(kinds)) {
            const stream = await open();
            assert.ok([200, 101].includes(stream.status), `${kind}: ${stream.status}`);
            streams.push(stream);
        }
        for (const [kind, open] of Object.entries(kinds)) {
            const stream = await open();
            assert.equal(stream.status, 429, kind);
            assert.match(stream.headers['retry-after'], /^[1-9]\d*$/, kind);
            stream.request?.destroy();
        }
        const theirs = await Object.values(await kindsOf(other))[0]();
        assert.equal(theirs.status, 200);
        streams[3].close(); // Apache notices that the reader of an event stream is gone when it writes
        await until(async () => {
            const again = await kinds['cubby.v1']();
            if (again.status === 101) streams.push(again);
            return again.status === 101;
        }, 'room for one more');
        for (const stream of [...streams, theirs]) stream.close();
    });

    it('rooms are bounded for a connection, and for all of a user', async () => {
        const user = await User.signUp(at.stack);
        const open = () => SocketReader.open(at.stack, '/api/ws',
            { headers: { authorization: `Bearer ${user.token}` }, protocols: ['cubby.v1'] });
        const join = async (socket, room) => {
            socket.send({ type: 'join', room });
            const { event, data } = await socket.next(({ event }) => ['presence', 'realtime:error'].includes(event));
            return data.code ?? event;
        };
        const [first, second] = [await open(), await open()];
        for (const [socket, room, wanted] of [[first, 'a', 'presence'], [first, 'b', 'presence'],
            [first, 'c', 'rate_limited'], [second, 'a', 'presence'], [second, 'c', 'presence']])
            assert.equal(await join(socket, `room:${room}`), wanted, room);
        const third = await open();
        assert.equal(await join(third, 'room:d'), 'rate_limited');
        assert.equal(await join(third, 'room:c'), 'presence', 'where the user is already');
        for (const socket of [first, second, third]) socket.close();
    });
});

throughEachServer('rows and keys', { CUBBY_QUOTA_ROWS: '3', CUBBY_ORG_AUTO_ACCEPT: 'on' }, (at) => {
    const ROW = { title: 'x', content: 'x' };

    it('of a user and of an organization are bounded each for itself, and the use can be seen', async () => {
        const [user, member] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const { id } = (await user.ok('POST', '/api/organizations', { name: 'o' })).organization;
        await user.ok('POST', `/api/organizations/${id}/members`, { email: member.email });
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await user.ok('POST', '/api/posts', ROW); // and the notification of it
        for (const [path, body] of [['/data', { key: 'l', value: 1 }], ['/api/posts', ROW], ['/api/todos', ROW],
            ['/api/notes', { text: 'x' }]]) {
            const answer = await user.bearer('POST', path, { body });
            assert.equal(answer.status, 507, `${path}: ${answer.text}`);
        }
        await user.ok('POST', '/data', { key: 'k', value: 2 });
        for (let i = 0; i < 3; i++)
            await (i ? user : member).ok('POST', `/api/tasks?org=${id}`, { title: 'x' });
        for (const who of [user, member])
            assertFailure(await who.bearer('POST', `/api/tasks?org=${id}`, { body: { title: 'x' } }), 507,
                'quota_exceeded');
        const { bytes, quotaBytes, rows, quotaRows } = await user.ok('GET', '/api/account/usage');
        assert.deepEqual([rows, quotaRows, quotaBytes], [3, 3, 1073741824]);
        assert.ok(bytes > 0 && bytes < 1000000);
        const theirs = await member.ok('GET', `/api/account/usage?org=${id}`);
        assert.deepEqual([theirs.rows, theirs.members], [3, 1]);
        assert.equal((await member.ok('GET', '/api/account/usage')).rows, 0);
    });
});

const SHARED_ENV = { CUBBY_ORGS_MAX: '2', CUBBY_ORG_MEMBERS_MAX: '2',
    CUBBY_LIMIT_INVITATIONS: '3', CUBBY_COUNTERS_MAX: '2' };

throughEachServer('organizations, invitations, counters', SHARED_ENV, (at) => {
    it('are bounded, and what is refused is not there', async () => {
        const user = await User.signUp(at.stack);
        const call = (path, body) => user.bearer('POST', path, { body });
        const orgs = [];
        for (const name of ['a', 'b'])
            orgs.push((await user.ok('POST', '/api/organizations', { name })).organization.id);
        assertFailure(await call('/api/organizations', { name: 'c' }), 507, 'quota_exceeded');
        assert.equal((await user.ok('GET', '/api/organizations')).organizations.length, 2);
        assert.equal((await user.ok('GET', '/api/account/usage')).organizations, 2);
        const invite = (org) => call(`/api/organizations/${org}/members`, { email: freshEmail() });
        for (let i = 0; i < 2; i++) assert.equal((await invite(orgs[0])).status, 200);
        assertFailure(await invite(orgs[0]), 507, 'quota_exceeded');
        assert.equal((await invite(orgs[1])).status, 200);
        const late = await invite(orgs[1]);
        assertFailure(late, 429);
        assert.match(late.headers['retry-after'], /^[1-9]\d*$/);
        assert.equal((await user.ok('GET', `/api/organizations/${orgs[1]}`)).members.length, 1);
        await user.ok('POST', '/rpc/counter.create', { name: 'a' }); // beside global-counter
        for (const op of ['create', 'increment'])
            assertFailure(await call(`/rpc/counter.${op}`, { name: 'b' }), 507, 'quota_exceeded');
        await user.ok('POST', '/rpc/counter.increment', { name: 'a' });
        assert.equal((await user.ok('POST', '/rpc/counter.listAll', {})).count, 2);
    });

    it('of a hundred sessions the one unseen for longest goes', async () => {
        const user = await User.signUp(at.stack);
        for (let i = 0; i < 100; i += 10) {
            const many = Array.from({ length: 10 }, () => enter(at.stack, '/api/login', user.email, PASSWORD));
            for (const { status } of await Promise.all(many)) assert.equal(status, 200);
        }
        assert.equal((await user.bearer('GET', '/api/me')).status, 401);
        const { token } = (await enter(at.stack, '/api/login', user.email, PASSWORD)).json;
        const { sessions } = (await request(at.stack, 'GET', '/api/sessions',
            { headers: { authorization: `Bearer ${token}` } })).json;
        assert.equal(sessions.length, 100);
    });
});
