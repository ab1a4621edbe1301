// The admin page's calls: there only for whom it is open, with a sign-in of their own, and nothing of
// a user's opens them.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Admin } from '../lib/admin.mjs';
import { done, refused } from '../lib/ctl.mjs';
import { PASSWORD, User, assertFailure, request } from '../lib/http.mjs';
import { SERVERS, Stack, startStack, throughEachServer } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const ON = { CUBBY_ADMIN: 'on' };
const CALLS = [['GET', 'overview'], ['GET', 'errors'], ['GET', 'users'], ['GET', 'users/x'], ['POST', 'ticket'],
    ['POST', 'users/x/disable'], ['POST', 'users/x/enable'], ['POST', 'users/x/sessions/revoke']];
const OTHERS = [['GET', '/admin'], ['POST', '/api/admin/login'], ['POST', '/api/admin/logout'],
    ['GET', '/api/admin/events'], ['GET', '/api/admin/login'], ['DELETE', '/admin'], ['GET', '/api/admin'],
    ['GET', '/admin/'], ['GET', '/api/admin/nothing']];

async function isNowhere(stack, base = '') {
    for (const [method, path] of [...OTHERS, ...CALLS.map(([each, name]) => [each, `/api/admin/${name}`])]) {
        const answer = await request(stack, method, base + path, method === 'POST' ? { body: {} } : {});
        assertFailure(answer, 404, 'not_found', `${method} ${path}`);
    }
}

throughEachServer('the admin page', ON, (at) => {
    it('opens to password and code, shows, acts, and ends', async () => {
        const { stack } = at;
        const admin = await Admin.make(stack);
        const user = await User.signUp(stack);

        const page = await request(stack, 'GET', '/admin');
        assert.equal(page.status, 200);
        assert.match(page.headers['content-type'], /^text\/html/);
        assert.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self';/);
        for (const [method, name] of CALLS) assertFailure(await admin.request(method, name), 401, 'unauthorized', name);
        assert.equal((await EventReader.open(stack, { path: '/api/admin/events' })).status, 401);

        const { cookies } = await admin.signIn();
        const { attributes } = cookies.adminSession;
        assert.equal(attributes.path, '/api/admin');
        assert.equal(attributes.samesite, 'Strict');
        assert.equal(attributes.httponly, true);
        assert.equal(attributes['max-age'], String(8 * 3600));

        const overview = await admin.ok('GET', 'overview');
        assert.ok(overview.accounts.all >= 1);
        assert.ok(overview.files.users.count >= 1 && overview.files.main.bytes > 0);
        assert.ok(overview.freeBytes > 0 && overview.process.answered['2xx'] > 0);

        const stream = await admin.watch();
        assert.equal(stream.status, 200);
        await stream.next(({ name }) => name === 'status');
        await user.ok('POST', '/data', { key: 'secret', value: 'nobody else reads this' });
        const { data } = await stream.next(({ name }) => name === 'event');
        assert.equal(data.space, 'user');
        assert.equal(data.id, user.id);
        assert.ok(data.seq >= 1 && data.bytes > 0 && data.at && data.name);
        assert.doesNotMatch(stream.body, /nobody else/);

        const { users } = await admin.ok('GET', `users?query=${encodeURIComponent(user.email.toUpperCase())}`);
        assert.equal(users.length, 1);
        assert.equal(users[0].id, user.id);
        assert.equal(users[0].sessions, 1);
        assert.ok(users[0].bytes > 0 && users[0].rows === 1 && users[0].lastSeenAt);

        await admin.ok('POST', `users/${user.id}/disable`);
        assertFailure(await user.bearer('GET', '/api/me'), 401);
        const shown = await admin.ok('GET', `users/${user.id}`);
        assert.ok(shown.user.disabledAt);
        assert.deepEqual(shown.sessions, []);
        assert.deepEqual(shown.activity.map(({ kind, userAgent }) => [kind, userAgent])[0],
            ['account_disabled', 'admin page']);
        await admin.ok('POST', `users/${user.id}/enable`);

        await admin.ok('POST', 'logout');
        assertFailure(await admin.request('GET', 'overview'), 401);
        await stream.end();
    });
});

for (const server of SERVERS) {
    it(`off, the admin page is nowhere, through ${server}`, async (t) => {
        await isNowhere(await startStack(t, { server }));
    });
}

it('below a base path it is there for the addresses of the setting alone', async (t) => {
    const stack = await startStack(t, { server: 'nginx', env: { ...ON, CUBBY_BASE_PATH: '/cubby',
        CUBBY_ADMIN_FROM: '192.0.2.0/24', CUBBY_TRUSTED_PROXIES: '127.0.0.1' } });
    const from = { 'x-forwarded-for': '192.0.2.7' };
    const stream = (headers) => request(stack, 'GET', '/api/admin/events', { headers, port: stack.pushPort });
    await isNowhere(stack, '/cubby');
    assertFailure(await stream({}), 404);
    assertFailure(await stream(from), 401);

    const admin = Object.assign(await Admin.make(stack), { base: '/cubby' });
    assert.equal((await request(stack, 'GET', '/cubby/admin', { headers: from })).status, 200);
    const { cookies } = await admin.signIn(0, from);
    assert.equal(cookies.adminSession.attributes.path, '/cubby/api/admin');
    await (await admin.watch({ headers: from })).next(({ name }) => name === 'status');
});

