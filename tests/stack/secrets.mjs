// The secret that signs tokens: changed under people who are signed in, and used by hand.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { it } from 'node:test';
import { User, assertFailure, claimsOf, request } from '../lib/http.mjs';
import { APP, ROOT, SECRET, Stack, throughEachServer } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const NEXT = 'the secret that follows, also of 32 bytes';

function mintByHand(secret, ...words) {
    const env = { ...process.env, CUBBY_JWT_SECRET: secret };
    return execFileSync(APP, ['--mint-token', ...words], { cwd: ROOT, env, encoding: 'utf8' }).trim();
}

throughEachServer('tokens by hand', {}, (at) => {
    const bearer = (token) => ({ authorization: `Bearer ${token}` });

    it('a token of --mint-token is a backend token', async () => {
        const user = await User.signUp(at.stack);
        const token = mintByHand(SECRET, JSON.stringify({ userId: user.id }), '--expires', '60');
        const { body } = claimsOf(token);
        assert.deepEqual([body.userId, body.exp - body.iat], [user.id, 60]);
        const me = await request(at.stack, 'GET', '/api/me', { headers: bearer(token) });
        assert.equal(me.json.user.email, user.email);
        const published = await request(at.stack, 'POST', '/publish', {
            headers: bearer(mintByHand(SECRET, '{"sub":"a backend"}')), body: { userId: user.id, type: 'x' },
        });
        assert.deepEqual(published.json, { clientCount: 0, results: [] });
        // The password of an account is nothing that a backend knows.
        const gone = await request(at.stack, 'DELETE', '/api/account', { headers: bearer(token), body: {} });
        assertFailure(gone, 400, 'invalid');
    });

    it('what is no backend token is not minted', () => {
        for (const words of [['{}'], ['{'], ['{"sub":"a","type":"refresh"}'], ['{"sub":"a"}', '--expires', '0'], []]) {
            const env = { ...process.env, CUBBY_JWT_SECRET: SECRET };
            const run = spawnSync(APP, ['--mint-token', ...words], { cwd: ROOT, env, encoding: 'utf8' });
            assert.notEqual(run.status, 0, words.join(' '));
            assert.equal(run.stdout, '');
        }
    });
});

it('a change of the secret signs nobody out, and the old one can be taken away', async (test) => {
    const data = fs.mkdtempSync('/tmp/cubby-secrets-');
    test.after(() => fs.rmSync(data, { recursive: true, force: true }));
    const during = async (env, work) => {
        const stack = await new Stack({ data, env }).start();
        try {
            return await work(stack);
        } finally {
            await stack.stop();
        }
    };
    const user = await during({ CUBBY_JWT_SECRET: SECRET }, (stack) => User.signUp(stack));
    await during({ CUBBY_JWT_SECRET: NEXT, CUBBY_JWT_SECRET_PREVIOUS: SECRET }, async (stack) => {
        user.stack = stack;
        assert.equal((await user.request('GET', '/api/me')).status, 200);
        const stream = await EventReader.open(stack, { headers: { cookie: user.cookie } });
        await stream.next();
        stream.close();
        delete user.jar.token;
        assert.equal((await user.request('GET', '/api/me')).status, 200, 'by the refresh cookie alone');
    });
    await during({ CUBBY_JWT_SECRET: NEXT }, async (stack) => {
        user.stack = stack;
        assert.equal((await user.request('GET', '/api/me')).status, 200, 'its tokens are new ones by now');
        assertFailure(await user.bearer('GET', '/api/me'), 401, 'unauthorized', 'one of the old secret');
    });
});
