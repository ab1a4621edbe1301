// The second factor through the web server: an app of our own computes the codes, and only both
// proofs together open a session.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PASSWORD, User, assertFailure, claimsOf, mint, request } from '../lib/http.mjs';
import { Stack } from '../lib/stack.mjs';
import { codeOf } from '../lib/totp.mjs';

describe('the second factor', () => {
    let stack;
    before(async () => { stack = await new Stack({}).start(); });
    after(() => stack.stop());

    const post = (path, body) => request(stack, 'POST', path, { body });
    const logIn = (user) => post('/api/login', { email: user.email, password: PASSWORD });
    const loginToken = async (user) => {
        const answer = await logIn(user);
        assert.equal(answer.status, 401, answer.text);
        const { error, loginToken: token, ...rest } = answer.json;
        assert.equal(error, 'A second factor is needed');
        assert.deepEqual(rest, { code: 'second_factor_required', methods: ['totp', 'recovery'] });
        assert.deepEqual(answer.cookies, {});
        return token;
    };
    async function turnOn(user) {
        const { secret, uri } = await user.ok('POST', '/api/totp', { password: PASSWORD });
        assert.match(uri, new RegExp(`^otpauth://totp/.*secret=${secret}&`));
        // Of the step before, so that this one's is left for the sign-in.
        const { recoveryCodes } = await user.ok('POST', '/api/totp/confirm', {
            code: codeOf(secret, Date.now() - 30000),
        });
        return { secret, recoveryCodes };
    }

    it('asks for a code, and takes it once', async () => {
        const user = await User.signUp(stack);
        const { secret } = await turnOn(user);
        const token = await loginToken(user);
        const { body } = claimsOf(token);
        assert.deepEqual([body.type, body.sub, body.exp - body.iat], ['login', user.id, 300]);
        assertFailure(await post('/api/login/totp', { loginToken: token, code: 'no' }), 401, 'invalid_credentials');
        const code = codeOf(secret);
        const answer = await post('/api/login/totp', { loginToken: token, code });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(Object.keys(answer.json), ['ok', 'user', 'token', 'refreshToken']);
        assert.deepEqual(Object.keys(answer.cookies), ['token', 'refreshToken']);
        const again = { loginToken: await loginToken(user), code };
        assertFailure(await post('/api/login/totp', again), 401, 'invalid_credentials');
    });

    it('two uses of one recovery code at once: one of them works', async () => {
        const user = await User.signUp(stack);
        const { recoveryCodes: [code] } = await turnOn(user);
        const tokens = [await loginToken(user), await loginToken(user), await loginToken(user)];
        const answers = await Promise.all(tokens.map((token) =>
            post('/api/login/recovery', { loginToken: token, code })));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401]);
        const state = await user.ok('GET', '/api/totp');
        assert.deepEqual([state.enabled, state.recoveryCodesLeft], [true, 9]);
    });

    it('foreign, forged and truncated tokens are 400', async () => {
        const [user, other] = [await User.signUp(stack), await User.signUp(stack)];
        const { recoveryCodes: [code] } = await turnOn(user);
        const good = await loginToken(user);
        const claims = claimsOf(good).body;
        const bad = {
            empty: '', truncated: good.slice(0, -1), oversize: `${good}${'A'.repeat(9000)}`,
            'another account': mint({ ...claims, sub: other.id }),
            'another type': mint({ ...claims, type: 'password_reset' }),
            expired: mint({ ...claims, exp: claims.iat - 1 }), 'an access token': user.token,
        };
        for (const [what, token] of Object.entries(bad))
            assertFailure(await post('/api/login/recovery', { loginToken: token, code }), 400, 'invalid_token', what);
        assert.equal((await post('/api/login/recovery', { loginToken: good, code })).status, 200);
    });
});
