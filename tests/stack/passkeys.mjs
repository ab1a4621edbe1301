// Passkeys through the web server, with an authenticator in software: what it makes and answers, and
// everything that is refused.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ES256, FLAG, Passkey, RS256, cbor } from '../lib/authenticator.mjs';
import { PASSWORD, User, assertFailure, claimsOf, freshEmail, mint, request } from '../lib/http.mjs';
import { Stack } from '../lib/stack.mjs';
import { codeOf } from '../lib/totp.mjs';

const ORIGIN = 'https://cubby.example';
const MAX = 20;
const ENV = { CUBBY_PUBLIC_URL: ORIGIN };

const decoded = (challenge) => Buffer.from(challenge, 'base64url').toString();
const encoded = (token) => Buffer.from(token).toString('base64url');
// Changes the first byte of base64url text.
const changed = (text) => (text[0] === 'A' ? 'B' : 'A') + text.slice(1);

describe('passkeys', () => {
    let stack;
    before(async () => { stack = await new Stack({ env: ENV }).start(); });
    after(() => stack?.stop());

    const post = (path, body) => request(stack, 'POST', path, { body });
    const optionsFor = async (user) => (await user.ok('POST', '/api/passkeys/options', { password: PASSWORD })).options;
    const loginOptions = async () => {
        const answer = await request(stack, 'POST', '/api/login/passkey/options', { body: '' });
        assert.equal(answer.status, 200, answer.text);
        return answer.json.options;
    };
    const signIn = (credential) => post('/api/login/passkey', { credential });
    const answerOf = async (passkey, wrong) => signIn(passkey.get(await loginOptions(), wrong));

    async function add(user, options = {}, name = undefined) {
        const passkey = new Passkey({ origin: ORIGIN, ...options });
        const credential = passkey.create(await optionsFor(user));
        const body = await user.ok('POST', '/api/passkeys', { credential, name });
        assert.equal(body.passkey.id, credential.id);
        return passkey;
    }

    const kinds = async (user, kind) =>
        (await user.ok('GET', '/api/account/activity')).data.filter((line) => line.kind === kind);

    for (const [name, alg] of [['ES256', ES256], ['RS256', RS256]]) {
        it(`${name}: one is made, signs in, is listed and removed`, async () => {
            const user = await User.signUp(stack);
            const passkey = await add(user, { alg }, ' My laptop ');
            const answer = await answerOf(passkey);
            assert.equal(answer.status, 200, answer.text);
            assert.deepEqual(Object.keys(answer.json), ['ok', 'user', 'token', 'refreshToken']);
            assert.deepEqual(Object.keys(answer.cookies), ['token', 'refreshToken']);
            assert.equal(answer.json.user.id, user.id);
            assert.equal((await answerOf(passkey)).status, 200, 'and again');

            const { data: [listed, ...more] } = await user.ok('GET', '/api/passkeys');
            assert.deepEqual([Object.keys(listed), more], [['id', 'name', 'createdAt', 'lastUsedAt'], []]);
            assert.equal(listed.name, 'My laptop');
            assert.ok(Date.parse(listed.lastUsedAt) >= Date.parse(listed.createdAt));
            const exported = (await user.ok('GET', '/api/account/export')).passkeys;
            assert.equal(exported.length, 1);
            assert.deepEqual(exported[0], { ...listed, algorithm: alg, transports: ['internal', 'hybrid'],
                publicKey: encoded(cbor(passkey.cose)) });

            assert.deepEqual(await user.ok('DELETE', `/api/passkeys/${listed.id}`), { ok: true });
            assertFailure(await user.bearer('DELETE', `/api/passkeys/${listed.id}`), 404, 'not_found');
            assertFailure(await answerOf(passkey), 401, 'invalid_credentials');
            assert.deepEqual((await kinds(user, 'login')).map(({ detail }) => detail), ['passkey', 'passkey']);
            for (const kind of ['passkey_added', 'passkey_removed'])
                assert.deepEqual((await kinds(user, kind)).map(({ detail }) => detail), ['My laptop'], kind);
        });
    }

    it('options: what browsers need, and nothing of the account but to its owner', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        const options = await optionsFor(user);
        const { challenge, ...rest } = options;
        assert.deepEqual(rest, {
            rp: { id: 'cubby.example', name: 'cubby.example' },
            user: { id: encoded(user.id), name: user.email, displayName: user.email },
            timeout: 300000,
            pubKeyCredParams: [{ type: 'public-key', alg: ES256 }, { type: 'public-key', alg: RS256 }],
            authenticatorSelection: {
                residentKey: 'required', requireResidentKey: true, userVerification: 'required',
            },
            attestation: 'none',
            excludeCredentials: [
                { type: 'public-key', id: passkey.id.toString('base64url'), transports: ['internal', 'hybrid'] },
            ],
        });
        const { body } = claimsOf(decoded(challenge));
        assert.deepEqual([body.type, body.sub, body.exp - body.iat], ['passkey_add', user.id, 300]);
        const { challenge: other, ...login } = await loginOptions();
        assert.deepEqual(login, {
            rpId: 'cubby.example', timeout: 300000, allowCredentials: [], userVerification: 'required',
        });
        const { body: claims } = claimsOf(decoded(other));
        assert.deepEqual([claims.type, claims.sub, claims.exp - claims.iat], ['passkey_login', undefined, 300]);
    });

    it('making one asks for the password', async () => {
        const user = await User.signUp(stack);
        for (const body of [{ password: 'not this one' }, { password: '' }])
            assertFailure(await user.bearer('POST', '/api/passkeys/options', { body }), 401, 'invalid_credentials');
        for (const body of [{}, { password: 7 }, ''])
            assertFailure(await user.bearer('POST', '/api/passkeys/options', { body }), 400, 'invalid');
    });

    it('registrations that are not right are refused, and nothing is stored', async () => {
        const [user, other] = [await User.signUp(stack), await User.signUp(stack)];
        const again = new User(stack);
        const { json } = await again.request('POST', '/api/login', { body: { email: user.email, password: PASSWORD } });
        again.token = json.token;
        const options = await optionsFor(user);
        const claims = claimsOf(decoded(options.challenge)).body;
        const point = (name) => new Map([...new Passkey({}).cose].map(([key, value]) =>
            [key, key === name ? Buffer.alloc(32, 7) : value]));
        const base = new Passkey({}).cose;
        const bad = {
            'another origin': { origin: 'https://cubby.example.org' },
            'the same host without TLS': { origin: 'http://cubby.example' },
            'another port': { origin: `${ORIGIN}:8443` },
            'a subdomain': { origin: 'https://www.cubby.example' },
            'no origin': { origin: 'null' },
            'another site': { rpId: 'example.org' },
            'a sign-in': { type: 'webauthn.get' },
            'within another page': { crossOrigin: true },
            'user not verified': { flags: FLAG.UP },
            'user not there': { flags: FLAG.UV },
            'backed up, but not eligible': { flags: FLAG.UP | FLAG.UV | FLAG.BS },
            'extensions promised': { flags: FLAG.UP | FLAG.UV | FLAG.ED },
            'attestation none that says something': { statement: new Map([['sig', Buffer.alloc(8)]]) },
            'a point not on the curve': { cose: point(-3) },
            'another algorithm': { cose: new Map([[1, 2], [3, -35], [-1, 2], [-2, Buffer.alloc(48)],
                [-3, Buffer.alloc(48)]]) },
            'an algorithm of another key': { cose: new Map([...base, [3, RS256]]) },
            'a member too many': { cose: new Map([...base, [4, Buffer.alloc(1)]]) },
            'an RSA key that is short': { cose: new Map([[1, 3], [3, RS256], [-1, Buffer.alloc(128, 255)],
                [-2, Buffer.from([1, 0, 1])]]) },
            'no JSON': { json: 'webauthn.create' },
            'JSON after JSON': { json: `{"type":"webauthn.create","challenge":"${options.challenge}",` +
                `"origin":"${ORIGIN}"} {}` },
        };
        for (const [what, wrong] of Object.entries(bad)) {
            const credential = new Passkey({ origin: ORIGIN }).create(options, wrong);
            assertFailure(await user.bearer('POST', '/api/passkeys', { body: { credential } }), 400, 'invalid', what);
        }
        const passkey = new Passkey({ origin: ORIGIN });
        const tokens = {
            empty: '', truncated: decoded(options.challenge).slice(0, -1),
            oversize: `${decoded(options.challenge)}${'A'.repeat(4000)}`,
            'for signing in': mint({ ...claims, type: 'passkey_login' }),
            'of a reset': mint({ ...claims, type: 'password_reset' }),
            expired: mint({ ...claims, iat: claims.iat - 600, exp: claims.exp - 600 }),
            "another account's": decoded((await optionsFor(other)).challenge),
            "another session's": decoded((await optionsFor(again)).challenge),
            'another key': mint(claims, { key: 'k'.repeat(40) }), 'an access token': user.token,
        };
        for (const [what, token] of Object.entries(tokens)) {
            const credential = passkey.create({ ...options, challenge: encoded(token) });
            const answer = await user.bearer('POST', '/api/passkeys', { body: { credential } });
            assertFailure(answer, 400, 'invalid_token', what);
        }
        const good = passkey.create(options);
        const part = (name, value) => ({ ...good, response: { ...good.response, [name]: value } });
        const { attestationObject } = good.response;
        const bodies = {
            'no credential': {}, null: { credential: null }, text: { credential: 'x' },
            'another type': { credential: { ...good, type: 'password' } },
            'another id': { credential: { ...good, id: encoded('other'), rawId: encoded('other') } },
            'two ids': { credential: { ...good, rawId: encoded('other') } },
            'an id that is no base64url': { credential: { ...good, id: `${good.id}=`, rawId: undefined } },
            'an id too long': { credential: { ...good, id: encoded('x'.repeat(1024)), rawId: undefined } },
            'no response': { credential: { ...good, response: undefined } },
            'no attestation': { credential: part('attestationObject', undefined) },
            'attestation cut short': { credential: part('attestationObject', attestationObject.slice(0, -4)) },
            'more after it': { credential: part('attestationObject', `${attestationObject}AAAA`) },
            'oversize attestation': { credential: part('attestationObject', 'A'.repeat(90000)) },
            'oversize client data': { credential: part('clientDataJSON', 'A'.repeat(12000)) },
            'a name that is none': { credential: good, name: 7 }, 'an empty name': { credential: good, name: ' ' },
            'a name too long': { credential: good, name: 'x'.repeat(65) },
            'a name of two lines': { credential: good, name: 'a\nb' },
        };
        for (const [what, body] of Object.entries(bodies))
            assertFailure(await user.bearer('POST', '/api/passkeys', { body }), 400, 'invalid', what);
        assert.deepEqual((await user.ok('GET', '/api/passkeys')).data, []);
        assert.equal((await kinds(user, 'token_refused')).length, Object.keys(tokens).length);

        await user.ok('POST', '/api/passkeys', { credential: good });
        const replayed = await user.bearer('POST', '/api/passkeys', { body: { credential: good } });
        assertFailure(replayed, 400, 'invalid_token');
        const twice = await user.bearer('POST', '/api/passkeys',
            { body: { credential: passkey.create(await optionsFor(user)) } });
        assertFailure(twice, 409, 'conflict');
    });

    it('statements of other formats are taken without trust', async () => {
        const user = await User.signUp(stack);
        const passkey = new Passkey({ origin: ORIGIN });
        const statement = new Map([['alg', ES256], ['sig', Buffer.alloc(70)], ['x5c', [Buffer.alloc(900)]]]);
        const credential = passkey.create(await optionsFor(user), { fmt: 'packed', statement });
        await user.ok('POST', '/api/passkeys', { credential });
        assert.equal((await answerOf(passkey)).status, 200);
    });

    it('answers that are not right get one and the same 401', async () => {
        const [user, other] = [await User.signUp(stack), await User.signUp(stack)];
        const [passkey, foreign, lost] = [await add(user), await add(other), new Passkey({ origin: ORIGIN })];
        Object.assign(lost, { rpId: 'cubby.example', userHandle: passkey.userHandle });
        const impostor = new Passkey({ origin: ORIGIN });
        Object.assign(impostor, { id: passkey.id, userHandle: passkey.userHandle });
        const wrong = {
            'another origin': [passkey, { origin: 'https://cubby.example.org' }],
            'the same host without TLS': [passkey, { origin: 'http://cubby.example' }],
            'another site': [passkey, { rpId: 'example.org' }],
            'a registration': [passkey, { type: 'webauthn.create' }],
            'within another page': [passkey, { crossOrigin: true }],
            'user not verified': [passkey, { flags: FLAG.UP }],
            'user not there': [passkey, { flags: FLAG.UV }],
            'backed up since': [passkey, { flags: FLAG.UP | FLAG.UV | FLAG.BE }],
            'an unknown user': [passkey, { userHandle: encoded('0'.repeat(32)) }],
            'no user id at all': [passkey, { userHandle: encoded('../../main') }],
            "another user's passkey": [foreign, { userHandle: passkey.userHandle }],
            'an unknown passkey': [lost, {}],
            'another key': [impostor, {}],
        };
        const texts = new Set();
        for (const [what, [from, how]] of Object.entries(wrong)) {
            const answer = await answerOf(from, how);
            assertFailure(answer, 401, 'invalid_credentials', what);
            assert.deepEqual(answer.cookies, {}, what);
            texts.add(answer.text);
        }
        assert.equal(texts.size, 1);
        const lines = await kinds(user, 'login_failed');
        assert.equal(lines.length, Object.keys(wrong).length - 2, 'a line each, but for users that are not there');
        for (const { detail } of lines) assert.match(detail, /^passkey: /);
        assert.equal((await answerOf(passkey)).status, 200);
    });

    it('malformed and tampered answers are refused', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        const fresh = async () => passkey.get(await loginOptions());
        const part = (good, name, value) => ({ ...good, response: { ...good.response, [name]: value } });
        const good = await fresh();
        const malformed = {
            undefined, null: null, 'another type': { ...good, type: 'x' }, 'no id': { ...good, id: undefined },
            'no signature': part(good, 'signature', undefined), 'an empty signature': part(good, 'signature', ''),
            'oversize signature': part(good, 'signature', 'A'.repeat(1400)),
            'no user handle': part(good, 'userHandle', null),
            'oversize user handle': part(good, 'userHandle', 'A'.repeat(100)),
            'oversize authenticator data': part(good, 'authenticatorData', 'A'.repeat(12000)),
            'client data that is none': part(good, 'clientDataJSON', encoded('[]')),
            'client data cut short': part(good, 'clientDataJSON', good.response.clientDataJSON.slice(0, -8)),
        };
        for (const [what, credential] of Object.entries(malformed))
            assertFailure(await signIn(credential), 400, 'invalid', what);
        assert.equal((await signIn(good)).status, 200, 'none of them used it up');
        for (const name of ['authenticatorData', 'signature', 'userHandle']) {
            const answer = await fresh();
            const tampered = part(answer, name, changed(answer.response[name]));
            assertFailure(await signIn(tampered), 401, 'invalid_credentials', name);
        }
        for (const name of ['authenticatorData', 'signature', 'userHandle']) {
            const answer = await fresh();
            const bytes = Buffer.from(answer.response[name], 'base64url');
            const truncated = part(answer, name, encoded(bytes.subarray(0, -1)));
            assertFailure(await signIn(truncated), 401, 'invalid_credentials', `${name}, cut`);
        }
    });

    it('a challenge works once, of its kind, in its time', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        const options = await loginOptions();
        const claims = claimsOf(decoded(options.challenge)).body;
        const bad = {
            none: '', truncated: decoded(options.challenge).slice(0, -1),
            expired: mint({ ...claims, iat: claims.iat - 600, exp: claims.exp - 600 }),
            'for making one': decoded((await optionsFor(user)).challenge),
            'without a jti': mint({ ...claims, jti: undefined }), 'without an end': mint({ ...claims, exp: undefined }),
            'another key': mint(claims, { key: 'k'.repeat(40) }), 'a ticket': mint({ ...claims, type: 'ticket' }),
        };
        for (const [what, token] of Object.entries(bad)) {
            const answer = await signIn(passkey.get({ ...options, challenge: encoded(token) }));
            assertFailure(answer, 400, 'invalid_token', what);
        }
        const answer = passkey.get(options);
        assert.equal((await signIn(answer)).status, 200);
        assertFailure(await signIn(answer), 400, 'invalid_token', 'replayed');
        assertFailure(await signIn(passkey.get(options)), 400, 'invalid_token', 'answered anew');
        const wrong = await loginOptions();
        assertFailure(await signIn(passkey.get(wrong, { flags: FLAG.UP })), 401, 'invalid_credentials');
        assertFailure(await signIn(passkey.get(wrong)), 400, 'invalid_token', 'used up by a wrong answer');
        const raced = passkey.get(await loginOptions());
        const said = (await Promise.all([signIn(raced), signIn(raced), signIn(raced)])).map(({ status }) => status);
        assert.deepEqual(said.sort(), [200, 400, 400]);
    });

    it('a counter that goes back or stands still is that of a copy', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        assert.equal((await answerOf(passkey, { count: 100 })).status, 200);
        for (const count of [99, 100, 0])
            assertFailure(await answerOf(passkey, { count }), 401, 'invalid_credentials', String(count));
        const lines = await kinds(user, 'login_failed');
        assert.deepEqual(lines.map(({ detail }) => detail), Array(3).fill('passkey: the counter went back'));
        assert.equal((await answerOf(passkey, { count: 101 })).status, 200);
        const synced = await add(user, { counts: false });
        for (let i = 0; i < 2; i++) assert.equal((await answerOf(synced)).status, 200, 'one without a counter');
    });

    it('counts for both factors', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        const { secret } = await user.ok('POST', '/api/totp', { password: PASSWORD });
        await user.ok('POST', '/api/totp/confirm', { code: codeOf(secret) });
        const byPassword = await post('/api/login', { email: user.email, password: PASSWORD });
        assert.equal(byPassword.json.code, 'second_factor_required');
        assert.equal((await answerOf(passkey)).status, 200);
    });

    it(`an account has at most ${MAX}`, async () => {
        const user = await User.signUp(stack);
        const spare = await optionsFor(user);
        for (let i = 0; i < MAX; i++) await add(user);
        const credential = new Passkey({ origin: ORIGIN }).create(spare);
        assertFailure(await user.bearer('POST', '/api/passkeys', { body: { credential } }), 507, 'quota_exceeded');
        const body = { password: PASSWORD };
        assertFailure(await user.bearer('POST', '/api/passkeys/options', { body }), 507, 'quota_exceeded');
        assert.equal((await user.ok('GET', '/api/passkeys')).data.length, MAX);
    });

    it('a deleted account takes them with it', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        await user.ok('DELETE', '/api/account', { password: PASSWORD });
        assertFailure(await answerOf(passkey), 401, 'invalid_credentials');
    });

    it('a changed password leaves them, and its sessions end', async () => {
        const user = await User.signUp(stack);
        const passkey = await add(user);
        const { json } = await answerOf(passkey);
        await user.ok('POST', '/api/password', { oldPassword: PASSWORD, newPassword: 'quite another phrase' });
        const headers = { authorization: `Bearer ${json.token}` };
        assertFailure(await request(stack, 'GET', '/api/me', { headers }), 401, 'unauthorized');
        assert.equal((await answerOf(passkey)).status, 200);
    });

    it("of another site's page nobody is signed in", async () => {
        const passkey = await add(await User.signUp(stack));
        const credential = passkey.get(await loginOptions());
        const answer = await request(stack, 'POST', '/api/login/passkey',
            { body: { credential }, headers: { origin: 'https://elsewhere.test' } });
        assertFailure(answer, 403, 'cross_site');
    });
});

