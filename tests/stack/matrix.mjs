// Who may do what: every call of fcgi-app/routes.c and every path of pushd/endpoints.c, by everybody
// who has no business there. What they get follows from a row's flags; TABLE has how a row is asked
// for, and what else it answers. A row that is not in it fails.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Passkey } from '../lib/authenticator.mjs';
import { PASSWORD, User, claimsOf, freshEmail, mint, request } from '../lib/http.mjs';
import { PATHS, head, readTable } from '../lib/pushpaths.mjs';
import { routesOfTable } from '../lib/routes.mjs';
import { Stack } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const HIDDEN = 'only for alice';
const ENV = { CUBBY_DEMO: 'on', CUBBY_COUNTERS_PUBLIC: 'off', CUBBY_COUNTERS_PUBLIC_WRITE: 'off',
    CUBBY_LIVE_PUBLIC: 'off', CUBBY_ROOMS: 'on', CUBBY_METRICS_TOKEN: '',
    CUBBY_ADMIN: 'on', CUBBY_PUBLIC_URL: 'https://cubby.example' };

// --- the calls ---

let serial = 0;

// Something of a user's own, for the names in a path.
const THINGS = {
    post: async (user) => ({ c: 'posts', id: (await user.ok('POST', '/api/posts', ROW)).data.id }),
    task: async (user, org) => ({ c: 'tasks', id: (await user.ok('POST', `/api/tasks?org=${org}`, ROW)).data.id }),
    note: async (user) => ({ id: (await user.bearer('POST', '/api/notes', { body: { text: HIDDEN } })).json.note.id }),
    notification: async (user) => {
        await user.ok('POST', '/api/posts', ROW);
        return { id: (await user.ok('GET', '/api/notifications')).data[0].id };
    },
    session: async (user) => ({ id: (await signInAgain(user)).sid }),
    passkey: async (user) => {
        const { options } = await user.ok('POST', '/api/passkeys/options', { password: PASSWORD });
        const credential = new Passkey({ origin: ENV.CUBBY_PUBLIC_URL }).create(options);
        return { id: (await user.ok('POST', '/api/passkeys', { credential })).passkey.id };
    },
    organization: async (user) => {
        const { id } = (await user.ok('POST', '/api/organizations', { name: HIDDEN })).organization;
        const { member } = await user.ok('POST', `/api/organizations/${id}/members`, { email: freshEmail() });
        return { id, userId: member.userId };
    },
    counter: async (user) => {
        const name = `m${++serial}`;
        await user.ok('POST', '/rpc/counter.create', { name });
        return { name };
    },
};
const ROW = { title: HIDDEN, content: HIDDEN };

async function signInAgain(user) {
    const again = new User(user.stack);
    const answer = await again.request('POST', '/api/login', { body: { email: user.email, password: PASSWORD } });
    assert.equal(answer.status, 200, answer.text);
    return Object.assign(again, { token: answer.json.token, sid: claimsOf(answer.json.token).body.sid });
}

// open: the answer of a call that asks for no sign-in. own: to the one whose thing it is, 200 unless
// said. other: to another user, 404 where the path names a thing, else as own. member: of an
// organization, to one who does not run it. thing: what the path or the body names.
const open = (status, body) => ({ open: status, body });
const plain = {};
const note = { thing: 'note', body: { text: 'x' } };
const post = { thing: 'post', body: { title: 'x', content: 'x' } };
const wrongPassword = (body) => ({ body, own: '401 invalid_credentials' });
const counter = (op, body = {}) => Object.fromEntries(['.', '/'].map((between) => [
    `POST /rpc/counter${between}${op}`, { thing: 'counter', body: ({ name }) => {
        const input = { name: op === 'create' ? `${name}${between === '.' ? 'a' : 'b'}` : name, ...body };
        return between === '.' ? input : { json: input };
    } }]));

