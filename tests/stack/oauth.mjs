// Signing in with an OpenID provider, a real one: there and back, whose account it is, and all that
// can be wrong with what comes back.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import { after, before, beforeEach, describe, test } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { assertFailure, freshEmail, mint, PASSWORD, request, User } from '../lib/http.mjs';
import { Browser, CLIENT, OpenId, sign } from '../lib/openid.mjs';
import { APP, ROOT, SECRET, SERVERS, sleep, Stack } from '../lib/stack.mjs';

const callbackOf = (stack, name = 'test') => `${stack.origin}/api/auth/oauth/${name}/callback`;
const json = (it, path) => it.request('GET', path).then((answer) => answer.json);
const identities = (user) => json(user, '/api/account/identities').then(({ data }) => data);
const activity = async (user) => (await json(user, '/api/account/activity')).data
    .map(({ kind, detail }) => `${kind} ${detail ?? ''}`.trim());

// An account by password; `verified`: in the database, as the link of a mail would do it.
async function signUp(stack, email, verified) {
    const user = await User.signUp(stack, email);
    const sql = `PRAGMA busy_timeout = 5000; UPDATE account SET email_verified = 1 WHERE email = '${email}'`;
    if (verified) execFileSync('sqlite3', [`${stack.data}/main.db`, sql]);
    return user;
}

for (const server of SERVERS) {
    test(`a person signs up, and in again, through ${server}`, async (t) => {
        const provider = await OpenId.start({ alg: server === 'nginx' ? 'ES256' : 'RS256' });
        t.after(() => provider.stop());
        const stack = new Stack({ server, env: provider.env('test') });
        t.after(() => stack.stop());
        await stack.start();
        provider.register(callbackOf(stack));
        const email = freshEmail();
        provider.person('p1', { email: ` ${email.toUpperCase()}`, email_verified: true });

        const browser = new Browser(stack, provider);
        const answer = await browser.signIn();
        assert.equal(answer.status, 303, answer.text);
        assert.equal(answer.headers.location, '/');
        assert.equal(answer.cookies.oauth.attributes['max-age'], '0');
        const me = (await json(browser, '/api/me')).user;
        assert.equal(me.email, email);
        assert.equal(me.emailVerified, true);

        const again = new Browser(stack, provider);
        await again.signIn();
        assert.equal((await json(again, '/api/me')).user.id, me.id);
    });
}