describe('passkeys, bounds of the settings', () => {
    it('attempts are counted for each client, whatever the account', async (test) => {
        const stack = await new Stack({ env: { ...ENV, CUBBY_LIMIT_AUTH_PER_IP: '3' } }).start();
        test.after(() => stack.stop());
        const passkey = Object.assign(new Passkey({ origin: ORIGIN }), { userHandle: encoded('0'.repeat(32)) });
        const attempt = async () => {
            const { options } = (await request(stack, 'POST', '/api/login/passkey/options', { body: '' })).json;
            return request(stack, 'POST', '/api/login/passkey', { body: { credential: passkey.get(options) } });
        };
        for (let i = 0; i < 3; i++) assertFailure(await attempt(), 401, 'invalid_credentials');
        const answer = await attempt();
        assertFailure(answer, 429, 'rate_limited');
        assert.ok(Number(answer.headers['retry-after']) > 0);
    });

    it('without a host to make them for there are none', async (test) => {
        for (const url of ['', 'http://127.0.0.1:8080']) {
            const stack = await new Stack({ env: { CUBBY_PUBLIC_URL: url } }).start();
            test.after(() => stack.stop());
            const user = await User.signUp(stack, freshEmail());
            const body = { password: PASSWORD };
            assertFailure(await user.bearer('POST', '/api/passkeys/options', { body }), 404, 'not_found');
            assertFailure(await request(stack, 'POST', '/api/login/passkey/options', { body: '' }), 404,
                'not_found');
            assert.deepEqual((await user.ok('GET', '/api/passkeys')).data, []);
        }
    });
});