const TABLE = {
    'POST /api/signup': open(400, {}),
    'POST /api/login': open(400, {}),
    'POST /api/login/totp': open(400, { loginToken: 'none', code: '123456' }),
    'POST /api/login/recovery': open(400, { loginToken: 'none', code: 'none' }),
    'POST /api/login/code/request': open(400, {}),
    'POST /api/login/code': open(400, {}),
    'POST /api/login/passkey/options': open(200),
    'POST /api/login/passkey': open(400, { credential: {} }),
    'POST /api/logout': { ...open(200) },
    'GET /api/me': plain,
    'POST /api/refresh': open(401, { refreshToken: 'none' }),
    'POST /api/password-reset/request': open(400, {}),
    'POST /api/password-reset/confirm': open(400, { resetToken: 'none', newPassword: PASSWORD }),
    'POST /api/password': wrongPassword({ oldPassword: 'not this one', newPassword: PASSWORD }),
    'POST /api/email': wrongPassword({ newEmail: 'elsewhere@example.org', password: 'not this one' }),
    'POST /api/email/verify': open(400, { token: 'none' }),
    'GET /api/sessions': plain,
    'DELETE /api/sessions/{id}': { thing: 'session' },
    'DELETE /api/account': wrongPassword({ password: 'not this one' }),
    'GET /api/account/export': plain,
    'GET /api/account/activity': plain,
    'GET /api/account/usage': plain,
    'GET /api/totp': plain,
    'POST /api/totp': wrongPassword({ password: 'not this one' }),
    'POST /api/totp/confirm': { body: { code: '123456' }, own: '404 not_found' },
    'DELETE /api/totp': wrongPassword({ password: 'not this one', code: '123456' }),
    'POST /api/totp/recovery-codes': wrongPassword({ password: 'not this one', code: '123456' }),
    'GET /api/passkeys': plain,
    'POST /api/passkeys/options': wrongPassword({ password: 'not this one' }),
    'POST /api/passkeys': { body: { credential: {} }, own: '400 invalid' },
    'DELETE /api/passkeys/{id}': { thing: 'passkey' },
    'POST /signup': open(400, {}),
    'POST /login': open(400, {}),
    'GET /logout': { ...open(303) },
    'POST /logout': { ...open(303) },
    'GET /protected/profile': plain,
    'POST /api/ticket': plain,
    'GET /api/auth/providers': open(200),
    'GET /api/auth/oauth/{provider}': open(404),
    'POST /api/auth/oauth/{provider}': { own: '404 not_found' },
    'GET /api/auth/oauth/{provider}/callback': open(404),
    'GET /api/account/identities': plain,
    'DELETE /api/account/identities/{provider}': { ...wrongPassword({ password: 'not this one' }),
        other: '401 invalid_credentials' },
    'GET /data': { query: 'key=k' },
    'POST /data': { body: { key: 'other', value: 1 } },
    'DELETE /data': { query: 'key=other' },
    'GET /api/data': { query: 'prefix=' },
    'POST /api/data': { body: { key: 'other', value: 1 } },
    'DELETE /api/data': { query: 'key=other' },
    'POST /api/batch': { thing: 'post', other: '404 not_found',
        body: ({ c, id }) => ({ operations: [{ method: 'PATCH', path: `/api/${c}/${id}`, body: { title: 'x' } }] }) },
    'GET /api/changes': plain,
    'POST /api/demo/broadcast': { body: { message: 'x' } },
    'PUT /api/notifications/{id}/read': { thing: 'notification' },
    'GET /posts': plain,
    'POST /posts': post,
    'DELETE /posts/{id}': post,
    'GET /api/notes': plain,
    'POST /api/notes': note,
    'GET /api/notes/count': plain,
    'PUT /api/notes/{id}': note,
    'PATCH /api/notes/{id}': note,
    'DELETE /api/notes/{id}': note,
    'GET /api/{c}': post,
    'POST /api/{c}': post,
    'DELETE /api/{c}': { thing: 'post' },
    'GET /api/{c}/count': post,
    'GET /api/{c}/{id}': post,
    'PUT /api/{c}/{id}': post,
    'PATCH /api/{c}/{id}': post,
    'DELETE /api/{c}/{id}': { thing: 'post' },
    'POST /api/organizations': { body: { name: 'x' } },
    'GET /api/organizations': plain,
    'GET /api/organizations/{id}': { thing: 'organization', member: 200 },
    'DELETE /api/organizations/{id}': { thing: 'organization', member: '403 forbidden' },
    'POST /api/organizations/{id}/members': { thing: 'organization', member: '403 forbidden',
        body: { email: 'somebody@example.org' } },
    'DELETE /api/organizations/{id}/members/{userId}': { thing: 'organization', member: '403 forbidden' },
    'POST /api/organizations/{id}/accept': { thing: 'organization', own: '404 not_found', member: 200 },
    'GET /counter': plain,
    'POST /api/counter/increment': plain,
    'POST /api/counter/decrement': plain,
    'GET /admin': open(200),
    'POST /api/admin/login': open(400, {}),
    'POST /api/admin/logout': open(200),
    'POST /api/admin/ticket': plain,
    'GET /api/admin/overview': plain,
    'GET /api/admin/errors': plain,
    'GET /api/admin/users': plain,
    'GET /api/admin/users/{id}': plain,
    'POST /api/admin/users/{id}/disable': plain,
    'POST /api/admin/users/{id}/enable': plain,
    'POST /api/admin/users/{id}/sessions/revoke': plain,
    'GET /healthz': open(200),
    'GET /metrics': open(404),
    'GET /api/docs': open(200),
    ...counter('increment'),
    ...counter('decrement'),
    ...counter('setValue', { value: 7 }),
    ...counter('reset'),
    ...counter('create'),
    ...counter('delete'),
    ...counter('getValue'),
    ...counter('getMetadata'),
    ...counter('getHistory'),
    ...counter('listAll'),
};