describe('an administrator’s sign-in', () => {
    let stack, user;
    before(async () => {
        stack = await new Stack({ env: { ...ON, CUBBY_CORS_ORIGINS: 'https://app.example.org' } }).start();
        user = await User.signUp(stack);
    });
    after(() => stack?.stop());

    it('needs address, password and code, each time another code, and not too many tries', async () => {
        const admin = await Admin.make(stack);
        assert.match(admin.uri, new RegExp(`^otpauth://totp/.*secret=${admin.secret}`));
        const wrong = { code: admin.code(120) };
        const answers = [await admin.login({ password: 'not the password' }), await admin.login(wrong),
            await admin.login({ email: 'nobody@example.org' })];
        for (const answer of answers) {
            assertFailure(answer, 401, 'invalid_credentials');
            assert.equal(answer.text, answers[0].text);
            assert.deepEqual(answer.cookies, {});
        }
        for (const body of [{ code: 123456 }, { email: null }, { password: [] }]) {
            assertFailure(await admin.login(body), 400, 'invalid');
        }
        const code = admin.code();
        assert.equal((await admin.login({ code })).status, 200);
        assertFailure(await admin.login({ code }), 401, 'invalid_credentials', 'a code twice');
        await admin.login(wrong);
        const late = await admin.login({ code: admin.code(1) });
        assertFailure(late, 429, 'rate_limited');
        assert.ok(Number(late.headers['retry-after']) > 0);
        // An account is no administrator.
        assertFailure(await admin.login({ email: user.email, password: PASSWORD }), 401, 'invalid_credentials');
    });

    it('is worth nothing to a user’s calls, and a user’s nothing here; other origins get nothing', async () => {
        const admin = await Admin.make(stack);
        await admin.signIn();
        const token = admin.cookie.split('=')[1];
        const { ticket } = await user.ok('POST', '/api/ticket');
        const own = await admin.ok('POST', 'ticket');
        for (const [method, name] of CALLS) {
            assertFailure(await user.bearer(method, `/api/admin/${name}`), 401, 'unauthorized');
            assertFailure(await user.request(method, `/api/admin/${name}`), 401, 'unauthorized');
            assertFailure(await request(stack, method, `/api/admin/${name}`,
                { headers: { cookie: `adminSession=${user.token}` } }), 401, 'unauthorized');
            assertFailure(await admin.request(method, name, { headers: { origin: 'https://app.example.org' } }),
                403, 'cross_site');
            assertFailure(await admin.request(method, name, { headers: { 'sec-fetch-site': 'same-site' } }),
                403, 'cross_site');
        }
        for (const name of ['login', 'logout']) {
            const answer = await admin.request('POST', name,
                { body: {}, headers: { origin: 'https://app.example.org' } });
            assertFailure(answer, 403, 'cross_site');
            assert.equal(answer.headers['access-control-allow-origin'], undefined);
        }
        for (const headers of [{ cookie: admin.cookie }, { cookie: `token=${token}` },
            { authorization: `Bearer ${token}` }, { authorization: `Bearer ${own.ticket}` }]) {
            assertFailure(await request(stack, 'GET', '/api/me', { headers }), 401, 'unauthorized');
            assert.equal((await EventReader.open(stack, { headers })).status, 401);
        }
        const open = async (path, headers) => (await EventReader.open(stack, { path, headers })).status;
        assert.equal(await open(`/api/events?ticket=${own.ticket}`), 401);
        assert.equal(await open(`/api/admin/events?ticket=${ticket}`), 401);
        assert.equal(await open(`/api/admin/events?token=${user.token}`, { cookie: user.cookie }), 401);
        assert.equal(await open('/api/admin/events', { cookie: admin.cookie }), 401);
        const address = `/api/admin/events?ticket=${own.ticket}`;
        assert.equal(await open(address, { origin: 'https://app.example.org' }), 403);
        assert.equal(await open(address), 200);
        assert.equal(await open(address), 401, 'a ticket opens one stream');
    });

    it('ends, with its streams, when cubbyctl gives new credentials', async () => {
        const admin = await Admin.make(stack);
        await admin.signIn();
        const stream = await admin.watch();
        await stream.next(({ name }) => name === 'status');
        const { admins } = await done(stack, ['admin', 'list']);
        assert.ok(admins.some(({ email, lastLoginAt }) => email === admin.email && lastLoginAt));
        await refused(stack, ['admin', 'create', admin.email, '--password-stdin'], /administrator already/,
            { input: `${PASSWORD}\n` });
        await done(stack, ['admin', 'reset', admin.email, '--password-stdin'], { input: `${PASSWORD} anew\n` });
        assertFailure(await admin.request('GET', 'overview'), 401);
        await stream.end();
        assertFailure(await admin.login({ code: admin.code(1) }), 401, 'invalid_credentials', 'the old password');
        await done(stack, ['admin', 'delete', admin.email]);
        await refused(stack, ['admin', 'delete', admin.email], /no administrator/);
    });

    it('is one for a code that many send at once; the ticket of one that ended tells nothing', async () => {
        const admin = await Admin.make(stack);
        const code = admin.code();
        const answers = await Promise.all(Array.from({ length: 4 }, () => admin.login({ code })));
        assert.equal(answers.filter(({ status }) => status === 200).length, 1);
        admin.cookie = `adminSession=${answers.find(({ status }) => status === 200).cookies.adminSession.value}`;
        const { ticket } = await admin.ok('POST', 'ticket');
        await admin.ok('POST', 'logout');
        const stream = await EventReader.open(stack, { path: `/api/admin/events?ticket=${ticket}` });
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await stream.end();
        assert.deepEqual(stream.events, []);
    });
});
