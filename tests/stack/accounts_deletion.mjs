// The end of accounts: sessions, streams, files; and apps that are killed in the middle of it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { Application } from '../lib/fastcgi.mjs';
import { PASSWORD, User, assertFailure, request } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const fileOf = (data, id) => `${data}/users/${id.slice(0, 2)}/${id}.db`;

throughEachServer('sessions and deletion', {}, (at) => {
    const logIn = (user) =>
        request(at.stack, 'POST', '/api/login', { body: { email: user.email, password: PASSWORD } });

    it('the list of sessions, and the end of one with its streams', async () => {
        const user = await User.signUp(at.stack);
        const other = (await logIn(user)).json.token;
        const stream = await EventReader.open(at.stack, { headers: { authorization: `Bearer ${other}` } });
        await stream.next();
        const { sessions } = await user.ok('GET', '/api/sessions');
        assert.equal(sessions.length, 2);
        assert.deepEqual(Object.keys(sessions[0]).sort(),
            ['createdAt', 'current', 'id', 'ip', 'lastSeenAt', 'userAgent']);
        const { id } = sessions.find((session) => !session.current);
        const stranger = await User.signUp(at.stack);
        assertFailure(await stranger.bearer('DELETE', `/api/sessions/${id}`), 404, 'not_found');
        await user.ok('DELETE', `/api/sessions/${id}`);
        await stream.end(1000);
        assertFailure(await user.bearer('DELETE', `/api/sessions/${id}`), 404, 'not_found');
        await user.ok('GET', '/api/me');
    });

    it('a deleted account is gone with its file, its streams within a second', async () => {
        const user = await User.signUp(at.stack);
        const headers = { authorization: `Bearer ${user.token}` };
        const events = await EventReader.open(at.stack, { headers });
        const socket = await SocketReader.open(at.stack, '/api/ws', { headers });
        await events.next();
        const wrong = await user.bearer('DELETE', '/api/account', { body: { password: 'wrong one' } });
        assertFailure(wrong, 401, 'invalid_credentials');
        const answer = await user.bearer('DELETE', '/api/account', { body: { password: PASSWORD } });
        assert.equal(answer.status, 200, answer.text);
        await Promise.all([events.end(1000), socket.end(1000)]);
        assert.equal(fs.existsSync(fileOf(at.stack.data, user.id)), false);
        assertFailure(await user.bearer('GET', '/api/me'), 401, 'unauthorized');
        assertFailure(await user.bearer('POST', '/data', { body: { key: 'k', value: 1 } }), 401);
        assertFailure(await logIn(user), 401, 'invalid_credentials');
        assert.equal(fs.existsSync(fileOf(at.stack.data, user.id)), false, 'nothing made it anew');
        await User.signUp(at.stack, user.email);
    });

    it('not by a page of another site', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.request('DELETE', '/api/account', {
            body: { password: PASSWORD }, headers: { origin: 'https://elsewhere.example' },
        });
        assertFailure(answer, 403, 'cross_site');
        await user.ok('GET', '/api/me');
    });
});

describe('deletion and kill -9', () => {
    it('whenever the app dies, an account is whole or, after the next start, gone', async (test) => {
        const data = fs.mkdtempSync('/tmp/cubby-deletion-');
        const env = { CUBBY_LIMIT_AUTH_PER_IP: '0', CUBBY_LIMIT_AUTH_PER_ADDRESS: '0' };
        let app = await Application.start({ data, env });
        test.after(async () => {
            await app.stop();
            fs.rmSync(data, { recursive: true, force: true });
        });
        const outcomes = { whole: 0, gone: 0 };
        for (let round = 0; round < 12; round++) {
            const email = `user${round}@example.org`;
            const body = { email, password: PASSWORD };
            const signedUp = await app.request('POST', '/api/signup', { body });
            const { user: { id }, token } = signedUp.json;
            app.request('DELETE', '/api/account', { body: { password: PASSWORD }, token }).catch(() => {});
            await sleep(30 + 4 * round); // the hash takes most of it
            await app.kill();
            app = await Application.start({ data, env });
            const { status } = await app.request('POST', '/api/login', { body });
            const gone = status === 401;
            if (!gone) assert.equal(status, 200);
            if (gone) await until(() => !fs.existsSync(fileOf(data, id)), 'the file to go', 4000);
            outcomes[gone ? 'gone' : 'whole']++;
        }
        test.diagnostic(`whole ${outcomes.whole}, gone ${outcomes.gone}`);
    });
});
