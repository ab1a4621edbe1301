// Growing delays after failed sign-ins (docs/protocol.md, section 2), by the real clock.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { sleep, throughEachServer } from '../lib/stack.mjs';

const env = {
    CUBBY_LIMIT_AUTH_PER_ADDRESS: '100', CUBBY_LIMIT_AUTH_PER_IP: '1000',
    CUBBY_DELAY_AFTER_FAILURES: '3', CUBBY_DELAY_AFTER_FAILURES_PER_IP: '0', CUBBY_DELAY_MAX: '2',
};

throughEachServer('delays after three failures', env, (at) => {
    const logIn = (email, password) => request(at.stack, 'POST', '/api/login', { body: { email, password } });
    const waitOf = (answer) => {
        assertFailure(answer, 429, 'rate_limited');
        return Number(answer.headers['retry-after']);
    };

    it('grow to their bound, and end with a sign-in, for every address alike', async () => {
        const user = await User.signUp(at.stack);
        await Promise.all([user.email, freshEmail('nobody')].map(async (email) => {
            for (let i = 0; i < 3; i++) assertFailure(await logIn(email, 'wrong one'), 401, 'invalid_credentials');
            for (const seconds of [1, 2, 2]) {
                assert.equal(waitOf(await logIn(email, PASSWORD)), seconds);
                await sleep(seconds * 1000 + 50);
                assertFailure(await logIn(email, 'wrong one'), 401, 'invalid_credentials');
            }
        }));
        await sleep(2050);
        assert.equal((await logIn(user.email, PASSWORD)).status, 200);
        for (let i = 0; i < 3; i++) assertFailure(await logIn(user.email, 'wrong one'), 401, 'invalid_credentials');
        assert.equal(waitOf(await logIn(user.email, PASSWORD)), 1);
    });

    it('of many guesses at once no more pass than one after the other', async () => {
        const email = freshEmail('many');
        const answers = await Promise.all(Array.from({ length: 12 }, () => logIn(email, 'wrong one')));
        assert.equal(answers.filter(({ status }) => status === 401).length, 3);
        assert.equal(answers.filter(({ status }) => status === 429).length, 9);
    });
});
