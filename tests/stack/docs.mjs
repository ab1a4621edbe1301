// GET /api/docs: a valid OpenAPI 3.1 document that has every row of both programs' tables and nothing
// else, and says of every call what it really answers.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Admin } from '../lib/admin.mjs';
import { Passkey } from '../lib/authenticator.mjs';
import { PASSWORD, User, freshEmail, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { Described } from '../lib/openapi.mjs';
import { Browser, OpenId } from '../lib/openid.mjs';
import { PATHS, head, readTable } from '../lib/pushpaths.mjs';
import { routesOfTable } from '../lib/routes.mjs';
import { Stack, freePort } from '../lib/stack.mjs';
import { codeOf } from '../lib/totp.mjs';

const COLLECTION = /^\/api\/(notes|notifications|posts|tasks|todos)(\/\{id\}|\/count)?$/;
const METRICS = 'metrics-token-of-the-tests';
const mails = new MailFolder();

// The rows of pushd/endpoints.c as the document has them: { row, name: `METHOD /path`, kind }.
const streamRows = () => readTable().map((row) => {
    const words = row.name.split(' ');
    const kind = words.at(-1);
    return { row, kind, name: `${kind === 'POST' ? 'POST' : 'GET'} ${words[0].replace('*', '{name}')}` };
});

// The answer to these bytes, as far as it comes with its head or a length.
function rawAnswer(port, bytes) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
        let text = '';
        socket.on('error', reject).on('data', (chunk) => {
            const [top, body = null] = (text += chunk).split(/\r\n\r\n/s, 2);
            const length = /^content-length: (\d+)/im.exec(top)?.[1];
            if (body === null || Buffer.byteLength(body) < Number(length ?? 0)) return;
            const type = /^content-type: (.*)$/im.exec(top)?.[1];
            socket.destroy();
            resolve({ status: Number(top.split(' ')[1]), text: length ? body : '', headers: { 'content-type': type },
                json: type === 'application/json' ? JSON.parse(body) : undefined });
        });
    });
}

