// HTTP as no client would send it: malformed heads and bodies, odd paths, sizes, encodings, slow
// senders. Nothing ends the programs, and failures are JSON.

import assert from 'node:assert/strict';
import net from 'node:net';
import { it } from 'node:test';
import { User, assertFailure, raw, request } from '../lib/http.mjs';
import { sleep, throughEachServer } from '../lib/stack.mjs';

const post = { title: 'Title', content: 'Content' };
const statusOf = (text) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);

throughEachServer('HTTP', {}, (at) => {
    let user;
    const signedIn = async () => (user ??= await User.signUp(at.stack));
    const send = (lines, body = '') => raw(at.stack, `${lines.join('\r\n')}\r\n\r\n${body}`);
    const head = (method, path, ...more) => [`${method} ${path} HTTP/1.1`, 'Host: localhost',
        `Authorization: Bearer ${user.token}`, 'Connection: close', ...more];
    const alive = async () => assert.equal((await request(at.stack, 'GET', '/healthz')).status, 200);

    it('bodies that are no JSON object are refused', async () => {
        const u = await signedIn();
        const bad = ['', ' ', '{', '}', '[]', '[{}]', 'null', '"x"', '7', '{"title":"a",}', "{'title':'a'}",
            '{"title":"a"}x', '{"title":"a"}{"content":"b"}', '{"title":01}', '{"title":+1}', '{"title":.5}',
            '{"title":1.}', '{"title":NaN}', '{"title":Infinity}', '{"title":tru}', '{"title":"a\nb"}',
            '{"title":"\\x"}', '{"title":"\\u12"}', '{"title":"\\ud800"}', '{"title":"a","title":"b"}',
            '{title:"a"}', '/* */{}', '\ufeff{"title":"a","content":"b"}', '{"a":'.repeat(100) + '1' + '}'.repeat(100),
            Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]),
            Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]),
            Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]),
            Buffer.from('{"a":"x\0"}')];
        for (const body of bad) {
            const headers = { 'content-type': 'application/json' };
            const answer = await u.bearer('POST', '/api/posts', { body, headers });
            assertFailure(answer, 400);
        }
        assert.equal((await u.ok('GET', '/api/posts/count')).count, 0);
    });

    it('JSON nests to 64 and no further', async () => {
        const u = await signedIn();
        const nested = (depth) => `{"key":"deep","value":${'['.repeat(depth - 1)}1${']'.repeat(depth - 1)}}`;
        assert.equal((await u.bearer('POST', '/data', { body: nested(64) })).status, 200);
        assertFailure(await u.bearer('POST', '/data', { body: nested(65) }), 400);
        assertFailure(await u.bearer('POST', '/data', { body: nested(100000) }), 400);
    });

    it('a type that is not JSON is 415, with or without parameters', async () => {
        const u = await signedIn();
        for (const type of ['text/plain', 'application/jsonp', 'application/octet-stream', 'text/json;x']) {
            const answer = await u.bearer('POST', '/api/posts', { body: '{}', headers: { 'content-type': type } });
            assertFailure(answer, 415);
        }
        for (const type of ['application/json; charset=utf-8', 'Application/JSON',
            'application/json;charset="UTF-8"']) {
            const answer = await u.bearer('POST', '/data', {
                body: '{"key":"t","value":1}', headers: { 'content-type': type },
            });
            assert.equal(answer.status, 200, type);
        }
    });

    it('a body of 1 MiB is read, one byte more is 413', async () => {
        const u = await signedIn();
        const sized = (bytes) => {
            const frame = '{"key":"big","value":1,"x":""}';
            return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
        };
        assert.equal((await u.bearer('POST', '/data', { body: sized(1048576) })).status, 200);
        assertFailure(await u.bearer('POST', '/data', { body: sized(1048577) }), 413, 'too_large');
        await alive();
    });

    it('a body far beyond what the web server takes is 413 in JSON', async () => {
        const u = await signedIn();
        const answer = await send(head('POST', '/data', 'Content-Type: application/json',
            'Content-Length: 99999999999'), '{');
        assert.equal(statusOf(answer), 413, answer);
        assert.match(answer, /application\/json/i);
        assert.match(answer, /"code":"too_large"/);
        assert.ok(u);
    });

    it('chunked bodies are read', async () => {
        await signedIn();
        const body = '{"key":"chunked","value":[1,2]}';
        const chunks = [...body].map((c) => `1\r\n${c}\r\n`).join('');
        const answer = await send(head('POST', '/data', 'Content-Type: application/json',
            'Transfer-Encoding: chunked'), `${chunks}0\r\n\r\n`);
        assert.equal(statusOf(answer), 200, answer);
        assert.deepEqual((await user.ok('GET', '/data?key=chunked')).data, [1, 2]);
    });

    it('a body cut short changes nothing', async () => {
        await signedIn();
        const body = '{"key":"cut","value":1}';
        const answer = await raw(at.stack, `${head('POST', '/data', 'Content-Type: application/json',
            `Content-Length: ${body.length + 50}`).join('\r\n')}\r\n\r\n${body}`, { end: true });
        assert.notEqual(statusOf(answer), 200);
        assert.equal((await user.ok('GET', '/data?key=cut')).data, null);
        await alive();
    });

    it('malformed heads are refused, in JSON, and end nothing', async () => {
        await signedIn();
        const bad = ['GARBAGE', 'GET', 'GET /api/me', 'GET /api/me HTTP/9.9\r\nHost: x', ' GET / HTTP/1.1\r\nHost: x',
            'GET /api/me HTTP/1.1', 'GET /api/me HTTP/1.1\r\nHost: x\r\nno colon here',
            'GET /api/me HTTP/1.1\r\nHost: x\r\nA b: c', 'GET /api/me HTTP/1.1\r\nHost: x\r\n: empty',
            'GET api/me HTTP/1.1\r\nHost: x', 'GET /api/\x01me HTTP/1.1\r\nHost: x',
            'GET /api/me HTTP/1.1\r\nHost: a\r\nHost: b', 'GET /api/me HTTP/1.1\r\nHost: x y',
            'POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: -1',
            'POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: x',
            'POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6',
            'POST /data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense'];
        for (const lines of bad) {
            const answer = await raw(at.stack, `${lines}\r\n\r\n`, { ms: 1500, end: true });
            assert.doesNotMatch(answer, /<html|"ok":true/i, lines);
            if (!answer.startsWith('HTTP/')) continue; // closed without a word, or HTTP/0.9 (nginx)
            assert.ok(statusOf(answer) >= 400, `${lines}: ${answer}`);
        }
        await alive();
    });

    it('a request is not smuggled in behind another', async () => {
        await signedIn();
        const inner = 'DELETE /api/posts HTTP/1.1\r\nHost: x\r\n\r\n';
        for (const pair of [['Content-Length: 4', 'Transfer-Encoding: chunked'],
            ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], ['Transfer-Encoding: xchunked']]) {
            const outer = `POST /api/me HTTP/1.1\r\nHost: x\r\n${pair.join('\r\n')}\r\n\r\n0\r\n\r\n`;
            const answer = await raw(at.stack, outer + inner, { ms: 1500, end: true });
            const statuses = [...answer.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((m) => Number(m[1]));
            assert.ok(!statuses.includes(200), answer);
        }
        await alive();
    });

    it('heads that are too large are refused', async () => {
        await signedIn();
        const long = await send(head('GET', `/api/me?${'x'.repeat(40000)}`));
        assert.ok([400, 414, 431].includes(statusOf(long)), long.slice(0, 200));
        const wide = await send(head('GET', '/api/me', `X-Wide: ${'x'.repeat(40000)}`));
        assert.ok([400, 431].includes(statusOf(wide)), wide.slice(0, 200));
        const lines = Array.from({ length: 2000 }, (_, i) => `X-${i}: ${'y'.repeat(20)}`);
        const many = await send(head('GET', '/api/me', ...lines));
        assert.ok([400, 431].includes(statusOf(many)), many.slice(0, 200));
        for (const answer of [long, wide, many]) assert.doesNotMatch(answer, /<html/i);
        await alive();
    });

    it('odd paths find nothing, and never a file', async () => {
        const u = await signedIn();
        const paths = ['/api/', '/api', '/api//posts', '/api/posts/', '/api/posts//', '/api/posts/%', '/api/posts/%2',
            '/api/posts/%zz', '/api/posts/%00', '/api/%2e%2e/data', '/api/posts/../../data/main.db',
            '/api/posts/..%2f..%2fmain.db', '/api/posts/%252e%252e', '/rpc/../data', '/../data/main.db',
            '/..%2fdata%2fmain.db', '/%2e%2e/data/jwt_secret', '/js/../../data/jwt_secret', '/.git/config',
            '/api/posts/\\..\\x', '/apixyz', '/healthzx', '/posts/a/b/c/d', '/api/a/b/c/d/e', '/js/', '/.htaccess',
            '/api/posts/ﬀ', '/api/posts/%C3%28', '/admin/../api/me/..'];
        for (const path of paths) {
            const answer = await raw(at.stack, `GET ${Buffer.from(path).toString('latin1')} HTTP/1.1\r\nHost: x\r\n`
                + `Authorization: Bearer ${u.token}\r\nConnection: close\r\n\r\n`);
            assert.ok([400, 401, 403, 404, 426].includes(statusOf(answer)), `${path}: ${answer.slice(0, 300)}`);
            assert.doesNotMatch(answer, /SQLite format|\[core\]|Index of/);
            assert.doesNotMatch(answer, /<html/i, path);
        }
    });

    it('a segment is decoded once, after the path was cut', async () => {
        const u = await signedIn();
        const { id } = (await u.ok('POST', '/api/posts', post)).data;
        const escaped = [...id].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
        assert.equal((await u.ok('GET', `/api/%70osts/${escaped}`)).data.id, id);
        assertFailure(await u.bearer('GET', `/api/posts%2F${id}`), 404);
        await u.ok('POST', '/data', { key: 'a/b c%20d&e', value: 1 });
        assert.equal((await u.ok('GET', '/data?key=a%2Fb+c%2520d%26e')).data, 1);
    });

    it('HEAD answers as GET without a body', async () => {
        const u = await signedIn();
        for (const path of ['/api/me', '/data', '/api/posts', '/healthz', '/api/nothing', '/']) {
            const [get, headed] = [await u.bearer('GET', path), await u.bearer('HEAD', path)];
            assert.deepEqual([headed.status, headed.text], [get.status, ''], path);
            assert.equal(headed.headers['content-type'], get.headers['content-type']);
        }
    });

    it('answers of the programs are typed, and not to be sniffed or cached', async () => {
        const u = await signedIn();
        for (const path of ['/api/me', '/api/posts', '/data', '/api/nothing']) {
            const { headers } = await u.bearer('GET', path);
            assert.match(headers['content-type'], /^application\/json/);
            assert.equal(headers['x-content-type-options'], 'nosniff', path);
            assert.match(headers['cache-control'] ?? '', /no-store|no-cache|private/, path);
        }
    });

    it('requests on one kept connection do not mix', async () => {
        const u = await signedIn();
        const other = await User.signUp(at.stack);
        const one = (who, close) => `GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${who.token}\r\n`
            + `Connection: ${close ? 'close' : 'keep-alive'}\r\n\r\n`;
        const answer = await raw(at.stack, one(u) + one(other) + one(u) + one(other, true), { ms: 5000 });
        const ids = [...answer.matchAll(/"id":"([^"]+)"/g)].map((m) => m[1]);
        assert.deepEqual(ids, [u.id, other.id, u.id, other.id]);
    });

    it('an unread body of a refused request does not spoil the next', async () => {
        const u = await signedIn();
        for (let i = 0; i < 20; i++) {
            assertFailure(await request(at.stack, 'POST', '/api/posts', { body: 'x'.repeat(200000) }), 401);
            assert.equal((await u.bearer('GET', '/api/me')).status, 200);
        }
    });

    it('many slow senders do not stop the others', async () => {
        const u = await signedIn();
        const sockets = Array.from({ length: 30 }, () => {
            const socket = net.connect(at.stack.port, '127.0.0.1');
            socket.on('error', () => {});
            socket.write(`POST /data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${u.token}\r\n`
                + 'Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"key":');
            return socket;
        });
        await sleep(500);
        const times = [];
        for (let i = 0; i < 5; i++) {
            const start = Date.now();
            const answer = await u.bearer('GET', '/api/me', { timeout: 30000 });
            assert.equal(answer.status, 200);
            times.push(Date.now() - start);
        }
        for (const socket of sockets) socket.destroy();
        assert.ok(Math.max(...times) < 5000, `${times}`);
    });

    it('the same socket of the application serves a hundred requests at once', async () => {
        const u = await signedIn();
        const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => u.bearer('GET', `/data?key=k${i}`)));
        for (const answer of answers) assert.equal(answer.status, 200);
    });
});
