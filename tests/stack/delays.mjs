// Growing delays after failed sign-ins (docs/protocol.md, section 2), by the real clock.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';

const env = {
    CUBBY_LIMIT_AUTH_PER_ADDRESS: '100', CUBBY_LIMIT_AUTH_PER_IP: '1000',
    CUBBY_DELAY_AFTER_FAILURES: '3', CUBBY_DELAY_AFTER_FAILURES_PER_IP: '0', CUBBY_DELAY_MAX: '2',
};

throughEachServer('delays after three failures', env, (at) => {
    const logIn = (email, password) => request(at.stack, 'POST', '/api/login', { body: { email, password } });
    const fail = async (email) => assertFailure(await logIn(email, 'wrong one'), 401, 'invalid_credentials');

    // A wait of so many seconds began after `since`: what is left of it is told. On a busy machine it may
    // be over, and the guess is one more, with a wait of its own.
    const assertWaits = async (email, seconds, since) => {
        const answer = await logIn(email, 'wrong one');
        const passed = (performance.now() - since) / 1000;
        if (answer.status !== 429) {
            assertFailure(answer, 401, 'invalid_credentials');
            assert.ok(passed >= seconds, `${seconds} s were over after ${passed} s`);
            await sleep(2050);
            return;
        }
        assertFailure(answer, 429, 'rate_limited');
        const wait = Number(answer.headers['retry-after']);
        assert.ok(wait <= seconds && wait >= seconds - passed, `${wait} s of ${seconds} after ${passed} s`);
        await sleep(wait * 1000 + 50);
    };

    it('grow to their bound, and end with a sign-in, for every address alike', async () => {
        const user = await User.signUp(at.stack);
        await Promise.all([user.email, freshEmail('nobody')].map(async (email) => {
            for (let i = 0; i < 2; i++) await fail(email);
            for (const seconds of [1, 2, 2]) {
                const since = performance.now();
                await fail(email);
                await assertWaits(email, seconds, since);
            }
        }));
        await until(async () => (await logIn(user.email, PASSWORD)).status === 200, 'the last wait to be over');
        for (let i = 0; i < 2; i++) await fail(user.email);
        const since = performance.now();
        await fail(user.email);
        await assertWaits(user.email, 1, since);
    });

    it('of many guesses at once no more pass than one after the other', async () => {
        const email = freshEmail('many');
        const since = performance.now();
        const answers = await Promise.all(Array.from({ length: 12 }, () => logIn(email, 'wrong one')));
        const seconds = (performance.now() - since) / 1000;
        const waited = (seconds >= 1) + Math.max(0, Math.floor((seconds - 1) / 2));
        const passed = answers.filter(({ status }) => status === 401).length;
        assert.ok(passed >= 3 && passed <= 3 + waited, `${passed} in ${seconds} s`);
        assert.equal(answers.filter(({ status }) => status === 429).length, 12 - passed);
    });
});
