// A shared host without root: Apache with .htaccess and mod_fcgid, or CGI alone; no proxy. Installed
// and set up as docs/install.md says.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { Hoster } from '../lib/hoster.mjs';

const BASE = '/my/cubby';

for (const [kind, ...has] of [['mod_fcgid', 'FCGID'], ['CGI'], ['CGI and prefork', 'PREFORK']]) {
    describe(`a shared host with ${kind}`, () => {
        const host = new Hoster(...has);
        let user;
        before(async () => {
            host.install(BASE.slice(1), BASE);
            await host.start();
        });
        after(() => host.stop());

        const call = (method, path, options) => user.bearer(method, `${BASE}${path}`, options);

        it('the pages are there, with their policy; settings and program text are not', async () => {
            for (const page of ['/', '/index.html', '/app.js', '/organizations']) {
                const answer = await request(host, 'GET', `${BASE}${page}`);
                assert.equal(answer.status, 200, page);
                assert.match(answer.headers['content-security-policy'], /default-src 'none'/);
            }
            assert.match((await request(host, 'GET', `${BASE}/app.js`)).headers['content-type'], /^text\/javascript/);
            for (const path of ['/.htaccess', '/cubby.ini', '/css/'])
                assert.ok([403, 404].includes((await request(host, 'GET', `${BASE}${path}`)).status), path);
            assert.doesNotMatch((await request(host, 'GET', `${BASE}/cubby.fcgi`)).text, /CUBBY_CONFIG/);
        });

        it('an account, by cookie and by token, and what it writes', async () => {
            user = new User(host);
            const body = { email: `r${kind.length}@example.org`, password: 'correct horse' };
            const answer = await user.request('POST', `${BASE}/api/signup`, { body });
            assert.equal(answer.status, 200, answer.text + host.log());
            user.token = answer.json.token;
            assert.equal(answer.cookies.token.attributes.path, BASE);
            assert.equal((await user.request('GET', `${BASE}/api/me`)).json.user.email, body.email);
            assert.equal((await call('GET', '/api/me')).json.user.email, body.email);
            const large = { key: 'a/b', value: 'x'.repeat(100000) };
            assert.equal((await call('POST', '/data', { body: large })).status, 200);
            assert.equal((await call('GET', '/data?key=a%2Fb')).json.data.length, 100000);
            const { data } = (await call('POST', '/api/posts', { body: { title: 'One', content: 'x' } })).json;
            const changed = await call('PATCH', `/api/posts/${data.id}`, { body: { title: 'Two' } });
            assert.equal(changed.json.data.title, 'Two');
            assert.equal((await call('DELETE', `/api/posts/${data.id}`)).status, 200);
            assertFailure(await call('GET', '/api/none'), 404);
        });

        it('changes by polling, which holds no process', async () => {
            const { next } = (await call('GET', '/api/changes?wait=0')).json;
            const empty = await call('GET', `/api/changes?since=${next}&wait=25`);
            assert.equal(empty.headers['retry-after'], '2');
            await call('POST', '/data', { body: { key: 'k', value: 1 } });
            const { events } = (await call('GET', `/api/changes?since=${next}&wait=25`)).json;
            assert.deepEqual(events.map((event) => event.event), ['kv:set']);
        });

        it('many at once', async () => {
            const answers = await Promise.all(Array.from({ length: 30 }, (_, i) =>
                call('POST', '/data', { body: { key: `k${i}`, value: i } })));
            assert.deepEqual(answers.map((answer) => answer.status), Array(30).fill(200));
            assert.equal((await call('GET', '/data?prefix=k&limit=100')).status, 200);
        });

        it('set up again: settings and data stay', async () => {
            const settings = fs.readFileSync(`${host.home}/cubby/cubby.ini`);
            assert.equal(fs.statSync(`${host.home}/cubby/cubby.ini`).mode & 0o777, 0o600);
            host.install(BASE.slice(1), BASE);
            assert.deepEqual(fs.readFileSync(`${host.home}/cubby/cubby.ini`), settings);
            assert.equal((await call('GET', '/data?key=k')).json.data, 1);
        });
    });
}
