// Other sites (docs/protocol.md, section 1): the cross-site rule and CORS.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, freshEmail, raw, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const LISTED = 'https://app.example.org';
const ALLOW = { methods: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    headers: 'authorization, content-type, if-match, idempotency-key, last-event-id, x-cookie-domain',
    expose: 'etag, x-event-id, x-as-of, retry-after, idempotent-replayed' };
const names = (list) => (list ?? '').toLowerCase().split(/\s*,\s*/).sort();

throughEachServer('other sites', { CUBBY_CORS_ORIGINS: LISTED }, (at) => {
    const body = { title: 't', content: 'c' };
    const write = (user, headers) => user.request('POST', '/api/posts', { body, headers });

    it('a write by cookie is accepted from our own origin, from a listed one, and from no browser', async () => {
        const user = await User.signUp(at.stack);
        for (const headers of [{}, { origin: at.stack.origin }, { origin: LISTED },
            { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' },
            { origin: at.stack.origin, 'sec-fetch-site': 'cross-site' }]) {
            const answer = await write(user, headers);
            assert.equal(answer.status, 200, JSON.stringify(headers));
        }
    });

    it('a write by cookie is refused from anywhere else, and nothing is written', async () => {
        const user = await User.signUp(at.stack);
        const foreign = ['https://evil.example', 'null', `${at.stack.origin}.evil.example`, `${LISTED}.evil`,
            at.stack.origin.replace('http:', 'https:'), 'http://127.0.0.1', 'file://'];
        for (const origin of foreign) {
            assertFailure(await write(user, { origin }), 403, 'cross_site', origin);
        }
        for (const site of ['cross-site', 'same-site', 'x']) {
            assertFailure(await write(user, { 'sec-fetch-site': site }), 403, 'cross_site');
        }
        for (const [method, path] of [['POST', '/data'], ['DELETE', '/data?key=a'], ['POST', '/api/logout'],
            ['DELETE', '/api/posts'], ['GET', '/logout']]) {
            const options = { headers: { origin: 'https://evil.example' } };
            if (method === 'POST') options.body = { key: 'a', value: 1 };
            assertFailure(await user.request(method, path, options), 403, 'cross_site');
        }
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 0);
    });

    it('calls that set cookies are under the rule without a cookie too', async () => {
        for (const path of ['/api/signup', '/api/login', '/api/refresh', '/api/logout', '/login', '/signup']) {
            const answer = await request(at.stack, 'POST', path, {
                body: { email: freshEmail(), password: PASSWORD }, headers: { origin: 'https://evil.example' },
            });
            assertFailure(answer, 403, 'cross_site');
            assert.deepEqual(answer.cookies, {});
        }
    });

    it('Bearer is not under the rule, nor is reading', async () => {
        const user = await User.signUp(at.stack);
        const headers = { origin: 'https://evil.example' };
        assert.equal((await user.bearer('POST', '/api/posts', { body, headers })).status, 200);
        assert.equal((await user.request('GET', '/api/posts', { headers })).status, 200);
    });

    it('a Host of the attacker does not make its origin ours', async () => {
        const user = await User.signUp(at.stack);
        const headers = { 'x-forwarded-host': 'evil.example', origin: 'http://evil.example' };
        assertFailure(await write(user, headers), 403, 'cross_site');
    });

    it('listed origins get CORS headers with credentials, on failures too; others get none', async () => {
        const user = await User.signUp(at.stack);
        for (const [path, status] of [['/api/me', 200], ['/api/posts/none', 404]]) {
            const answer = await user.bearer('GET', path, { headers: { origin: LISTED } });
            assert.equal(answer.status, status);
            assert.equal(answer.headers['access-control-allow-origin'], LISTED);
            assert.equal(answer.headers['access-control-allow-credentials'], 'true');
            assert.deepEqual(names(answer.headers['access-control-expose-headers']), names(ALLOW.expose));
            assert.ok(names(answer.headers.vary).includes('origin'));
        }
        const anonymous = await request(at.stack, 'GET', '/api/me', { headers: { origin: LISTED } });
        assert.equal(anonymous.status, 401);
        assert.equal(anonymous.headers['access-control-allow-origin'], LISTED);
        for (const origin of ['https://evil.example', 'null']) {
            const answer = await user.bearer('GET', '/api/me', { headers: { origin } });
            assert.equal(answer.headers['access-control-allow-origin'], undefined);
            assert.equal(answer.headers['access-control-allow-credentials'], undefined);
        }
    });

    it('what only begins with our origin is another, whatever bytes follow', async () => {
        for (const end of ['/', '/x', '/\tx', '/\x80\xff', '\t', ' x', '?', '#', '@evil.example', '.evil.example']) {
            const head = ['GET /api/me HTTP/1.1', `Host: 127.0.0.1:${at.stack.port}`,
                `Origin: ${at.stack.origin}${end}x`, 'Connection: close'];
            const answer = await raw(at.stack, Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'));
            assert.match(answer, /^HTTP\/1\.1 40[01] /, end);
            assert.doesNotMatch(answer, /access-control-allow-origin/i, end);
        }
    });

    it('a preflight is answered for every path, without a body', async () => {
        for (const path of ['/api/posts', '/api/posts/x', '/data', '/api/me', '/api/login']) {
            const answer = await request(at.stack, 'OPTIONS', path, {
                headers: { origin: LISTED, 'access-control-request-method': 'PUT' },
            });
            assert.equal(answer.status, 204, path);
            assert.equal(answer.text, '');
            assert.equal(answer.headers['access-control-allow-origin'], LISTED);
            assert.deepEqual(names(answer.headers['access-control-allow-methods']), names(ALLOW.methods));
            assert.deepEqual(names(answer.headers['access-control-allow-headers']), names(ALLOW.headers));
        }
        const foreign = await request(at.stack, 'OPTIONS', '/api/posts', {
            headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
        });
        assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    });

    it('a WebSocket by cookie opens for our own pages and listed ones only', async () => {
        const user = await User.signUp(at.stack);
        const open = (headers) => SocketReader.open(at.stack, '/api/ws', { headers });
        for (const origin of [at.stack.origin, LISTED]) {
            const socket = await open({ cookie: user.cookie, origin });
            assert.equal(socket.status, 101, origin);
            socket.close();
        }
        for (const origin of ['https://evil.example', 'null']) {
            assert.equal((await open({ cookie: user.cookie, origin })).status, 403, origin);
        }
        const bearer = await open({ authorization: `Bearer ${user.token}`, origin: 'https://evil.example' });
        assert.equal(bearer.status, 101);
        bearer.close();
    });
});

throughEachServer('a public address', { CUBBY_PUBLIC_URL: 'https://cubby.example.org' }, (at) => {
    it('is the only own origin, and makes cookies Secure', async () => {
        const send = (origin) => request(at.stack, 'POST', '/api/signup', {
            body: { email: freshEmail(), password: PASSWORD }, headers: { origin },
        });
        const answer = await send('https://cubby.example.org');
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.cookies.token.attributes.secure, true);
        assert.equal(answer.cookies.refreshToken.attributes.secure, true);
        assertFailure(await send(at.stack.origin), 403, 'cross_site');
    });
});
