// Codes by mail through the web servers: asked for, read from the mail, used; what answers and their
// time give away.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { User, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const mails = new MailFolder();

throughEachServer('codes by mail', mails.env, (at) => {
    const post = (path, body) => request(at.stack, 'POST', path, { body });
    const ask = (email) => post('/api/login/code/request', { email });
    const use = (email, code) => post('/api/login/code', { email, code });

    async function verified() {
        const user = await User.signUp(at.stack);
        const token = await mails.token(user.email, /confirm/i);
        assert.equal((await post('/api/email/verify', { token })).status, 200);
        return user;
    }

    it('sign in once', async () => {
        const user = await verified();
        assert.equal((await ask(user.email)).status, 200);
        const { headers, text } = await mails.find(user.email, /code to sign in/);
        const [code] = /\b\d{6}\b/.exec(text);
        assert.equal(headers.subject, `${code} is your code to sign in`);
        const answers = await Promise.all([1, 2, 3].map(() => use(user.email, code)));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401]);
        const { cookies, json } = answers.find(({ status }) => status === 200);
        assert.deepEqual(Object.keys(cookies), ['token', 'refreshToken']);
        assert.equal(json.user.id, user.id);
        const { data } = await user.ok('GET', '/api/account/activity');
        assert.ok(data.some((line) => line.kind === 'login' && line.detail === 'code'));
    });

    it('neither answers nor their time tell whether an address has an account', async (test) => {
        const user = await verified();
        const unverified = await User.signUp(at.stack);
        const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
        const who = {
            known: () => user.email, unverified: () => unverified.email, unknown: () => freshEmail('nobody'),
        };
        const times = {};
        const texts = { ask: new Set(), use: new Set() };
        const timed = async (what, kind, call) => {
            const start = performance.now();
            const answer = await call();
            (times[`${what} ${kind}`] ??= []).push(performance.now() - start);
            texts[what].add(answer.text);
        };
        const askAll = async () => {
            for (let i = 0; i < 60; i++) {
                for (const [kind, email] of Object.entries(who)) await timed('ask', kind, () => ask(email()));
            }
        };
        const agree = () => {
            const [known, unverifiedTime, unknown] = Object.keys(who).map((kind) => median(times[`ask ${kind}`]));
            test.diagnostic(`ask: ${[known, unverifiedTime, unknown].map((ms) => ms.toFixed(2)).join(', ')} ms`);
            return [known, unverifiedTime].every((ms) => Math.abs(ms - unknown) < Math.max(2, 0.25 * unknown));
        };
        // What tells would do so each time; what else the machine does, does not.
        let rounds = 0;
        do {
            for (const name of Object.keys(times)) delete times[name];
            await askAll();
        } while (!agree() && ++rounds < 6);
        assert.ok(rounds < 6, 'the time of an answer tells who has an account');
        // Of one address five guesses a minute are taken: too few to compare.
        for (let i = 0; i < 4; i++)
            for (const [kind, email] of Object.entries(who)) await timed('use', kind, () => use(email(), 'none'));
        assert.deepEqual([texts.ask.size, texts.use.size], [1, 1]);
        assertFailure(await use(user.email, 'none'), 401, 'invalid_credentials');
    });
});