describe('the description of the API', () => {
    let stack, provider, docs, alice;
    const answered = new Map(); // name of an operation → its statuses
    const wrong = new Set();

    const post = (path, body, headers) => request(stack, 'POST', path, { body, headers });
    const form = (path, fields) => post(path, new URLSearchParams(fields).toString(),
        { 'content-type': 'application/x-www-form-urlencoded' });

    before(async () => {
        const port = await freePort();
        provider = await OpenId.start();
        stack = await new Stack({ port, env: {
            CUBBY_DEMO: 'on', CUBBY_TEST_ENDPOINTS: 'on', CUBBY_COUNTERS_PUBLIC: 'on',
            CUBBY_COUNTERS_PUBLIC_WRITE: 'on', ...provider.env('test'),
            CUBBY_ADMIN: 'on', CUBBY_METRICS_TOKEN: METRICS, ...mails.env, CUBBY_PUBLIC_URL: `http://localhost:${port}`,
        } }).start();
        const answer = await request(stack, 'GET', '/api/docs');
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], 'application/json');
        docs = new Described(answer.text);
        stack.onAnswer = (method, address, reply) => {
            const path = docs.pathOf(address);
            const name = `${method} ${path}`;
            if (!docs.document.paths[path]?.[method.toLowerCase()]) return;
            if (!answered.has(name)) answered.set(name, new Set());
            answered.get(name).add(reply.status);
            const what = docs.wrong(path, method, reply);
            if (what) wrong.add(`${name}: ${what}`);
        };
        provider.register(`${stack.origin}/api/auth/oauth/test/callback`,
            `http://localhost:${port}/api/auth/oauth/test/callback`);
        alice = await User.signUp(stack);
    });
    after(async () => {
        await stack?.stop();
        await provider?.stop();
    });

    it('is a valid document, with an address of ours', async () => {
        const { valid, errors } = await new Validator().validate(structuredClone(docs.document));
        assert.ok(valid, JSON.stringify(errors));
        assert.equal(docs.document.openapi, '3.1.0');
        assert.deepEqual(docs.document.servers, [{ url: stack.env.CUBBY_PUBLIC_URL }]);
        const ids = docs.operations.map(({ operation }) => operation.operationId);
        assert.equal(new Set(ids).size, ids.length);
    });

    it('has every row of fcgi-app/routes.c and pushd/endpoints.c, the collections, and nothing else', () => {
        const rows = new Set(routesOfTable().map(({ name }) => name));
        const described = docs.operations.map(({ method, path }) => `${method} ${path}`);
        const ofAny = described.filter((name) => name.includes(' /api/{c}'));
        const ofCollections = ['notifications', 'posts', 'tasks', 'todos'].flatMap((c) =>
            ofAny.map((name) => name.replace('{c}', c)));
        const streams = new Set(streamRows().map(({ name }) => name));
        assert.deepEqual(described.sort(), [...rows, ...ofCollections, ...streams].sort());
        for (const { path, method, operation } of docs.operations) {
            const row = routesOfTable().find(({ name }) => name === `${method} ${path}`);
            if (!row) continue;
            const isOpen = operation.security?.length === 0;
            assert.equal(isOpen, !['NEED_USER', 'IN_COUNTERS', 'NEED_ADMIN'].some((need) => row.needs.has(need)),
                row.name);
            const body = operation.requestBody;
            assert.equal(Boolean(body), row.needs.has('NEED_JSON'), row.name);
            if (!body) continue;
            assert.equal(Boolean(body.required), !row.needs.has('BODY_OPTIONAL'), row.name);
            const hasForm = 'application/x-www-form-urlencoded' in body.content;
            assert.equal(hasForm, row.needs.has('ALLOW_FORM'), row.name);
        }
    });

    it('streams are described as such, and for whom their rows say', () => {
        for (const { row, kind, name } of streamRows()) {
            const { responses, security } = docs.operations.find(({ method, path }) =>
                `${method} ${path}` === name).operation;
            assert.equal('101' in responses || kind !== 'WS', true, `${name}: 101`);
            assert.equal(Boolean(responses[200]?.content?.['text/event-stream']) || kind !== 'SSE', true, name);
            const isForAdmins = name.startsWith('GET /api/admin/');
            assert.equal(security?.length === 0, row.need === 'NOTHING' && !isForAdmins, name);
            assert.equal(Boolean(security?.some(({ bearer }) => bearer)), row.need === 'TOKEN', name);
        }
    });

    it('cubby-pushd answers as described, whoever asks', async () => {
        for (const { row: { name }, name: operation } of streamRows()) {
            const row = PATHS[name];
            const [method, path] = operation.split(' ');
            const token = row.path === '/push/metrics' ? { authorization: `Bearer ${METRICS}` } : {};
            const whole = await rawAnswer(stack.pushPort, head(row, alice, token));
            const expected = { ws: 101, sse: 200, post: 200, get: row.refuses ?? 200 }[row.kind];
            assert.equal(whole.status, expected, `${operation}: ${whole.text}`);
            const nobody = await rawAnswer(stack.pushPort, head(row, alice, { authorization: null }));
            const plain = await rawAnswer(stack.pushPort, `${method} ${row.path} HTTP/1.1\r\nhost: a\r\n\r\n`);
            for (const answer of [whole, nobody, plain])
                assert.equal(docs.wrong(path, method, answer), null, operation);
        }
    });

    it('a collection is described by its declaration', () => {
        const { schemas } = docs.document.components;
        assert.deepEqual(schemas['posts.input'].required, ['title', 'content']);
        assert.equal(schemas['posts.input'].additionalProperties, false);
        assert.equal(schemas.posts.allOf[1].additionalProperties, undefined);
        const { post: make } = docs.document.paths['/api/posts'];
        assert.equal(make.operationId, 'posts.post');
        assert.deepEqual(make.requestBody.content['application/json'].schema,
            { $ref: '#/components/schemas/posts.input' });
        assert.deepEqual(docs.document.paths['/api/posts'].parameters, undefined);
    });

    it('accounts answer as described', async () => {
        const email = freshEmail();
        await form('/signup', { email, password: PASSWORD });
        await form('/login', { email, password: PASSWORD });
        const bob = new User(stack);
        await bob.request('POST', '/api/login', { body: { email, password: PASSWORD } });
        await bob.request('POST', '/api/logout', { body: '' });
        await request(stack, 'GET', '/logout');
        await post('/logout', '');
        await post('/api/login', { email, password: 'not this one' });
        await post('/api/signup', { email, password: 'short' });
        await post('/api/signup', { email, password: PASSWORD });
        await post('/api/refresh', { refreshToken: (await User.signUp(stack)).refreshToken });
        await alice.ok('GET', '/api/me');
        await alice.ok('GET', '/protected/profile');
        await alice.ok('POST', '/api/ticket', '');
        const other = (await post('/api/login', { email: alice.email, password: PASSWORD })).json;
        const { sessions } = await alice.ok('GET', '/api/sessions');
        assert.ok(other.token);
        await alice.ok('DELETE', `/api/sessions/${sessions.find(({ current }) => !current).id}`);
        await alice.bearer('DELETE', '/api/sessions/none');
        await alice.ok('GET', '/api/account/export');
        await alice.ok('GET', '/api/account/activity?limit=2');
        await alice.ok('GET', '/api/account/usage');
        const gone = await User.signUp(stack);
        await gone.ok('DELETE', '/api/account', { password: PASSWORD });
    });

    it('mails answer as described', async () => {
        const user = await User.signUp(stack);
        await post('/api/email/verify', { token: await mails.token(user.email, /confirm/i) });
        await post('/api/email/verify', { token: 'none' });
        await post('/api/login/code/request', { email: user.email });
        const { text } = await mails.find(user.email, /code to sign in/);
        const signedIn = await post('/api/login/code', { email: user.email, code: /\b\d{6}\b/.exec(text)[0] });
        assert.equal(signedIn.status, 200);
        await user.ok('POST', '/api/email', { newEmail: freshEmail(), password: PASSWORD });
        await user.ok('POST', '/api/password', { oldPassword: PASSWORD, newPassword: 'another phrase' });
        await post('/api/password-reset/request', { email: user.email });
        const resetToken = await mails.token(user.email, /set a new password/);
        assert.equal((await post('/api/password-reset/confirm', { resetToken, newPassword: PASSWORD })).status, 200);
    });

    it('second factors, passkeys and providers answer as described', async () => {
        const user = await User.signUp(stack);
        await user.ok('GET', '/api/totp');
        const { secret } = await user.ok('POST', '/api/totp', { password: PASSWORD });
        const codeIn = (steps) => codeOf(secret, Date.now() + 30000 * steps);
        const { recoveryCodes } = await user.ok('POST', '/api/totp/confirm', { code: codeIn(-1) });
        const begin = async () => (await post('/api/login', { email: user.email, password: PASSWORD })).json.loginToken;
        assert.equal((await post('/api/login/totp', { loginToken: await begin(), code: codeIn(0) })).status, 200);
        await post('/api/login/recovery', { loginToken: await begin(), code: recoveryCodes[0] });
        const { recoveryCodes: [code] } = await user.ok('POST', '/api/totp/recovery-codes',
            { password: PASSWORD, code: codeIn(1) });
        await user.ok('DELETE', '/api/totp', { password: PASSWORD, code });

        const { options } = await user.ok('POST', '/api/passkeys/options', { password: PASSWORD });
        const passkey = new Passkey({ origin: stack.env.CUBBY_PUBLIC_URL });
        await user.ok('POST', '/api/passkeys', { credential: passkey.create(options), name: 'Mine' });
        const asked = (await post('/api/login/passkey/options', '')).json.options;
        assert.equal((await post('/api/login/passkey', { credential: passkey.get(asked) })).status, 200);
        const { data: [{ id }] } = await user.ok('GET', '/api/passkeys');
        await user.ok('DELETE', `/api/passkeys/${id}`);

        provider.person('p1', { email: freshEmail(), email_verified: true });
        const { json: { url } } = await user.bearer('POST', '/api/auth/oauth/test', { body: { password: PASSWORD } });
        assert.ok(url);
        const browser = new Browser(stack, provider);
        await browser.signIn();
        await request(stack, 'GET', '/api/auth/oauth/none');
        const { json } = await request(stack, 'GET', '/api/auth/providers');
        assert.deepEqual(json.data, [{ name: 'test', label: 'The test' }]);
        await browser.request('GET', '/api/account/identities');
        await browser.request('DELETE', '/api/account/identities/test');
    });

    it('data and rows answer as described', async () => {
        for (const path of ['/data', '/api/data']) {
            await alice.ok('POST', path, { key: 'k', value: [1, { a: null }] });
            for (const query of ['?key=k', '', '?prefix=', '?prefix=&limit=1'])
                await alice.ok('GET', `${path}${query}`);
            await alice.bearer('GET', `${path}?limit=0&prefix=`);
            await alice.ok('DELETE', `${path}?key=k`);
        }
        await alice.ok('POST', '/posts', { title: 'a', content: 'b' });
        await alice.ok('GET', '/posts');
        const { data } = await alice.ok('POST', '/api/posts', { title: 'one', content: 'two' });
        const at = `/api/posts/${data.id}`;
        await alice.bearer('POST', '/api/posts', { body: { title: 1 } });
        await alice.ok('GET', '/api/posts?count=1&limit=1');
        await alice.ok('GET', at);
        await alice.ok('PUT', at, { title: 'three' });
        await alice.ok('PATCH', at, { title: 'four' });
        await alice.bearer('PUT', at, { body: { title: 'x' }, headers: { 'if-match': '"1"' } });
        await alice.ok('GET', '/api/posts/count');
        const operations = ['GET', 'DELETE'].map((method) => ({ method, path: at }));
        await alice.ok('POST', '/api/batch', { operations });
        await alice.bearer('POST', '/api/batch', { body: { operations: [{ method: 'GET', path: at }] } });
        await alice.ok('DELETE', `/posts/${(await alice.ok('GET', '/posts')).posts[0].id}`);
        const [{ id }] = (await alice.ok('GET', '/api/notifications')).data;
        await alice.ok('PUT', `/api/notifications/${id}/read`, '');
        await alice.ok('POST', '/api/demo/broadcast', { message: 'x' });
        const { data: todo } = await alice.ok('POST', '/api/todos', { title: 'x' });
        await alice.ok('DELETE', `/api/todos/${todo.id}`);
        await alice.ok('DELETE', '/api/todos');
        await alice.bearer('GET', '/api/nothing');
        const { next } = await alice.ok('GET', '/api/changes');
        await alice.ok('POST', '/api/todos', { title: 'y' });
        await alice.ok('GET', `/api/changes?since=${next}`);
        await alice.ok('GET', '/api/changes?since=00000000000000000000000000000000.1');
    });

    it('notes answer as described', async () => {
        const { note: { id } } = await alice.ok('POST', '/api/notes', { text: 'x' });
        await alice.ok('PUT', `/api/notes/${id}`, { text: 'y' });
        await alice.ok('PATCH', `/api/notes/${id}`, { text: 'z' });
        await alice.ok('GET', '/api/notes');
        await alice.ok('GET', '/api/notes/count');
        await alice.ok('DELETE', `/api/notes/${id}`);
        await alice.bearer('DELETE', `/api/notes/${id}`);
        await alice.bearer('POST', '/api/notes', { body: {} });
    });

    it('organizations answer as described', async () => {
        const bob = await User.signUp(stack);
        const { organization: { id } } = await alice.ok('POST', '/api/organizations', { name: 'x' });
        const at = `/api/organizations/${id}`;
        await form('/api/organizations', { name: 'nobody' });
        await alice.ok('POST', `${at}/members`, { email: bob.email, role: 'admin' });
        await alice.bearer('POST', `${at}/members`, { body: { email: bob.email } });
        await bob.bearer('POST', `${at}/accept`, { body: '' });
        for (const one of [alice, bob]) await one.ok('GET', '/api/organizations');
        await alice.ok('GET', at);
        await alice.ok('POST', `/api/tasks?org=${id}`, { title: 'x' });
        await alice.ok('GET', `/api/tasks?org=${id}`);
        await alice.ok('GET', `/api/account/usage?org=${id}`);
        await alice.ok('DELETE', `${at}/members/${bob.id}`);
        await alice.ok('DELETE', at);
    });

    it('counters answer as described', async () => {
        const inputs = { create: { name: 'c' }, increment: { name: 'c', amount: 2 }, decrement: { name: 'c' },
            setValue: { name: 'c', value: 7 }, reset: { name: 'c' }, getValue: { name: 'c' },
            getMetadata: { name: 'c' }, getHistory: { name: 'c' }, listAll: {}, delete: { name: 'c' } };
        for (const [op, input] of Object.entries(inputs)) await post(`/rpc/counter.${op}`, input);
        for (const [op, input] of Object.entries(inputs)) await post(`/rpc/counter/${op}`, { json: input });
        await post('/rpc/counter.getMetadata', { name: 'nothing' });
        await post('/rpc/counter.increment', { name: 'no name' });
        await request(stack, 'GET', '/counter');
        for (const op of ['increment', 'decrement']) await post(`/api/counter/${op}`, '');
    });

    it('administration answers as described', async () => {
        const admin = await Admin.make(stack);
        await request(stack, 'GET', '/admin');
        await admin.login({ password: 'not this one' });
        await admin.request('GET', 'overview');
        await admin.signIn();
        for (const path of ['overview', 'errors', 'users', 'users?limit=1', `users/${alice.id}`])
            await admin.ok('GET', path);
        for (const path of ['users?limit=0', 'users/none']) await admin.request('GET', path);
        const { id } = await User.signUp(stack);
        const at = `users/${id}`;
        for (const path of ['ticket', `${at}/sessions/revoke`, `${at}/disable`, `${at}/enable`, 'logout'])
            await admin.ok('POST', path);
    });

    it('operations answer as described', async () => {
        await request(stack, 'GET', '/healthz');
        await request(stack, 'GET', '/metrics', { headers: { authorization: `Bearer ${METRICS}` } });
        await request(stack, 'GET', '/metrics');
        await request(stack, 'GET', '/api/docs');
        for (const { path, method } of docs.operations)
            await request(stack, method, path.replace(/\{\w+\}/g, 'none'),
                { body: method === 'GET' ? undefined : '{' });
    });

    it('every call was answered with success, and none otherwise than described', (t) => {
        const ofAny = (name) => (COLLECTION.test(name.split(' ')[1]) ? name.replace(/\/api\/\w+/, '/api/{c}') : name);
        const succeeded = new Set([...answered].filter(([, statuses]) => [...statuses].some((status) => status < 400))
            .flatMap(([name]) => [name, ofAny(name)]));
        const silent = routesOfTable().map(({ name }) => name).filter((name) => !succeeded.has(name));
        assert.deepEqual([...wrong], []);
        assert.deepEqual(silent, []);
        const statuses = [...answered].reduce((n, [, seen]) => n + seen.size, 0);
        t.diagnostic(`${docs.operations.length} operations, ${statuses} statuses`);
    });
});
