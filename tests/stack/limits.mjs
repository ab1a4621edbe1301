// Limits of attempts (docs/protocol.md, section 2): per address, per client, and the shape of a 429.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

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