describe('an OpenID provider', () => {
    let provider, stack;
    before(async () => {
        provider = await OpenId.start();
        stack = await new Stack({ env: { ...provider.env('test', 'other') } }).start();
    });
    after(async () => {
        await stack?.stop();
        await provider?.stop();
    });
    beforeEach(() => {
        provider.hooks = {};
        provider.register(callbackOf(stack), callbackOf(stack, 'other'));
    });
    const someone = (claims = {}) => {
        const email = freshEmail('p');
        provider.person(`id of ${email}`, { email, email_verified: true, ...claims });
        return email;
    };
    const browser = () => new Browser(stack, provider);

    test('is asked with code, PKCE, state and nonce; the cookie is ours alone', async () => {
        const one = browser();
        const answer = await one.open('/api/auth/oauth/test');
        const url = new URL(answer.headers.location);
        assert.equal(url.origin, provider.issuer);
        const sent = Object.fromEntries(url.searchParams);
        assert.deepEqual(Object.keys(sent).sort(), ['client_id', 'code_challenge', 'code_challenge_method', 'nonce',
            'redirect_uri', 'response_type', 'scope', 'state']);
        assert.equal(sent.response_type, 'code');
        assert.equal(sent.client_id, CLIENT.id);
        assert.equal(sent.redirect_uri, callbackOf(stack));
        assert.equal(sent.code_challenge_method, 'S256');
        for (const name of ['state', 'nonce', 'code_challenge']) assert.match(sent[name], /^[\w-]{43}$/);
        const { attributes, value } = answer.cookies.oauth;
        assert.equal(attributes.path, '/api/auth/oauth');
        assert.equal(attributes.samesite, 'Lax');
        assert.equal(attributes.httponly, true);
        assert.equal(attributes['max-age'], '600');
        const kept = Buffer.from(value.split('.')[1], 'base64url');
        for (const name of ['state', 'nonce']) assert.ok(!kept.includes(sent[name]));
        const next = await browser().open('/api/auth/oauth/test');
        assert.notEqual(new URL(next.headers.location).searchParams.get('state'), sent.state);
    });

    test('that nobody knows is 404', async () => {
        for (const path of ['nobody', 'nobody/callback', '..', 'TEST', `${'x'.repeat(2000)}`])
            assertFailure(await request(stack, 'GET', `/api/auth/oauth/${path}`), 404, 'not_found');
    });

    test('tells the address at userinfo only', async (t) => {
        const strict = await OpenId.start({ claimsInToken: false, alg: 'ES256' });
        t.after(() => strict.stop());
        const own = new Stack({ env: strict.env('test') });
        t.after(() => own.stop());
        await own.start();
        strict.register(callbackOf(own));
        const email = freshEmail();
        strict.person('p', { email, email_verified: true });
        const one = new Browser(own, strict);
        assert.equal((await one.signIn()).headers.location, '/');
        assert.equal((await json(one, '/api/me')).user.email, email);
        assert.equal(strict.asked['/me'], 1);

        strict.hooks['/me'] = (req, res) => strict.json(res, 200, { sub: 'someone else', email, email_verified: true });
        assert.equal((await new Browser(own, strict).signIn()).headers.location, '/?error=provider_failed');
    });

    // --- whose account ------------------------------------------------------------------------

    test('vouches for the address of an account: it is the same person', async () => {
        const email = someone();
        const user = await signUp(stack, email, true);
        const one = browser();
        assert.equal((await one.signIn()).headers.location, '/');
        assert.equal((await json(one, '/api/me')).user.id, user.id);
        const data = await identities(one);
        assert.equal(data.length, 1);
        assert.equal(data[0].provider, 'test');
        assert.equal(data[0].email, email);
        assert.match(data[0].linkedAt, /^\d{4}-\d\d-\d\dT/);
        const login = await request(stack, 'POST', '/api/login', { body: { email, password: PASSWORD } });
        assert.equal(login.status, 200, 'the password stays good');
    });

    test('does not open an account whose address was never verified', async () => {
        const email = someone();
        const user = await signUp(stack, email, false);
        const one = browser();
        assert.equal((await one.signIn()).headers.location, '/?error=account_unverified');
        assert.equal(one.jar.token, undefined);
        assert.deepEqual(await identities(user), []);
    });

    test('that does not vouch for an address opens none', async () => {
        for (const claims of [{ email_verified: false }, { email_verified: undefined }, { email_verified: 'false' },
            { email: undefined }, { email: 'no address' }, { email: 'a@b@c' }]) {
            someone(claims);
            const one = browser();
            const answer = await one.finish(await one.begin(), { accept: '*/*' });
            assertFailure(answer, 403, 'email_unverified', JSON.stringify(claims));
        }
    });

    test('knows its people by subject, whatever their address becomes', async () => {
        const email = someone();
        const one = browser();
        await one.signIn();
        const { id } = (await json(one, '/api/me')).user;
        provider.people[`id of ${email}`] = { email: freshEmail('new'), email_verified: false };
        const again = browser();
        assert.equal((await again.signIn()).headers.location, '/');
        assert.equal((await json(again, '/api/me')).user.id, id);
        assert.equal((await json(again, '/api/me')).user.email, email);
    });

    test('gives an address to another person: not his account', async () => {
        const email = someone();
        await browser().signIn();
        provider.person('the next owner of the address', { email, email_verified: true });
        assert.equal((await browser().signIn()).headers.location, '/?error=already_linked');
    });

    test('an account without a password cannot be opened with one', async () => {
        const email = someone();
        await browser().signIn();
        for (const password of ['', PASSWORD]) {
            const answer = await request(stack, 'POST', '/api/login', { body: { email, password } });
            assertFailure(answer, 401, 'invalid_credentials');
        }
        const signup = await request(stack, 'POST', '/api/signup', { body: { email, password: PASSWORD } });
        assertFailure(signup, 409, 'email_taken');
    });

    // --- linking ------------------------------------------------------------------------------

    test('is linked to the account one is signed in to, and unlinked', async () => {
        someone({ email: 'another@example.com', email_verified: false });
        const one = Object.assign(browser(), { jar: (await signUp(stack, freshEmail(), true)).jar });
        const answer = await one.link('test');
        assert.equal(answer.headers.location, '/?linked=test');
        assert.deepEqual((await identities(one)).map((it) => it.email), ['another@example.com']);
        const other = browser();
        assert.equal((await other.signIn()).headers.location, '/');
        assert.equal((await json(other, '/api/me')).user.id, (await json(one, '/api/me')).user.id);

        assert.equal((await one.link('test')).headers.location, '/?linked=test', 'again is fine');
        const unlink = (body) => one.request('DELETE', '/api/account/identities/test', { body });
        assertFailure(await unlink({ password: 'not this' }), 401, 'invalid_credentials');
        assertFailure(await unlink({}), 400);
        assert.equal((await identities(one)).length, 1, 'a browser that is signed in is not enough');
        assert.deepEqual((await unlink({ password: PASSWORD })).json, { ok: true });
        assertFailure(await unlink({ password: PASSWORD }), 404, 'not_found');
        assert.equal((await browser().signIn()).headers.location, '/?error=email_unverified');
    });

    test('is linked from our own pages only, by somebody signed in', async () => {
        someone();
        const path = '/api/auth/oauth/test';
        assertFailure(await browser().request('POST', path, { body: {} }), 401, 'unauthorized');
        const one = Object.assign(browser(), { jar: (await signUp(stack, freshEmail(), true)).jar });
        for (const site of ['cross-site', 'same-site']) {
            const sent = { body: { password: PASSWORD }, headers: { 'sec-fetch-site': site } };
            assertFailure(await one.request('POST', path, sent), 403, 'cross_site');
        }
        assertFailure(await one.request('POST', path, { body: { password: 'not this' } }), 401, 'invalid_credentials');
        const begun = await one.beginLink('test');
        one.jar = { ...(await signUp(stack, freshEmail(), true)).jar, oauth: one.jar.oauth };
        assert.equal((await one.finish(begun)).headers.location, '/?error=invalid_token', 'as somebody else');
        const signedOut = Object.assign(browser(), { jar: (await signUp(stack, freshEmail(), true)).jar });
        const left = await signedOut.beginLink('test');
        signedOut.jar = { oauth: signedOut.jar.oauth };
        assert.equal((await signedOut.finish(left)).headers.location, '/?error=unauthorized');
    });

    test('is not linked to an account that never verified its address, unless it vouches for it', async () => {
        const email = someone();
        const one = Object.assign(browser(), { jar: (await signUp(stack, freshEmail(), false)).jar });
        assert.equal((await one.link('test')).headers.location, '/?error=account_unverified');
        const own = Object.assign(browser(), { jar: (await signUp(stack, email, false)).jar });
        assert.equal((await own.link('test')).headers.location, '/?linked=test');
        assert.equal((await json(own, '/api/me')).user.emailVerified, true);
        assert.deepEqual((await activity(own)).slice(0, 2), ['email_verified test', 'provider_linked test']);
    });

    test('identity belongs to one account, an account has one identity', async () => {
        someone();
        const first = browser();
        await first.signIn();
        const second = Object.assign(browser(), { jar: (await signUp(stack, freshEmail(), true)).jar });
        assert.equal((await second.link('test')).headers.location, '/?error=identity_taken');
        someone();
        assert.equal((await first.link('test')).headers.location, '/?error=already_linked');
    });

    test('stays linked while it is the only way in', async () => {
        someone();
        const one = browser();
        await one.signIn();
        assertFailure(await one.request('DELETE', '/api/account/identities/test'), 409, 'last_sign_in');
        assert.equal((await one.link('other')).headers.location, '/?linked=other');
        assert.deepEqual((await one.request('DELETE', '/api/account/identities/test')).json, { ok: true });
        assertFailure(await one.request('DELETE', '/api/account/identities/other'), 409, 'last_sign_in');
    });

    test('of an account that was deleted is free again', async () => {
        someone();
        const one = browser();
        await one.signIn();
        const { id } = (await json(one, '/api/me')).user;
        assert.equal((await one.request('DELETE', '/api/account', { body: {} })).status, 200);
        const again = browser();
        assert.equal((await again.signIn()).headers.location, '/');
        assert.notEqual((await json(again, '/api/me')).user.id, id);
    });

    test('leaves its lines in the activity of the account', async () => {
        someone();
        const one = browser();
        await one.signIn();
        await one.signIn();
        await one.link('other');
        await one.request('DELETE', '/api/account/identities/other');
        assert.deepEqual(await activity(one), ['provider_unlinked other', 'provider_linked other', 'login test',
            'provider_linked test', 'signup test']);
    });

    // --- what comes back ----------------------------------------------------------------------

    test('says that the person has denied', async () => {
        provider.denies();
        const one = browser();
        assert.equal((await one.signIn()).headers.location, '/?error=access_denied');
        provider.denies();
        assertFailure(await one.finish(await one.begin(), { accept: '*/*' }), 403, 'access_denied');
        await one.begin();
        assertFailure(await one.answered({ error: 'server_error' }), 502, 'provider_failed');
    });

    test('answers once', async () => {
        someone();
        const one = browser();
        const url = new URL(await one.signInAt(await one.begin()));
        const { oauth } = one.jar;
        assert.equal((await one.open(url.pathname + url.search)).headers.location, '/');
        one.jar.oauth = oauth;
        assert.equal((await one.open(url.pathname + url.search)).headers.location, '/?error=invalid_token');
    });

    test('answers the browser that asked', async () => {
        someone();
        const victim = browser(), attacker = browser();
        const url = new URL(await attacker.signInAt(await attacker.begin()));
        const path = url.pathname + url.search;
        const none = await victim.open(path, { accept: '*/*' });
        assertFailure(none, 400, 'invalid_token');
        await victim.begin();
        assertFailure(await victim.open(path, { accept: '*/*' }), 400, 'invalid_token');
        assert.equal(victim.jar.token, undefined);
        for (const change of [() => '', () => 'x', () => undefined, (state) => state.slice(1), (state) => `${state}A`,
            (state) => state.toLowerCase()]) {
            await attacker.begin();
            const state = change(attacker.sent.get('state'));
            assertFailure(await attacker.answered({ state }), 400, 'invalid_token');
        }
    });

    test('does not answer for another', async () => {
        const one = browser();
        await one.begin('test');
        assertFailure(await one.answered({}, 'other'), 400, 'invalid_token');
        await one.begin('test');
        assertFailure(await one.answered({ iss: 'https://another.example' }), 400, 'invalid_token', 'RFC 9207');
        await one.begin('test');
        assertFailure(await one.answered({ iss: undefined }), 400, 'invalid_token', 'it says that it sends iss');
    });

    test('answers in time', async () => {
        const one = browser();
        await one.begin();
        const [header, claims] = one.jar.oauth.split('.').slice(0, 2)
            .map((part) => JSON.parse(Buffer.from(part, 'base64url')));
        const cookies = [{ exp: claims.iat - 1 }, { type: 'login' }, { type: undefined }, { jti: undefined }]
            .map((changes) => mint({ ...claims, ...changes }, { header }));
        cookies.push(mint(claims, { header, key: `${SECRET}!` }), 'x', 'x'.repeat(6000));
        for (const cookie of cookies) {
            one.jar.oauth = cookie;
            assertFailure(await one.answered(), 400, 'invalid_token');
        }
    });

    test('does not know the code', async () => {
        const one = browser();
        for (const code of ['', 'unknown', 'x'.repeat(2049), 'a&b=c\u00e9']) {
            await one.begin();
            assertFailure(await one.answered({ code }), 400, 'invalid_token', code.slice(0, 20));
        }
    });

    test('changes its keys: no restart, and they are fetched once', async () => {
        someone();
        assert.equal((await browser().signIn()).headers.location, '/');
        const before = provider.asked['/jwks'];
        provider.rotate();
        someone();
        assert.equal((await browser().signIn()).headers.location, '/');
        assert.equal(provider.asked['/jwks'], before + 1);
        for (let i = 0; i < 5; i++)
            assertFailure(await browser().forged({}, { header: { kid: `unknown ${i}` } }), 400, 'invalid_token');
        assert.ok(provider.asked['/jwks'] <= before + 2, 'tokens of unknown keys do not make us ask');
    });

    test('gives ID tokens that are not for us, of now, or of it', async () => {
        const now = Math.floor(Date.now() / 1000);
        const good = await browser().forged({});
        assert.equal(good.headers.location, '/', good.text);
        const bad = {
            'another nonce': { nonce: 'x'.repeat(43) },
            'no nonce': { nonce: undefined },
            'another audience': { aud: 'another client' },
            'no audience': { aud: undefined },
            'one audience among others': { aud: [CLIENT.id, 'another'] },
            'asked for by another': { aud: [CLIENT.id, 'another'], azp: 'another' },
            'another azp': { azp: 'another' },
            'another issuer': { iss: 'https://another.example' },
            'an issuer with a slash': { iss: `${provider.issuer}/` },
            'expired': { exp: now - 120 },
            'no exp': { exp: undefined },
            'of yesterday': { iat: now - 86400 },
            'of tomorrow': { iat: now + 3600 },
            'not good yet': { nbf: now + 3600 },
            'nobody': { sub: undefined },
            'an empty subject': { sub: '' },
            'a number': { sub: 7 },
            'a long subject': { sub: 'x'.repeat(256) },
        };
        for (const [what, claims] of Object.entries(bad))
            assertFailure(await browser().forged(claims), 400, 'invalid_token', what);
        const both = await browser().forged({ aud: [CLIENT.id, 'another'], azp: CLIENT.id });
        assert.equal(both.headers.location, '/', both.text);
    });

    test('gives ID tokens that it did not sign', async () => {
        const secret = { secret: CLIENT.secret };
        const publicKey = { secret: JSON.stringify({ kty: 'RSA', n: provider.key.n, e: provider.key.e }) };
        const forgeries = {
            'alg none': { alg: 'none', key: {} },
            'alg None': { alg: 'none', key: {}, header: { alg: 'None' } },
            'HS256 by the client secret': { alg: 'HS256', key: secret },
            'HS256 by the public key': { alg: 'HS256', key: publicKey },
            'no alg': { header: { alg: undefined } },
            'RS512': { header: { alg: 'RS512' } },
            'critical': { header: { crit: ['exp'], exp: 1 } },
            'an access token': { header: { typ: 'at+jwt' } },
            'its own key': { header: { jwk: provider.key, kid: 'mine' } },
            'kid is no string': { header: { kid: 7 } },
        };
        for (const [what, options] of Object.entries(forgeries))
            assertFailure(await browser().forged({}, options), 400, 'invalid_token', what);

        const one = browser();
        const long = sign({}, { alg: 'RS256', key: provider.key });
        for (const token of ['', 'a.b', 'a.b.c', '..', 'x'.repeat(40000), `${long}A`, `${long}.`, null, 7, ['a']]) {
            await one.begin();
            provider.hooks['/token'] = (req, res) => provider.json(res, 200, { id_token: token });
            const text = typeof token === 'string' && token !== '';
            assertFailure(await one.answered(), text ? 400 : 502, text ? 'invalid_token' : 'provider_failed');
        }
    });
});