const isGuarded = ({ needs }) => needs.has('NEED_USER') || needs.has('IN_COUNTERS');
const isAdmins = ({ needs }) => needs.has('NEED_ADMIN');
const namesThing = ({ path }) => /\{(?!c\})/.test(path);

async function call(stack, row, things, { headers = {}, query = '' }) {
    const entry = TABLE[row.name];
    const values = { c: 'posts', provider: 'nobody', ...things };
    const path = row.path.replace(/\{(\w+)\}/g, (all, name) => values[name]);
    const said = [entry.query, query].filter(Boolean).join('&');
    let body = typeof entry.body === 'function' ? entry.body(values) : entry.body;
    if (row.method !== 'GET') body ??= '';
    const answer = await request(stack, row.method, path + (said && `?${said}`),
        { headers, body: row.method === 'GET' || row.method === 'DELETE' && body === '' ? undefined : body });
    if (row.needs.has('NOTE_ERRORS') || answer.status < 400) return { ...answer, said: answer.status };
    let code = answer.text.slice(0, 40);
    try {
        code = JSON.parse(answer.text).code;
    } catch { /* said as it is */ }
    return { ...answer, said: `${answer.status} ${code}` };
}

const asSaid = (row, wanted) => {
    if (wanted === undefined) return 200;
    return row.needs.has('NOTE_ERRORS') ? Number(String(wanted).slice(0, 3)) : wanted;
};
const fits = (said, wanted) => (typeof wanted === 'number' ? Number(String(said).slice(0, 3)) : said) === wanted;

// --- who asks ---

const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

