// Plain CGI: cubby.fcgi is started for every request (INTERFACE=cgi), and answers as the one that
// stays does. What it commits reaches the streams of cubby-pushd before it ends.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { PASSWORD, User, assertFailure, freshEmail, raw, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { SERVERS, Stack, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const mails = new MailFolder();
fs.chmodSync(mails.folder, 0o777); // the programs may be another user's
fs.chmodSync(mails.program, 0o755);
const ENV = { INTERFACE: 'cgi', CUBBY_COUNTERS_PUBLIC: 'on', ...mails.env };

for (const server of SERVERS.filter((name) => name !== 'nginx')) {
    describe(`plain CGI, through ${server}`, () => {
        let stack;
        before(async () => {
            stack = await new Stack({ server, env: ENV, user: server === 'apache' ? 'www-data' : undefined }).start();
        });
        after(() => stack?.stop());

        it('accounts: signed up, in by cookie and by token, out', async () => {
            const user = await User.signUp(stack);
            assert.equal((await user.ok('GET', '/api/me')).user.email, user.email);
            assert.equal((await user.request('GET', '/api/me')).json.user.id, user.id);
            const body = { email: user.email, password: PASSWORD };
            assert.equal((await request(stack, 'POST', '/api/login', { body })).status, 200);
            body.password = 'none of his';
            assertFailure(await request(stack, 'POST', '/api/login', { body }), 401, 'invalid_credentials');
            assert.equal((await user.request('POST', '/api/logout')).status, 200);
            assertFailure(await user.bearer('GET', '/api/me'), 401);
        });

        it('values and rows, each key as it was sent', async () => {
            const user = await User.signUp(stack);
            for (const key of ['k', 'a/b', 'a%2Fb c', '?x=1&y', 'ü', '--print-config']) {
                await user.ok('POST', '/data', { key, value: [key] });
                assert.deepEqual((await user.ok('GET', `/data?key=${encodeURIComponent(key)}`)).data, [key]);
            }
            const { data } = await user.ok('POST', '/api/posts', { title: 'One', content: 'x' });
            await user.ok('PATCH', `/api/posts/${data.id}`, { title: 'Two' });
            assert.equal((await user.ok('GET', '/api/posts')).data[0].title, 'Two');
            assert.equal((await user.bearer('GET', `/api/posts/none%2Fsuch`)).status, 404);
            assert.equal((await user.bearer('DELETE', `/api/posts/${data.id}`)).status, 200);
            const html = await user.bearer('GET', '/counter');
            assert.match(html.headers['content-type'], /^text\/html/);
        });

        it('bodies of every kind: large, too large, in chunks, none, not JSON', async () => {
            const user = await User.signUp(stack);
            const value = 'x'.repeat(120000);
            await user.ok('POST', '/data', { key: 'large', value });
            assert.equal((await user.ok('GET', '/data?key=large')).data, value);
            const tooMuch = { key: 'k', value: value.repeat(10) };
            assertFailure(await user.bearer('POST', '/data', { body: tooMuch }), 413, 'too_large');
            assertFailure(await user.bearer('POST', '/data', { body: '{' }), 400, 'invalid_json');
            const text = '{"key":"chunked","value":1}';
            const chunks = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
            const answer = await raw(stack, 'POST /data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
                `Authorization: Bearer ${user.token}\r\nContent-Type: application/json\r\n` +
                `Transfer-Encoding: chunked\r\n\r\n${chunks}`);
            assert.match(answer, /^HTTP\/1\.1 200/);
            assert.equal((await user.ok('GET', '/data?key=chunked')).data, 1);
            const head = await user.bearer('HEAD', '/data?key=k');
            assert.deepEqual([head.status, head.text], [200, '']);
        });

        it('the query string is no command line', async () => {
            for (const query of ['--print-config', '--mint-token+{"sub":"x"}', '--socket+/tmp/none', '-x'])
                assert.equal((await request(stack, 'GET', `/healthz?${encodeURI(query)}`)).text, '{"ok":true}');
        });

        it('no long poll waits: it is answered at once, and says when to come again', async () => {
            const user = await User.signUp(stack);
            const { next } = await user.ok('GET', '/api/changes?wait=0');
            const start = Date.now();
            const empty = await user.bearer('GET', `/api/changes?since=${next}&wait=25`);
            assert.deepEqual([empty.status, empty.headers['retry-after']], [200, '2']);
            assert.ok(Date.now() - start < 5000);
            await user.ok('POST', '/data', { key: 'k', value: 1 });
            const { events } = await user.ok('GET', `/api/changes?since=${next}&wait=0`);
            assert.deepEqual(events.map((event) => event.event), ['kv:set']);
        });

        it('streams hear of each change, in order', async (t) => {
            const user = await User.signUp(stack);
            const reader = await EventReader.open(stack, { headers: { authorization: `Bearer ${user.token}` } });
            t.after(() => reader.close());
            await reader.next((event) => event.name === 'realtime:connected');
            for (let i = 0; i < 10; i++) {
                const start = Date.now();
                await user.ok('POST', '/data', { key: 'k', value: i });
                assert.equal((await reader.next((event) => event.name === 'kv:set')).data.data.value, i);
                assert.ok(Date.now() - start < 1500, 'by the bus, not by looking');
            }
            const write = (i) => user.ok('POST', '/data', { key: `p${i}`, value: i });
            await Promise.all(Array.from({ length: 20 }, (_, i) => write(i)));
            const ids = [];
            while (ids.length < 20) {
                const { id } = await reader.next((event) => event.name === 'kv:set');
                ids.push(Number(id.split('.')[1]));
            }
            assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
        });

        it('organizations: what one does reaches the others’ files', async () => {
            const [ada, bob] = [await User.signUp(stack), await User.signUp(stack)];
            const { organization } = await ada.ok('POST', '/api/organizations', { name: 'Birds' });
            await ada.ok('POST', `/api/organizations/${organization.id}/members`, { email: bob.email });
            assert.match((await bob.bearer('GET', '/api/organizations')).text, new RegExp(organization.id));
            await ada.ok('POST', `/api/tasks?org=${organization.id}`, { title: 'Feed them' });
            assert.equal((await bob.ok('GET', `/api/tasks?org=${organization.id}`)).data[0].title, 'Feed them');
        });

        it('mails leave, by a process of their own', async () => {
            const user = await User.signUp(stack, freshEmail('cgi'));
            await request(stack, 'POST', '/api/password-reset/request', { body: { email: user.email } });
            await mails.find(user.email, /#/);
        });

        it('an export of many parts comes whole', async () => {
            const user = await User.signUp(stack);
            for (let i = 0; i < 15; i++) await user.ok('POST', '/data', { key: `k${i}`, value: 'y'.repeat(100000) });
            const answer = await user.bearer('GET', '/api/account/export');
            assert.equal(answer.status, 200);
            assert.ok(answer.json && answer.text.length > 1500000);
        });

        it('no write-ahead log grows without end', async () => {
            const user = await User.signUp(stack);
            const file = `${stack.data}/users/${user.id.slice(0, 2)}/${user.id}.db`;
            for (let i = 0; i < 90; i++) await user.ok('POST', '/data', { key: 'same', value: 'z'.repeat(120000) });
            const size = () => (fs.existsSync(`${file}-wal`) ? fs.statSync(`${file}-wal`).size : 0);
            await until(() => size() < 8 << 20, 'a checkpoint');
            assert.equal((await user.ok('GET', '/data?key=same')).data.length, 120000);
        });

        it('wrong settings: 500 in JSON, and the reason in the web server’s log', async () => {
            const settings = `${stack.data}/run/cubby.ini`;
            const right = fs.readFileSync(settings);
            fs.appendFileSync(settings, 'threads = many\n');
            assertFailure(await request(stack, 'GET', '/healthz'), 500, 'internal');
            fs.writeFileSync(settings, right);
            assert.match(stack.log(server), /cubby\.ini.*threads|threads.*many/);
            assert.equal((await request(stack, 'GET', '/healthz')).status, 200);
        });
    });
}
