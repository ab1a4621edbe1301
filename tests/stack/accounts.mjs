// Accounts (docs/protocol.md, section 2): sign-up, log-in, sessions, tokens, cookies.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, claimsOf, freshEmail, mint, request } from '../lib/http.mjs';
import { SECRET, throughEachServer } from '../lib/stack.mjs';

const UUID = /^[0-9a-f-]{16,64}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const now = () => Math.floor(Date.now() / 1000);

function assertSessionCookies(answer) {
    const { token, refreshToken } = answer.cookies;
    for (const [cookie, age] of [[token, '900'], [refreshToken, '604800']]) {
        assert.equal(cookie.attributes['max-age'], age);
        assert.equal(cookie.attributes.path, '/');
        assert.equal(cookie.attributes.samesite, 'Lax');
        assert.equal(cookie.attributes.httponly, true);
        assert.equal(cookie.attributes.secure, undefined);
    }
    return { token: token.value, refreshToken: refreshToken.value };
}

function assertClearedCookies(answer) {
    for (const name of ['token', 'refreshToken']) {
        assert.equal(answer.cookies[name]?.attributes['max-age'], '0', name);
    }
}

throughEachServer('accounts', {}, (at) => {
    const post = (path, body, headers) => request(at.stack, 'POST', path, { body, headers });

    it('sign-up answers with the user, both tokens and both cookies', async () => {
        const email = freshEmail();
        const answer = await post('/api/signup', { email, password: PASSWORD });
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^application\/json/);
        assert.deepEqual(Object.keys(answer.json).sort(), ['ok', 'refreshToken', 'token', 'user']);
        assert.equal(answer.json.ok, true);
        assert.deepEqual(Object.keys(answer.json.user).sort(), ['createdAt', 'email', 'id']);
        assert.equal(answer.json.user.email, email);
        assert.match(answer.json.user.id, UUID);
        assert.match(answer.json.user.createdAt, ISO);
        assert.deepEqual(assertSessionCookies(answer), {
            token: answer.json.token, refreshToken: answer.json.refreshToken,
        });
    });

    it('tokens hold exactly the promised claims', async () => {
        const user = await User.signUp(at.stack);
        const access = claimsOf(user.token);
        const refresh = claimsOf(user.refreshToken);
        assert.equal(access.head.alg, 'HS256');
        assert.equal(typeof access.head.kid, 'string');
        assert.deepEqual(Object.keys(access.body).sort(), ['email', 'exp', 'iat', 'sid', 'sub', 'userId']);
        assert.equal(access.body.sub, user.id);
        assert.equal(access.body.userId, user.id);
        assert.equal(access.body.email, user.email);
        assert.equal(access.body.exp - access.body.iat, 15 * 60);
        assert.deepEqual(Object.keys(refresh.body).sort(), ['exp', 'iat', 'jti', 'sid', 'sub', 'type']);
        assert.equal(refresh.body.type, 'refresh');
        assert.equal(refresh.body.sid, access.body.sid);
        assert.equal(refresh.body.exp - refresh.body.iat, 7 * 24 * 3600);
        assert.ok(Math.abs(access.body.iat - now()) < 5);
    });

    it('a taken address is refused, whatever its case and the spaces around it', async () => {
        const user = await User.signUp(at.stack);
        for (const email of [user.email, user.email.toUpperCase(), `  ${user.email}\t`]) {
            const answer = await post('/api/signup', { email, password: PASSWORD });
            assertFailure(answer, 409, 'email_taken');
            assert.equal(answer.json.error, 'Email already registered');
            assert.deepEqual(answer.cookies, {});
        }
    });

    it('what is no address, or no password of 8 characters, is refused', async () => {
        const good = freshEmail();
        const bad = [
            {}, { email: good }, { password: PASSWORD }, { email: 'x', password: PASSWORD },
            { email: 'a@', password: PASSWORD }, { email: '@b.org', password: PASSWORD },
            { email: 'a b@c.org', password: PASSWORD }, { email: 'a@b@c.org', password: PASSWORD },
            { email: '', password: PASSWORD }, { email: 7, password: PASSWORD },
            { email: null, password: PASSWORD }, { email: [good], password: PASSWORD },
            { email: good, password: '1234567' }, { email: good, password: '' },
            { email: good, password: 12345678 }, { email: good, password: null },
            { email: `${'x'.repeat(400)}@example.org`, password: PASSWORD },
            { email: `a\u0000${good}`, password: PASSWORD }, { email: good, password: `${PASSWORD}\u0000` },
            { email: `a\r\nb: c${good}`, password: PASSWORD },
        ];
        for (const body of bad) assertFailure(await post('/api/signup', body), 400);
        assert.equal((await post('/api/signup', { email: good, password: '12345678' })).status, 200);
    });

    it('log-in answers as sign-up does, with a session of its own', async () => {
        const user = await User.signUp(at.stack);
        const answer = await post('/api/login', { email: ` ${user.email.toUpperCase()} `, password: PASSWORD });
        assert.equal(answer.status, 200);
        assert.deepEqual(Object.keys(answer.json).sort(), ['ok', 'refreshToken', 'token', 'user']);
        assert.equal(answer.json.user.id, user.id);
        assertSessionCookies(answer);
        assert.notEqual(claimsOf(answer.json.token).body.sid, claimsOf(user.token).body.sid);
    });

    it('an unknown address and a wrong password look the same', async () => {
        const user = await User.signUp(at.stack);
        const wrong = await post('/api/login', { email: user.email, password: 'not the password' });
        const unknown = await post('/api/login', { email: freshEmail(), password: PASSWORD });
        for (const answer of [wrong, unknown]) {
            assertFailure(answer, 401, 'invalid_credentials');
            assert.equal(answer.json.error, 'Invalid credentials');
            assert.deepEqual(answer.cookies, {});
        }
        assert.equal(wrong.text, unknown.text);
    });

    // The fastest of several, by turns: a busy machine makes some slower, none faster.
    it('a wrong password and an unknown address take the same time', async () => {
        const user = await User.signUp(at.stack);
        const fastest = { [user.email]: Infinity, [freshEmail()]: Infinity };
        for (let i = 0; i < 8; i++) {
            for (const email of Object.keys(fastest)) {
                const start = performance.now();
                await post('/api/login', { email, password: 'not the password' });
                fastest[email] = Math.min(fastest[email], performance.now() - start);
            }
        }
        const [wrong, unknown] = Object.values(fastest);
        assert.ok(unknown > wrong / 2 && unknown < wrong * 2, `${wrong} ms, ${unknown} ms`);
    });

    it('me tells who is signed in, by cookie and by Bearer alike', async () => {
        const user = await User.signUp(at.stack);
        for (const answer of [await user.request('GET', '/api/me'), await user.bearer('GET', '/api/me')]) {
            assert.equal(answer.status, 200);
            assert.deepEqual(Object.keys(answer.json).sort(), ['ok', 'user']);
            const { createdAt, ...rest } = answer.json.user;
            assert.deepEqual(rest, { id: user.id, email: user.email, emailVerified: false });
            assert.match(createdAt, ISO);
            assert.deepEqual(answer.cookies, {});
        }
        assert.deepEqual((await user.bearer('GET', '/protected/profile')).json.user.id, user.id);
    });

    it('nobody is signed in without a token', async () => {
        for (const path of ['/api/me', '/protected/profile', '/data', '/api/posts', '/posts']) {
            assertFailure(await request(at.stack, 'GET', path), 401, 'unauthorized');
        }
    });

    it('the scheme of Authorization is read in any case, and only Bearer counts', async () => {
        const user = await User.signUp(at.stack);
        const me = (authorization) => request(at.stack, 'GET', '/api/me', { headers: { authorization } });
        assert.equal((await me(`bearer ${user.token}`)).status, 200);
        assert.equal((await me(`BEARER ${user.token}`)).status, 200);
        for (const bad of [user.token, `Basic ${user.token}`, 'Bearer', 'Bearer ', `Bearer ${user.token}x`,
            `Bearer ${user.token} x`, `Bearer ${user.refreshToken}`, 'Bearer a.b.c', 'Bearer ..']) {
            assertFailure(await me(bad), 401);
        }
    });

    it('forged and unfit tokens are refused', async () => {
        const user = await User.signUp(at.stack);
        const { head, body } = claimsOf(user.token);
        const [h, b, s] = user.token.split('.');
        const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const other = await User.signUp(at.stack);
        const bad = {
            'alg none': `${part({ ...head, alg: 'none' })}.${b}.`,
            'alg none with signature': `${part({ ...head, alg: 'none' })}.${b}.${s}`,
            'alg HS512': mint(body, { header: { ...head, alg: 'HS512' } }),
            'alg missing': mint(body, { header: { kid: head.kid } }),
            'unknown kid': mint(body, { header: { ...head, kid: 'nobody' } }),
            'kid no string': mint(body, { header: { ...head, kid: 7 } }),
            'other key': mint(body, { header: head, key: `${SECRET}!` }),
            'empty key': mint(body, { header: head, key: '' }),
            'signature cut': user.token.slice(0, -2),
            'signature of another': `${h}.${b}.${other.token.split('.')[2]}`,
            'body of another': `${h}.${other.token.split('.')[1]}.${s}`,
            'four parts': `${user.token}.x`,
            'two parts': `${h}.${b}`,
            'padding': `${h}.${b}.${s}=`,
            'past exp': mint({ ...body, exp: now() - 1 }, { header: head }),
            'future nbf': mint({ ...body, nbf: now() + 600 }, { header: head }),
            'exp no number': mint({ ...body, exp: 'never' }, { header: head }),
            'unknown session': mint({ ...body, sid: '00000000-0000-7000-8000-000000000000' }, { header: head }),
            'session of another': mint({ ...body, sid: claimsOf(other.token).body.sid }, { header: head }),
            'empty session': mint({ ...body, sid: '' }, { header: head }),
            'session of null': mint({ ...body, sid: null }, { header: head }),
            'session of another type': mint({ ...body, sid: 7 }, { header: head }),
            'unknown user': mint({ sub: 'nobody' }),
            'user is a path': mint({ sub: '../../main' }),
            'no user': mint({ email: user.email }),
            'type refresh': mint({ sub: user.id, type: 'refresh' }),
            'type password_reset': mint({ sub: user.id, type: 'password_reset' }),
            'type unknown': mint({ sub: user.id, type: 'x' }),
        };
        for (const [name, token] of Object.entries(bad)) {
            const answer = await request(at.stack, 'GET', '/api/me', {
                headers: { authorization: `Bearer ${token}` },
            });
            assert.equal(answer.status, 401, name);
        }
    });

    it('tokens minted by a backend work without session, type, kid and exp', async () => {
        const user = await User.signUp(at.stack);
        const header = { alg: 'HS256' };
        for (const claims of [{ sub: user.id }, { userId: user.id }, { userId: user.id, exp: now() + 60 }]) {
            const answer = await request(at.stack, 'GET', '/api/me', {
                headers: { authorization: `Bearer ${mint(claims, { header })}` },
            });
            assert.equal(answer.status, 200, JSON.stringify(claims));
            assert.equal(answer.json.user.id, user.id);
        }
    });

    it('logging out ends this session at once, and is fine without one', async () => {
        const user = await User.signUp(at.stack);
        const second = await post('/api/login', { email: user.email, password: PASSWORD });
        const old = { ...user.jar };
        const answer = await user.request('POST', '/api/logout');
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.json, { ok: true });
        assertClearedCookies(answer);
        assertFailure(await user.bearer('GET', '/api/me'), 401);
        const cookie = `token=${old.token}; refreshToken=${old.refreshToken}`;
        assertFailure(await request(at.stack, 'GET', '/api/me', { headers: { cookie } }), 401);
        assertFailure(await post('/api/refresh', { refreshToken: old.refreshToken }), 401);
        const stays = { authorization: `Bearer ${second.json.token}` };
        assert.equal((await request(at.stack, 'GET', '/api/me', { headers: stays })).status, 200);
        const nobody = await request(at.stack, 'POST', '/api/logout');
        assert.deepEqual([nobody.status, nobody.json], [200, { ok: true }]);
    });

    it('logging out with all=1 ends every session', async () => {
        const user = await User.signUp(at.stack);
        const second = await post('/api/login', { email: user.email, password: PASSWORD });
        await user.request('POST', '/api/logout?all=1');
        for (const token of [user.token, second.json.token]) {
            const headers = { authorization: `Bearer ${token}` };
            assertFailure(await request(at.stack, 'GET', '/api/me', { headers }), 401);
        }
    });

    it('refreshing rotates: by body, and by cookie', async () => {
        const user = await User.signUp(at.stack);
        const byBody = await post('/api/refresh', { refreshToken: user.refreshToken });
        assert.equal(byBody.status, 200);
        assert.deepEqual(Object.keys(byBody.json).sort(), ['ok', 'refreshToken', 'token']);
        assert.notEqual(byBody.json.refreshToken, user.refreshToken);
        assertSessionCookies(byBody);
        const byCookie = await request(at.stack, 'POST', '/api/refresh', {
            headers: { cookie: `refreshToken=${byBody.json.refreshToken}` },
        });
        assert.equal(byCookie.status, 200);
        assert.notEqual(byCookie.json.refreshToken, byBody.json.refreshToken);
        const headers = { authorization: `Bearer ${byCookie.json.token}` };
        assert.equal((await request(at.stack, 'GET', '/api/me', { headers })).json.user.id, user.id);
    });

    it('parallel refreshes of one page all get the same successor', async () => {
        const user = await User.signUp(at.stack);
        const answers = await Promise.all(Array.from({ length: 6 }, () =>
            post('/api/refresh', { refreshToken: user.refreshToken })));
        for (const answer of answers) assert.equal(answer.status, 200, answer.text);
        assert.equal(new Set(answers.map((a) => a.json.refreshToken)).size, 1);
    });

    it('a refresh token used two rotations ago revokes the session', async () => {
        const user = await User.signUp(at.stack);
        const first = await post('/api/refresh', { refreshToken: user.refreshToken });
        const second = await post('/api/refresh', { refreshToken: first.json.refreshToken });
        const stolen = await post('/api/refresh', { refreshToken: user.refreshToken });
        assertFailure(stolen, 401);
        assertClearedCookies(stolen);
        assertFailure(await post('/api/refresh', { refreshToken: second.json.refreshToken }), 401);
        const headers = { authorization: `Bearer ${second.json.token}` };
        assertFailure(await request(at.stack, 'GET', '/api/me', { headers }), 401);
    });

    it('what is no refresh token does not refresh', async () => {
        const user = await User.signUp(at.stack);
        for (const refreshToken of [user.token, 'x', '', mint({ sub: user.id }), 7, null]) {
            const answer = await post('/api/refresh', { refreshToken });
            assertFailure(answer, 401);
            assertClearedCookies(answer);
        }
        assertFailure(await request(at.stack, 'POST', '/api/refresh'), 401);
        assert.equal((await user.bearer('GET', '/api/me')).status, 200);
    });

    it('a good refresh cookie alone refreshes silently, on any call', async () => {
        const user = await User.signUp(at.stack);
        const cookie = `refreshToken=${user.refreshToken}`;
        const answer = await request(at.stack, 'GET', '/api/posts', { headers: { cookie } });
        assert.equal(answer.status, 200);
        const fresh = assertSessionCookies(answer);
        assert.notEqual(fresh.refreshToken, user.refreshToken);
        const headers = { cookie: `token=${fresh.token}` };
        assert.equal((await request(at.stack, 'GET', '/api/me', { headers })).json.user.id, user.id);
    });

    it('an expired access cookie of the same user is refreshed silently', async () => {
        const user = await User.signUp(at.stack);
        const { head, body } = claimsOf(user.token);
        const old = mint({ ...body, iat: now() - 1000, exp: now() - 100 }, { header: head });
        const answer = await request(at.stack, 'POST', '/api/posts', {
            body: { title: 't', content: 'c' },
            headers: { cookie: `token=${old}; refreshToken=${user.refreshToken}` },
        });
        assert.equal(answer.status, 200, answer.text);
        assertSessionCookies(answer);
    });

    it('a refresh cookie of one user never renews the access cookie of another', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const { head, body } = claimsOf(user.token);
        const old = mint({ ...body, exp: now() - 100 }, { header: head });
        const answer = await request(at.stack, 'GET', '/api/me', {
            headers: { cookie: `token=${old}; refreshToken=${other.refreshToken}` },
        });
        assertFailure(answer, 401);
        assertClearedCookies(answer);
    });

    it('no cookie is written where the access cookie is good', async () => {
        const user = await User.signUp(at.stack);
        assert.deepEqual((await user.request('GET', '/api/me')).cookies, {});
    });

    it('forms sign up, log in and log out with a redirect to the page', async () => {
        const email = freshEmail();
        const form = (path, fields, type = 'application/x-www-form-urlencoded') => request(
            at.stack, 'POST', path, { body: fields, headers: { 'content-type': type } });
        const fields = new URLSearchParams({ email, password: PASSWORD }).toString();
        for (const path of ['/signup', '/login']) {
            const answer = await form(path, fields);
            assert.equal(answer.status, 303, answer.text);
            assert.match(answer.headers.location, /^(http:\/\/127\.0\.0\.1:\d+)?\/$/);
            assertSessionCookies(answer);
        }
        const boundary = 'xyz';
        const parts = Object.entries({ email, password: PASSWORD }).map(([name, value]) =>
            `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('');
        const multi = await form('/login', `${parts}--${boundary}--\r\n`,
            `multipart/form-data; boundary=${boundary}`);
        assert.equal(multi.status, 303, multi.text);
        assert.equal((await form('/api/login', fields)).json.user.email, email);
        for (const method of ['GET', 'POST']) {
            const { cookies } = await form('/login', fields);
            const cookie = `token=${cookies.token.value}; refreshToken=${cookies.refreshToken.value}`;
            const out = await request(at.stack, method, '/logout', { headers: { cookie } });
            assert.equal(out.status, 303);
            assertClearedCookies(out);
            assertFailure(await request(at.stack, 'GET', '/api/me', { headers: { cookie } }), 401);
        }
    });

    it('other types of body are refused', async () => {
        for (const type of ['text/plain', 'application/xml', 'text/html; charset=utf-8', 'json']) {
            const answer = await request(at.stack, 'POST', '/api/login', {
                body: '{"email":"a@b.org","password":"12345678"}', headers: { 'content-type': type },
            });
            assertFailure(answer, 415);
        }
    });

    it('no answer and no log holds a password, its hash, a token or an address', async () => {
        const user = await User.signUp(at.stack);
        await user.bearer('GET', `/api/me?token=${user.token}`);
        await user.bearer('GET', '/data?prefix=');
        const texts = [(await user.bearer('GET', '/api/me')).text, (await user.bearer('GET', '/data?prefix=')).text];
        for (const text of texts) assert.doesNotMatch(text, /argon2|hash|salt|password/i);
        for (const name of ['cubby-fcgi', 'cubby-pushd', 'access', at.server]) {
            const log = at.stack.log(name);
            for (const secret of [user.token, user.refreshToken, PASSWORD, user.email]) {
                assert.ok(!log.includes(secret), `${name} holds a secret`);
            }
        }
    });
});