// Everybody who is not signed in, whatever he brings.
function strangers(alice, spare, revoked) {
    const { head: header, body } = claimsOf(alice.token);
    const now = Math.floor(Date.now() / 1000);
    const id = '0123456789abcdef0123456789abcdef';
    const ofType = (type) => bearer(mint({ type, sub: alice.id, jti: id, iat: now, exp: now + 30 }, { header }));
    const expired = mint({ ...body, iat: now - 1000, exp: now - 1 }, { header });
    const [first, second] = alice.token.split('.');
    return {
        nobody: {},
        garbage: bearer('x.y.z'),
        expired: bearer(expired),
        'expired, as a cookie': { headers: { cookie: `token=${expired}` } },
        'not valid yet': bearer(mint({ ...body, nbf: now + 600 }, { header })),
        'signed with another key': bearer(mint(body, { header, key: 'k'.repeat(40) })),
        'of an unknown key': bearer(mint(body, { header: { ...header, kid: 'unknown' } })),
        'without a signature': bearer(`${first}.${second}.`),
        'alg none': bearer(`${mint(body, { header: { ...header, alg: 'none' } }).split('.').slice(0, 2).join('.')}.`),
        'alg HS512': bearer(mint(body, { header: { ...header, alg: 'HS512' } })),
        'changed claims': bearer([first, mint({ ...body, sub: spare.id, userId: spare.id }).split('.')[1],
            alice.token.split('.')[2]].join('.')),
        'a refresh token': bearer(alice.refreshToken),
        'a refresh token, as the other cookie': { headers: { cookie: `token=${alice.refreshToken}` } },
        ...Object.fromEntries(['ticket', 'password_reset', 'email_verify', 'login', 'oauth', 'passkey_add',
            'passkey_login', 'refresh', 'admin'].map((type) => [`of type ${type}`, ofType(type)])),
        'a session ended': bearer(revoked.token),
        'a session ended, by cookie': { headers: { cookie: revoked.cookie } },
        "an expired token, another's refresh cookie":
            { headers: { cookie: `token=${expired}; refreshToken=${spare.refreshToken}` } },
        'a backend for nobody': { ...bearer(mint({ userId: 'nobody' })), isBackend: true },
        'an empty session': bearer(mint({ ...body, sid: '' }, { header })),
    };
}

// With alice's own cookies, from another site.
const elsewhere = (alice) => Object.fromEntries(Object.entries({
    'from another origin': { origin: 'https://elsewhere.test' }, 'from a sandbox': { origin: 'null' },
    'from another site': { 'sec-fetch-site': 'cross-site' }, 'from a sibling': { 'sec-fetch-site': 'same-site' },
}).map(([name, from]) => [name, { headers: { cookie: alice.cookie, ...from } }]));

// --- the test ---

