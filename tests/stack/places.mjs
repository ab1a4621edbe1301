// Where a host puts Cubby: below a path of its own, and behind TLS; through each web server with the
// files of apache-conf.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { User, assertFailure, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { SERVERS, Stack } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const BASE = '/cubby';
const mails = new MailFolder();
const PAGES = ['index.html', '', 'app.js', 'cubby.js', 'style.css', 'organizations', 'organizations.js'];

for (const server of SERVERS) {
    describe(`below ${BASE}, through ${server}`, () => {
        let stack;
        before(async () => {
            stack = await new Stack({ server, env: { CUBBY_BASE_PATH: BASE, ...mails.env } }).start();
        });
        after(() => stack?.stop());

        // A user whose calls go below the base path.
        async function signUp() {
            const user = new User(stack);
            const body = { email: `u${process.pid}.${server}.${Math.random()}@example.org`, password: 'correct horse' };
            const answer = await user.request('POST', `${BASE}/api/signup`, { body });
            assert.equal(answer.status, 200, answer.text);
            Object.assign(user, { token: answer.json.token, cookies: answer.cookies, email: body.email });
            return user;
        }

        it('the pages are there, and nothing of them elsewhere', async () => {
            for (const page of PAGES) {
                const answer = await request(stack, 'GET', `${BASE}/${page}`);
                assert.equal(answer.status, 200, page);
                assert.match(answer.headers['content-security-policy'], /default-src 'none'/);
                assert.doesNotMatch(answer.text, /(src|href)="\//, 'no link to the root');
            }
            const bare = await request(stack, 'GET', BASE);
            assert.equal(bare.status, 301);
            assert.match(bare.headers.location, /\/cubby\/$/);
            for (const path of ['/', '/index.html', '/app.js', '/api/me', '/healthz', '/cubbyx', `${BASE}x/healthz`]) {
                const { status } = await request(stack, 'GET', path);
                assert.ok([403, 404].includes(status), `${path}: ${status}`);
            }
        });

        it('cookies are for this path alone, and sign in', async () => {
            const user = await signUp();
            for (const { attributes } of Object.values(user.cookies)) assert.equal(attributes.path, BASE);
            assert.equal((await user.request('GET', `${BASE}/api/me`)).json.user.email, user.email);
            await user.bearer('POST', `${BASE}/data`, { body: { key: 'a/b', value: 1 } });
            assert.equal((await user.bearer('GET', `${BASE}/data?key=a%2Fb`)).json.data, 1);
            assertFailure(await user.bearer('GET', `${BASE}/api/none`), 404);
        });

        it('forms lead back here', async () => {
            const form = { 'content-type': 'application/x-www-form-urlencoded' };
            const answer = await request(stack, 'POST', `${BASE}/login`, { headers: form, body: 'email=a&password=b' });
            assert.ok(answer.status === 401 || answer.headers.location.startsWith(`${BASE}/`), answer.headers.location);
            assert.match((await request(stack, 'GET', `${BASE}/counter`)).text, /\/cubby\//);
        });

        it('links in mails lead here', async () => {
            const user = await signUp();
            await request(stack, 'POST', `${BASE}/api/password-reset/request`, { body: { email: user.email } });
            const { text } = await mails.find(user.email, /reset-password/);
            assert.match(text, /http:\/\/cubby\.test\/cubby\/reset-password/);
        });

        it('streams of every kind', async (t) => {
            const user = await signUp();
            const headers = { authorization: `Bearer ${user.token}` };
            const sse = await EventReader.open(stack, { path: `${BASE}/api/events`, headers });
            const sockets = await Promise.all([`${BASE}/api/ws`, `${BASE}/connect`, `${BASE}/`].map((path) =>
                SocketReader.open(stack, path, { headers: { ...headers, cookie: user.cookie } })));
            t.after(() => [sse, ...sockets].forEach((reader) => reader.close()));
            assert.deepEqual([sse.status, ...sockets.map((s) => s.status)], [200, 101, 101, 101]);
            await user.bearer('POST', `${BASE}/data`, { body: { key: 'k', value: 7 } });
            assert.equal((await sse.next((event) => event.name === 'kv:set')).data.data.value, 7);
            assert.equal((await sockets[0].next((event) => event.event === 'kv:k')).data, 7);
        });
    });

    describe(`TLS, through ${server}`, () => {
        let stack, via, folder;
        before(async () => {
            folder = fs.mkdtempSync('/tmp/cubby-tls-');
            const made = makeCertificate(folder, 'cubby.test');
            via = { ca: made.ca };
            stack = await new Stack({ server, env: { TLS_CERT: made.cert, TLS_KEY: made.key } }).start();
        });
        after(async () => {
            await stack?.stop();
            fs.rmSync(folder, { recursive: true });
        });

        const call = (method, path, options = {}) => request(stack, method, path, { via, ...options });
        const signUp = () => call('POST', '/api/signup', {
            body: { email: `t${server}${Math.random()}@example.org`, password: 'correct horse' },
            headers: { origin: stack.origin, 'sec-fetch-site': 'same-origin' },
        });

        it('cookies are Secure, and the page is there', async () => {
            const answer = await signUp();
            assert.equal(answer.status, 200, answer.text);
            for (const { attributes } of Object.values(answer.cookies)) assert.equal(attributes.secure, true);
            assert.match((await call('GET', '/')).text, /<title>Cubby/);
        });

        it('another origin is another, http one included', async () => {
            const headers = { origin: stack.origin.replace('https', 'http') };
            const body = { email: 'a@example.org', password: 'x' };
            const answer = await call('POST', '/api/login', { headers, body });
            assertFailure(answer, 403, 'cross_site');
        });

        it('events by https and wss', async (t) => {
            const { json: { token } } = await signUp();
            const headers = { authorization: `Bearer ${token}` };
            const sse = await EventReader.open(stack, { headers, via });
            const cookie = { cookie: `token=${token}`, origin: stack.origin };
            const ws = await SocketReader.open(stack, '/api/ws', { headers: cookie, via });
            t.after(() => [sse, ws].forEach((reader) => reader.close()));
            assert.deepEqual([sse.status, ws.status], [200, 101], ws.text);
            await call('POST', '/data', { headers, body: { key: 'k', value: 7 } });
            assert.equal((await sse.next((event) => event.name === 'kv:set')).data.data.value, 7);
            assert.equal((await ws.next((event) => event.event === 'kv:k')).data, 7);
        });
    });
}
