// Accounts by mail: passwords reset, addresses verified and changed; hostile tokens; what answers
// and their time give away.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, claimsOf, freshEmail, mint, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { throughEachServer } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const mails = new MailFolder();
const NEW = 'quite another phrase';
const now = () => Math.floor(Date.now() / 1000);

throughEachServer('accounts by mail', { ...mails.env, CUBBY_DEV_SHOW_RESET_TOKEN: 'off' }, (at) => {
    const post = (path, body, headers) => request(at.stack, 'POST', path, { body, headers });
    const logIn = (email, password) => post('/api/login', { email, password });
    const ask = (email) => post('/api/password-reset/request', { email });
    const confirm = (resetToken, newPassword = NEW) =>
        post('/api/password-reset/confirm', { resetToken, newPassword });
    const resetToken = async (email) => {
        assert.equal((await ask(email)).status, 200);
        return mails.token(email, /set a new password/);
    };

    it('a reset sets the password, ends every session, and closes their streams within a second', async () => {
        const user = await User.signUp(at.stack);
        const headers = { authorization: `Bearer ${user.token}` };
        const events = await EventReader.open(at.stack, { headers });
        const socket = await SocketReader.open(at.stack, '/api/ws', { headers });
        await events.next();
        const token = await resetToken(user.email);
        const { body } = claimsOf(token);
        assert.deepEqual([body.type, body.sub, body.exp - body.iat], ['password_reset', user.id, 3600]);
        const answer = await confirm(token);
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(Object.keys(answer.json), ['ok', 'message']);
        await Promise.all([events.end(1000), socket.end(1000)]);
        assertFailure(await user.bearer('GET', '/api/me'), 401, 'unauthorized');
        assertFailure(await post('/api/refresh', { refreshToken: user.refreshToken }), 401);
        assertFailure(await logIn(user.email, PASSWORD), 401, 'invalid_credentials');
        assert.equal((await logIn(user.email, NEW)).status, 200);
    });

    it('replayed, truncated, foreign and forged tokens are 400, and each leaves one line', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const used = await resetToken(user.email);
        const good = await resetToken(other.email);
        assert.equal((await confirm(used)).status, 200);
        const claims = claimsOf(good).body;
        const wrong = { key: 'another secret of at least 32 bytes, you see' };
        const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
        const bad = {
            replayed: used, truncated: good.slice(0, -1), empty: '', oversize: `${good}${'A'.repeat(9000)}`,
            'alg none': none, 'another key': mint(claims, wrong), 'an access token': other.token,
            'a refresh token': other.refreshToken, expired: mint({ ...claims, exp: now() - 1 }),
            'another type': mint({ ...claims, type: 'email_verify' }),
            'another account': mint({ ...claims, sub: user.id }),
            'no account': mint({ ...claims, sub: '0'.repeat(32) }), 'no jti': mint({ ...claims, jti: undefined }),
            path: mint({ ...claims, sub: '../../main' }),
        };
        for (const [what, token] of Object.entries(bad))
            assertFailure(await confirm(token), 400, 'invalid_token', what);
        assertFailure(await confirm(7), 400, 'invalid');
        assert.equal((await confirm(good)).status, 200);
        const again = await logIn(user.email, NEW);
        const lines = await request(at.stack, 'GET', '/api/account/activity', {
            headers: { authorization: `Bearer ${again.json.token}` },
        });
        // The replayed one, and the one that was made out to this account.
        assert.equal(lines.json.data.filter((line) => line.kind === 'token_refused').length, 2);
        assert.match(at.stack.log('cubby-fcgi'), /refused token=password_reset/);
    });

    it('two confirmations of one token at once: one of them works', async () => {
        const user = await User.signUp(at.stack);
        const token = await resetToken(user.email);
        const words = ['the first of them', 'the second of them', 'the third of them'];
        const answers = await Promise.all(words.map((word) => confirm(token, word)));
        const good = answers.map((answer) => answer.status === 200);
        assert.equal(good.filter(Boolean).length, 1, answers.map((answer) => answer.text).join());
        for (const [i, word] of words.entries())
            assert.equal((await logIn(user.email, word)).status, good[i] ? 200 : 401);
    });

    it('the address of a new account is verified by its mail', async () => {
        const user = await User.signUp(at.stack);
        assert.equal((await user.ok('GET', '/api/me')).user.emailVerified, false);
        const token = await mails.token(user.email, /confirm/i);
        assert.equal((await post('/api/email/verify', { token })).status, 200);
        assert.equal((await user.ok('GET', '/api/me')).user.emailVerified, true);
        assertFailure(await post('/api/email/verify', { token }), 400, 'invalid_token');
    });

    it('a new address is taken when it is verified, and the old one hears of it', async () => {
        const [user, email] = [await User.signUp(at.stack), freshEmail('new')];
        const own = await mails.token(user.email, /confirm/i);
        assert.equal((await post('/api/email/verify', { token: own })).status, 200);
        await user.ok('POST', '/api/email', { newEmail: email, password: PASSWORD });
        assert.equal((await logIn(email, PASSWORD)).status, 401);
        const token = await mails.token(email, /confirm/i);
        assertFailure(await confirm(token), 400, 'invalid_token', 'it resets no password');
        assert.equal((await post('/api/email/verify', { token })).status, 200);
        assert.equal((await logIn(email, PASSWORD)).status, 200);
        assert.equal((await logIn(user.email, PASSWORD)).status, 401);
        await mails.find(user.email, new RegExp(`changed from[^]*${email}`));
    });

    it('a new password is told by mail, in text and HTML', async () => {
        const user = await User.signUp(at.stack);
        const token = await mails.token(user.email, /confirm/i);
        assert.equal((await post('/api/email/verify', { token })).status, 200);
        await user.ok('POST', '/api/password', { oldPassword: PASSWORD, newPassword: NEW });
        const { headers, text, html } = await mails.find(user.email, /new password was set/);
        assert.equal(headers.subject, 'Your password was changed');
        for (const part of [text, html]) assert.match(part, /from\s+the\s+address\s+127\.0\.0\.1/);
    });

    it('who changes the password ends the other sessions and their streams only', async () => {
        const user = await User.signUp(at.stack);
        const other = (await logIn(user.email, PASSWORD)).json.token;
        const open = (token) => EventReader.open(at.stack, { headers: { authorization: `Bearer ${token}` } });
        const [own, foreign] = [await open(user.token), await open(other)];
        await Promise.all([own.next(), foreign.next()]);
        await user.ok('POST', '/api/password', { oldPassword: PASSWORD, newPassword: NEW });
        await foreign.end(1000);
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await own.next((event) => event.name === 'kv:set');
        own.close();
    });

    it('neither the answers nor their time tell whether an address has an account', async (test) => {
        const user = await User.signUp(at.stack);
        for (const [what, call, count] of [['reset', ask, 60], ['log-in', (email) => logIn(email, 'wrong one'), 20]]) {
            const times = { known: [], unknown: [] };
            const texts = new Set();
            for (let i = 0; i < count; i++) {
                for (const [kind, email] of [['known', user.email], ['unknown', freshEmail('nobody')]]) {
                    const start = performance.now();
                    texts.add((await call(email)).text);
                    times[kind].push(performance.now() - start);
                }
            }
            const [known, unknown] = [Math.min(...times.known), Math.min(...times.unknown)];
            test.diagnostic(`${what}: known ${known.toFixed(2)} ms, unknown ${unknown.toFixed(2)} ms`);
            assert.equal(texts.size, 1);
            // Twenty times as long, or as short, where one of them hashes no password or waits for a mail.
            assert.ok(known < 2 * unknown + 2 && unknown < 2 * known + 2, `${what}: ${known} and ${unknown} ms`);
        }
    });
});