// --- providers that fail -------------------------------------------------------------------------

describe('a provider that fails', () => {
    let provider, stack;
    const names = Array.from({ length: 12 }, (_, i) => `test-${i}`);
    before(async () => {
        provider = await OpenId.start();
        const env = { ...provider.env('test', ...names), CUBBY_OAUTH_WORKERS: '3', CUBBY_OAUTH_TIMEOUT: '1500' };
        stack = await new Stack({ env }).start();
        provider.register(callbackOf(stack));
    });
    after(async () => {
        await stack?.stop();
        await provider?.stop();
    });
    const WELL_KNOWN = '/.well-known/openid-configuration';
    const open = (name) => request(stack, 'GET', `/api/auth/oauth/${name}`);
    const configuration = (changes) => (req, res) => provider.json(res, 200, {
        issuer: provider.issuer, authorization_endpoint: `${provider.issuer}/auth`,
        token_endpoint: `${provider.issuer}/token`, jwks_uri: `${provider.issuer}/jwks`, ...changes,
    });
    test('does not hold up the end of the program', async (t) => {
        const own = new Stack({ env: { ...provider.env('test'), CUBBY_OAUTH_TIMEOUT: '30000' } });
        t.after(() => own.stop());
        await own.start();
        provider.hooks[WELL_KNOWN] = () => {};
        t.after(() => { provider.hooks = {}; });
        const asked = provider.asked[WELL_KNOWN] ?? 0;
        const waiting = request(own, 'GET', '/api/auth/oauth/test').catch(() => {});
        while ((provider.asked[WELL_KNOWN] ?? 0) === asked) await sleep(10);
        const start = Date.now();
        process.kill(own.pid('cubby-fcgi'), 'SIGTERM');
        await waiting;
        assert.ok(Date.now() - start < 5000, `${Date.now() - start} ms`);
    });

    const answers = {
        'not found': (req, res) => provider.json(res, 404, '{}'),
        'garbage': (req, res) => provider.json(res, 200, '\u0000\u0001<html>'),
        'another issuer': configuration({ issuer: 'https://accounts.example' }),
        'an endpoint without TLS': configuration({ token_endpoint: 'http://192.0.2.1/token' }),
        'a file for an endpoint': configuration({ jwks_uri: 'file:///etc/passwd' }),
        'no endpoints': configuration({ token_endpoint: undefined }),
        'a redirect': (req, res) => res.writeHead(302, { location: `${provider.issuer}/jwks` }).end(),
        'a broken connection': (req, res) => req.socket.destroy(),
        'a body that ends early': (req, res) => {
            res.writeHead(200, { 'content-length': 1000 }).write('{');
            setTimeout(() => req.socket.destroy(), 20);
        },
        'a huge body': (req, res) => res.on('error', () => {}).writeHead(200).end('x'.repeat(4 << 20)),
        'a huge length': (req, res) => res.writeHead(200, { 'content-length': 1e12 }).write('{'),
        'huge headers': (req, res) => {
            const lines = Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'y'.repeat(4000)]);
            res.writeHead(200, Object.fromEntries(lines)).end('{}');
        },
    };

    test('is told as such, in whatever way, and asked again soon', async () => {
        for (const [i, [what, answer]] of Object.entries(answers).entries()) {
            provider.hooks[WELL_KNOWN] = answer;
            assertFailure(await open(names[i]), 502, 'provider_failed', what);
        }
        const asked = provider.asked[WELL_KNOWN];
        assertFailure(await open(names.at(-1)), 502, 'provider_failed');
        assert.equal(provider.asked[WELL_KNOWN], asked, 'it is left alone for a moment');
        delete provider.hooks[WELL_KNOWN];
        await sleep(2050);
        for (const name of names) assert.equal((await open(name)).status, 303);
        assert.match(stack.log('cubby-fcgi'), /provider=test-0 failed why="/);
    });

    test('is slow: only so many wait for it, and nobody else does', async () => {
        const user = await User.signUp(stack);
        const waiting = Array.from({ length: 6 }, () => new Browser(stack, provider));
        for (const one of waiting) await one.begin();
        provider.hooks['/token'] = () => {};
        const began = Date.now();
        const calls = waiting.map((one) => one.answered());
        await sleep(200);
        for (let i = 0; i < 20; i++) {
            const at = Date.now();
            assert.equal((await user.request('GET', '/api/me')).status, 200);
            assert.ok(Date.now() - at < 500);
        }
        const statuses = (await Promise.all(calls)).map(({ status }) => status).sort();
        assert.ok(Date.now() - began < 5000);
        assert.deepEqual(statuses, [502, 502, 502, 503, 503, 503]);
        delete provider.hooks['/token'];
    });

    test('drips: a byte at a time does not hold us', async () => {
        provider.hooks['/token'] = (req, res) => {
            res.writeHead(200);
            const timer = setInterval(() => res.write(' '), 100);
            res.on('close', () => clearInterval(timer));
        };
        const one = new Browser(stack, provider);
        await one.begin();
        const began = Date.now();
        assertFailure(await one.answered(), 502, 'provider_failed');
        assert.ok(Date.now() - began < 4000);
        delete provider.hooks['/token'];
    });

    test('refuses us', async () => {
        for (const [status, body] of [[401, { error: 'invalid_client' }], [400, { error: 'unauthorized_client' }],
            [400, 'x'], [500, 'oops']]) {
            provider.hooks['/token'] = (req, res) => provider.json(res, status, body);
            const one = new Browser(stack, provider);
            await one.begin();
            assertFailure(await one.answered(), 502, 'provider_failed');
        }
        delete provider.hooks['/token'];
    });
});