describe('access', () => {
    const at = {};
    let alice, eve, bob, carol, dave, spare, revoked, org;
    const wrong = [];
    let tried = 0;

    function check(what, said, wanted) {
        tried++;
        if (!fits(said, wanted)) wrong.push(`${what}: ${said}, not ${wanted}`);
    }

    before(async () => {
        at.stack = await new Stack({ env: ENV }).start();
        [alice, eve, bob, carol, dave, spare] =
            await Promise.all(Array.from({ length: 6 }, () => User.signUp(at.stack)));
        revoked = await signInAgain(alice);
        await alice.ok('DELETE', `/api/sessions/${revoked.sid}`);
        org = (await alice.ok('POST', '/api/organizations', { name: HIDDEN })).organization.id;
        for (const one of [bob, carol, dave])
            await alice.ok('POST', `/api/organizations/${org}/members`, { email: one.email });
        await alice.ok('DELETE', `/api/organizations/${org}/members/${bob.id}`);
        await alice.ok('POST', '/data', { key: 'k', value: HIDDEN });
    });
    after(() => at.stack?.stop());

    const state = async () => ({
        own: (await alice.bearer('GET', '/api/posts?q=only')).headers['x-as-of'],
        organization: (await alice.bearer('GET', `/api/tasks?org=${org}`)).headers['x-as-of'],
        sessions: (await alice.ok('GET', '/api/sessions')).sessions.map((one) => one.id).sort(),
        organizations: await alice.ok('GET', '/api/organizations'),
        data: await alice.ok('GET', '/data?prefix='),
        passkeys: await alice.ok('GET', '/api/passkeys'),
    });

    it('every row of fcgi-app/routes.c is asked for', () => {
        assert.deepEqual(routesOfTable().map((row) => row.name).sort(), Object.keys(TABLE).sort());
    });

    it('calls are refused to all who may not make them, and nothing is changed by those', async (t) => {
        const rows = routesOfTable();
        const things = {};
        for (const [name, make] of Object.entries(THINGS)) things[name] = await make(alice, org);
        const earlier = await state();
        const ask = async (row, caller, given, who, wanted) => {
            const answer = await call(at.stack, row, given, caller);
            check(`${row.name}, ${who}`, answer.said, asSaid(row, wanted));
            return answer;
        };
        await inTurns(rows, async (row) => {
            const entry = TABLE[row.name];
            const given = things[entry.thing];
            const refused = isGuarded(row) || isAdmins(row) ? '401 unauthorized' : entry.open;
            for (const [who, caller] of Object.entries(strangers(alice, spare, revoked)))
                await ask(row, caller, given, who, refused);
            const ours = isGuarded(row) && row.method === 'GET' ? entry.own : refused;
            const crossSite = row.needs.has('SETS_COOKIES') || isAdmins(row) ||
                (isGuarded(row) && row.method !== 'GET');
            for (const [who, caller] of Object.entries(elsewhere(alice)))
                await ask(row, caller, given, who, crossSite ? '403 cross_site' : ours);
            if (isAdmins(row))
                for (const one of [alice, eve]) await ask(row, bearer(one.token), { id: alice.id }, 'a user', refused);
            if (!isGuarded(row)) return;
            const another = { ...bearer(eve.token), query: `userId=${alice.id}&user=${alice.id}` };
            const wanted = entry.other ?? (namesThing(row) ? '404 not_found' : entry.own);
            const found = entry.thing === 'counter' ? await THINGS.counter(alice) : given; // it is everybody's
            const { text } = await ask(row, another, found, 'another user', wanted);
            for (const hidden of [HIDDEN, alice.id, alice.email])
                check(`${row.name}, hidden`, row.method === 'GET' && text.includes(hidden) ? hidden : 'none', 'none');
            const inOrg = row.needs.has('IN_ORG') ? things.task : given;
            for (const [who, { token }] of [['an outsider', eve], ['a removed member', bob]])
                await ask(row, { ...bearer(token), query: `org=${org}` }, inOrg, who, '404 not_found');
            if (entry.thing !== 'organization') return;
            const theirs = { id: org, userId: dave.id };
            await ask(row, bearer(bob.token), theirs, 'a removed member', '404 not_found');
            await ask(row, bearer(carol.token), theirs, 'a member', entry.member);
        });
        assert.deepEqual(wrong, []);
        assert.deepEqual(await state(), earlier);
        t.diagnostic(`${tried} calls: ${rows.length} rows of fcgi-app/routes.c`);
    });

    it('the same calls succeed for those they are for', async () => {
        tried = 0;
        for (const row of routesOfTable().filter(isGuarded)) {
            const { thing, own } = TABLE[row.name];
            const said = (await call(at.stack, row, await THINGS[thing]?.(alice), bearer(alice.token))).said;
            check(`${row.name}, its user`, said, asSaid(row, own));
            if (!row.needs.has('IN_ORG')) continue;
            const caller = { ...bearer(carol.token), query: `org=${org}` };
            const task = await THINGS.task(alice, org);
            check(`${row.name}, a member`, (await call(at.stack, row, task, caller)).said, 200);
        }
        assert.deepEqual(wrong, []);
    });

    // The status of an answer's head; what follows is not waited for.
    const statusOf = (bytes) => new Promise((resolve, reject) => {
        let text = '';
        const socket = net.connect(at.stack.pushPort, '127.0.0.1', () => socket.write(bytes));
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`no answer: ${text}`)));
        socket.on('data', (chunk) => {
            text += chunk;
            const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
            if (!status) return;
            resolve(Number(status));
            socket.removeAllListeners('close');
            socket.destroy();
        });
    });

    // PATHS has the rows' own ways to say who asks: none of that here.
    const askPath = (row, { headers = {}, query = '' }) => {
        const path = row.path + (query && (row.path.includes('?') ? '&' : '?') + query);
        return statusOf(head({ ...row, path, headers: () => headers }, alice));
    };
    const SUCCESS = { ws: 101, sse: 200, post: 200, get: 200 };
    const CLOSED = ['/push/metrics GET', '/push/echo WS'];

    it('streams and calls of cubby-pushd are refused to all who may not have them', async (t) => {
        const rows = readTable();
        tried = 0;
        await inTurns(rows, async ({ name, need, inOrg }) => {
            const row = PATHS[name];
            assert.ok(row, `${name} has no row`);
            const success = SUCCESS[row.kind];
            const open = need === 'NOTHING' ? CLOSED.includes(name) ? 404 : row.refuses ?? success : null;
            const ask = async (who, caller, wanted) => check(`${name}, ${who}`, await askPath(row, caller), wanted);
            for (const [who, caller] of Object.entries(strangers(alice, spare, revoked))) {
                const free = need === 'TOKEN' && caller.isBackend;
                await ask(who, caller, open ?? (free ? success : 401));
                const token = caller.headers?.authorization?.split(' ')[1];
                if (!token) continue;
                // that one works, once: tests/stack/ticket.mjs
                const isTicket = need === 'USER' && who === 'of type ticket';
                await ask(`${who}, in the query`, { query: `token=${token}` }, open ?? (free ? success : 401));
                if (!isTicket) await ask(`${who}, as a ticket`, { query: `ticket=${token}` }, open ?? 401);
            }
            for (const [who, caller] of Object.entries(elsewhere(alice)))
                await ask(who, caller,
                    row.elsewhere ?? open ?? (need === 'TOKEN' ? 401 : row.kind === 'ws' ? 403 : success));
            await ask('a session', bearer(eve.token), open ?? (row.forbidden ? 403 : success));
            await ask('a backend', bearer(mint({ userId: alice.id })), open ?? success);
            if (!inOrg) return;
            for (const [who, { token }] of [['an outsider', eve], ['a removed member', bob]])
                await ask(who, { ...bearer(token), query: `org=${org}` }, 404);
            await ask('a member', { ...bearer(carol.token), query: `org=${org}` }, success);
        });
        assert.deepEqual(wrong, []);
        t.diagnostic(`${tried} requests: ${rows.length} rows of pushd/endpoints.c`);
    });

    it('rooms of organizations are for members, and nobody acts in a room he has not joined', async (t) => {
        const asked = [{ type: 'presence' }, { type: 'broadcast', event: 'app:x', data: {} }, { type: 'join' }];
        const rooms = [`org:${org}`, `org:${'0'.repeat(32)}`, 'room:open', `user:${alice.id}`, 'org:', 'self'];
        const people = { owner: alice, member: carol, outsider: eve, removed: bob };
        tried = 0;
        for (const [who, { token }] of Object.entries(people)) {
            for (const room of rooms) {
                const may = room === 'room:open' || (room === rooms[0] && ['owner', 'member'].includes(who));
                const refused = { org: 'not_found', room: 'forbidden' }[room.split(':')[0]] ?? 'invalid';
                const socket = await SocketReader.open(at.stack, '/api/ws',
                    { protocols: ['cubby.v1'], ...bearer(token) });
                await socket.next();
                for (const message of asked) {
                    socket.send({ ...message, room });
                    const answer = await socket.next(({ event }) => ['presence', 'realtime:error'].includes(event));
                    check(`${who}, ${message.type} ${room}`, answer.data.code ?? answer.event,
                        may && message.type === 'join' ? 'presence' : refused);
                }
                socket.close();
            }
        }
        assert.deepEqual(wrong, []);
        t.diagnostic(`${tried} messages: ${rooms.length} rooms, ${Object.keys(people).length} people`);
    });
});

// Some at a time.
async function inTurns(list, work) {
    const left = [...list];
    const worker = async () => {
        while (left.length > 0) await work(left.shift());
    };
    await Promise.all(Array.from({ length: 6 }, worker));
}