test('a provider shows a certificate that we trust, and of its name', async (t) => {
    const dir = fs.mkdtempSync('/tmp/cubby-openid-');
    t.after(() => fs.rmSync(dir, { recursive: true }));
    const { cert, key } = makeCertificate(dir, 'provider');
    const site = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (req, res) => {
        const issuer = `https://${req.headers.host}`;
        res.end(JSON.stringify({ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/jwks` }));
    });
    await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
    t.after(() => site.close());
    const write = (name, host) => fs.writeFileSync(`${dir}/${name}.json`,
        JSON.stringify({ issuer: `https://${host}:${site.address().port}`, clientId: 'x' }));
    write('named', '127.0.0.1');
    write('unnamed', 'localhost');
    const stacks = ['', cert].map((file) =>
        new Stack({ env: { CUBBY_OAUTH_DIR: dir, CUBBY_OAUTH_CA_FILE: file } }));
    for (const stack of stacks) t.after(() => stack.stop());
    const [stranger, friend] = await Promise.all(stacks.map((stack) => stack.start()));
    const open = (stack, name) => request(stack, 'GET', `/api/auth/oauth/${name}`);
    assertFailure(await open(stranger, 'named'), 502, 'provider_failed');
    assertFailure(await open(friend, 'unnamed'), 502, 'provider_failed');
    assert.equal((await open(friend, 'named')).status, 303);
});

test('a file of a provider that is wrong stops the start, and says why', (t) => {
    const dir = fs.mkdtempSync('/tmp/cubby-openid-');
    t.after(() => fs.rmSync(dir, { recursive: true }));
    const wrong = {
        'a.json': ['{', /a\.json: not JSON/],
        'b.json': ['{"clientId":"x"}', /b\.json: issuer is missing/],
        'google.json': ['{"clientSecret":"x"}', /google\.json: clientId is missing/],
        'c.json': ['{"issuer":"http://example.org","clientId":"x"}', /c\.json: issuer must be an https URL/],
        'D.json': ['{}', /D\.json: expected a name/],
        'e.json': ['{"issuer":"https://a.example","clientId":"x","secret":"y"}', /e\.json: expected only/],
        'f.json': ['{"issuer":"https://a.example","clientId":"x","scope":"email"}', /f\.json: scope must have/],
        'h.json': ['{"issuer":"https://a.example","clientId":7}', /h\.json: every value must be a string/],
    };
    const env = { CUBBY_JWT_SECRET: SECRET, CUBBY_OAUTH_DIR: dir, CUBBY_DATA_DIR: `${dir}/data` };
    for (const [name, [text, said]] of Object.entries(wrong)) {
        fs.writeFileSync(`${dir}/${name}`, text);
        const { status, stderr } = spawnSync(APP, ['--socket', `${dir}/socket`], { cwd: ROOT, env, encoding: 'utf8' });
        assert.equal(status, 78, name);
        assert.match(stderr, said, name);
        fs.rmSync(`${dir}/${name}`);
    }
});
