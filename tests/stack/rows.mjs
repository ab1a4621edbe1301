// Rows of collections (docs/protocol.md, section 4): create, read, change, delete, effects, batches,
// idempotency keys.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const EVENT_ID = /^[^.\s]+\.\d+$/;
const post = { title: 'Title', content: 'Content' };

throughEachServer('rows', { CUBBY_QUOTA_ROWS: '3000' }, (at) => {
    const create = async (user, row = post) => (await user.ok('POST', '/api/posts', row)).data;

    it('creating answers with the whole row', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.bearer('POST', '/api/posts', { body: post });
        assert.equal(answer.status, 200);
        assert.deepEqual(Object.keys(answer.json), ['ok', 'data']);
        const { id, createdAt, updatedAt, ...rest } = answer.json.data;
        assert.deepEqual(rest, { ...post, version: 1, userId: user.id });
        assert.match(id, UUID7);
        assert.match(createdAt, ISO);
        assert.equal(updatedAt, createdAt);
        assert.match(answer.headers['x-event-id'], EVENT_ID);
    });

    it('reading one answers with the row, its version as ETag and the point it is as of', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const answer = await user.bearer('GET', `/api/posts/${row.id}`);
        assert.deepEqual([answer.status, answer.json], [200, { ok: true, data: row }]);
        assert.equal(answer.headers.etag, '"1"');
        assert.match(answer.headers['x-as-of'], EVENT_ID);
        const head = await user.bearer('HEAD', `/api/posts/${row.id}`);
        assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', '"1"']);
    });

    it('the five fields of the server stand, whatever the body says', async () => {
        const user = await User.signUp(at.stack);
        const forged = { id: 'x', createdAt: 'x', updatedAt: 'x', version: 99, userId: 'x' };
        const row = await create(user, { ...post, ...forged });
        assert.match(row.id, UUID7);
        assert.deepEqual([row.version, row.userId], [1, user.id]);
        const { data } = await user.ok('PUT', `/api/posts/${row.id}`, { ...forged, title: 'New' });
        assert.deepEqual([data.id, data.createdAt, data.version, data.userId],
            [row.id, row.createdAt, 2, user.id]);
    });

    it('ids rise in the order of commits', async () => {
        const user = await User.signUp(at.stack);
        const answers = await Promise.all(Array.from({ length: 30 }, () =>
            user.bearer('POST', '/api/posts', { body: post })));
        const seq = (answer) => Number(answer.headers['x-event-id'].split('.').pop());
        const ids = answers.sort((a, b) => seq(a) - seq(b)).map((answer) => answer.json.data.id);
        assert.deepEqual(ids, [...ids].sort());
        assert.equal(new Set(ids).size, 30);
    });

    it('changing merges the given fields and raises the version', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const { data } = await user.ok('PUT', `/api/posts/${row.id}`, { title: 'New' });
        assert.deepEqual({ ...data, updatedAt: null },
            { ...row, title: 'New', version: 2, updatedAt: null });
        assert.ok(data.updatedAt >= row.updatedAt);
        const patched = await user.ok('PATCH', `/api/posts/${row.id}`, { content: 'Other' });
        assert.deepEqual([patched.data.title, patched.data.content, patched.data.version], ['New', 'Other', 3]);
    });

    it('PATCH with null removes a field, and the whole is validated after', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const patch = (body, type = 'application/merge-patch+json') => user.bearer('PATCH',
            `/api/posts/${row.id}`, { body: JSON.stringify(body), headers: { 'content-type': type } });
        assertFailure(await patch({ title: null }), 400);
        assertFailure(await patch({ title: null }, 'application/json'), 400);
        assert.equal((await patch({ title: 'Merged' })).json.data.title, 'Merged');
        assert.equal((await user.ok('GET', `/api/posts/${row.id}`)).data.version, 2);
    });

    it('If-Match lets only the one who knows the row change it', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const put = (tag, title) => user.bearer('PUT', `/api/posts/${row.id}`, {
            body: { title }, headers: { 'if-match': tag },
        });
        assert.equal((await put('"1"', 'a')).status, 200);
        const refused = await put('"1"', 'b');
        assertFailure(refused, 412, 'precondition_failed');
        assert.deepEqual(Object.keys(refused.json).sort(), ['code', 'data', 'error']);
        assert.deepEqual([refused.json.data.title, refused.json.data.version], ['a', 2]);
        assert.equal((await put('*', 'c')).status, 200);
        assert.equal((await put('"1", "3"', 'd')).status, 200);
        assertFailure(await put('W/"4"', 'e'), 412);
        assertFailure(await user.bearer('DELETE', `/api/posts/${row.id}`, { headers: { 'if-match': '"1"' } }), 412);
        assert.equal((await user.ok('GET', `/api/posts/${row.id}`)).data.title, 'd');
    });

    it('of many with the same If-Match exactly one wins', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => user.bearer('PUT',
            `/api/posts/${row.id}`, { body: { title: `t${i}` }, headers: { 'if-match': '"1"' } })));
        assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
        assert.equal(answers.filter((answer) => answer.status === 412).length, 11);
    });

    it('deleting answers ok, then there is no such row', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user);
        const answer = await user.bearer('DELETE', `/api/posts/${row.id}`);
        assert.deepEqual([answer.status, answer.text], [200, '{"ok":true}']);
        assert.match(answer.headers['x-event-id'], EVENT_ID);
        assertFailure(await user.bearer('DELETE', `/api/posts/${row.id}`), 404);
        assertFailure(await user.bearer('GET', `/api/posts/${row.id}`), 404);
        assertFailure(await user.bearer('PUT', `/api/posts/${row.id}`, { body: { title: 'x' } }), 404);
    });

    it('clearing takes at most 1,000 rows a call', async () => {
        const user = await User.signUp(at.stack);
        const operations = Array.from({ length: 100 }, () =>
            ({ method: 'POST', path: '/api/todos', body: { title: 'x' } }));
        for (let i = 0; i < 11; i++) await user.ok('POST', '/api/batch', { operations });
        assert.deepEqual(await user.ok('DELETE', '/api/todos'), { ok: true, deleted: 1000, more: true });
        assert.deepEqual(await user.ok('DELETE', '/api/todos'), { ok: true, deleted: 100, more: false });
        assert.deepEqual(await user.ok('GET', '/api/todos/count'), { ok: true, count: 0 });
    });

    it('what the schema does not allow is refused with details', async () => {
        const user = await User.signUp(at.stack);
        const bad = [
            [{}, /title|content|\$/], [{ title: 'x' }, /content|\$/], [{ ...post, title: '' }, /title/],
            [{ ...post, title: 'x'.repeat(201) }, /title/], [{ ...post, title: 7 }, /title/],
            [{ ...post, content: null }, /content/], [{ ...post, extra: 1 }, /extra|\$/],
        ];
        for (const [body, path] of bad) {
            const answer = await user.bearer('POST', '/api/posts', { body });
            assertFailure(answer, 400, 'validation_failed');
            assert.ok(Array.isArray(answer.json.details) && answer.json.details.length > 0);
            for (const detail of answer.json.details) {
                assert.deepEqual(Object.keys(detail).sort(), ['message', 'path']);
                assert.match(detail.path, /^\$/);
            }
            assert.match(answer.json.details[0].path, path);
        }
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 0);
        assert.equal((await user.ok('GET', '/api/notifications/count')).count, 0);
    });

    it('lengths count characters, not bytes', async () => {
        const user = await User.signUp(at.stack);
        assert.equal((await create(user, { ...post, title: '🎈'.repeat(200) })).title, '🎈'.repeat(200));
        assertFailure(await user.bearer('POST', '/api/posts', { body: { ...post, title: '🎈'.repeat(201) } }), 400);
    });

    it('a NUL in a row is refused', async () => {
        const user = await User.signUp(at.stack);
        assertFailure(await user.bearer('POST', '/api/posts', { body: { ...post, content: 'a\u0000' } }), 400);
        const row = await create(user);
        assertFailure(await user.bearer('PUT', `/api/posts/${row.id}`, { body: { title: '\u0000' } }), 400);
    });

    it('a post tells its user what happened to it', async () => {
        const user = await User.signUp(at.stack);
        const row = await create(user, { ...post, title: 'A "b" {title}' });
        await user.ok('PUT', `/api/posts/${row.id}`, { title: 'B' });
        await user.ok('DELETE', `/api/posts/${row.id}`);
        const { data } = await user.ok('GET', '/api/notifications?order=createdAt:asc&order=id:asc');
        assert.deepEqual(data.map(({ message, type, read }) => [message, type, read]), [
            ['New post created: "A "b" {title}"', 'success', false],
            ['Post updated: "B"', 'info', false],
            ['Post deleted: "B"', 'info', false],
        ]);
    });

    it('a notification is marked as read', async () => {
        const user = await User.signUp(at.stack);
        await create(user);
        const [notification] = (await user.ok('GET', '/api/notifications')).data;
        const answer = await user.bearer('PUT', `/api/notifications/${notification.id}/read`);
        assert.equal(answer.status, 200, answer.text);
        assert.equal((await user.ok('GET', `/api/notifications/${notification.id}`)).data.read, true);
        assertFailure(await user.bearer('PUT', '/api/notifications/none/read'), 404);
    });

    it('the demonstration broadcast leaves a notification for the caller alone', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const answer = await user.bearer('POST', '/api/demo/broadcast', { body: { message: 'Hi <b>' } });
        assert.equal(answer.status, 200, answer.text);
        const [{ message, type, read }] = (await user.ok('GET', '/api/notifications')).data;
        assert.deepEqual([message, type, read], ['📢 Broadcast: Hi <b>', 'info', false]);
        assert.equal((await other.ok('GET', '/api/notifications/count')).count, 0);
        for (const body of [{}, { message: 7 }, { message: '' }]) {
            assertFailure(await user.bearer('POST', '/api/demo/broadcast', { body }), 400);
        }
    });

    it('/posts serves the same rows to existing pages', async () => {
        const user = await User.signUp(at.stack);
        const made = await user.ok('POST', '/posts', post);
        assert.equal(made.ok, true);
        const row = await create(user, { ...post, title: 'Second' });
        const { posts, ...rest } = await user.ok('GET', '/posts');
        assert.deepEqual(rest, { ok: true });
        assert.deepEqual(posts.map((p) => p.title), ['Second', 'Title']);
        const form = await user.request('POST', '/posts', {
            body: 'title=Form&content=a+b%26c', headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        assert.equal(form.status, 303, form.text);
        assert.match(form.headers.location, /^(http:\/\/127\.0\.0\.1:\d+)?\/$/);
        assert.equal((await user.ok('GET', '/posts')).posts[0].content, 'a b&c');
        assert.deepEqual(await user.ok('DELETE', `/posts/${row.id}`), { ok: true });
        assertFailure(await user.bearer('DELETE', `/posts/${row.id}`), 404);
    });

    it('a form makes a row of strings', async () => {
        const user = await User.signUp(at.stack);
        const answer = await user.bearer('POST', '/api/posts', {
            body: 'title=T&content=%F0%9F%8E%88', headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json.data.content, '🎈');
    });

    it('what is not declared is no collection', async () => {
        const user = await User.signUp(at.stack);
        for (const name of ['nothing', 'users', 'Posts', 'posts.json', 'sqlite_master', "'"]) {
            for (const [method, path] of [['GET', `/api/${name}`], ['GET', `/api/${name}/count`],
                ['POST', `/api/${name}`], ['DELETE', `/api/${name}/1`]]) {
                const options = method === 'POST' ? { body: {} } : {};
                assertFailure(await user.bearer(method, path, options), 404);
            }
        }
    });

    it('a method a path does not know is 405 with the ones it knows', async () => {
        const user = await User.signUp(at.stack);
        const cases = { '/api/posts/x': ['GET', 'PUT', 'PATCH', 'DELETE'], '/api/posts': ['GET', 'POST', 'DELETE'],
            '/api/posts/count': ['GET'], '/data': ['GET', 'POST', 'DELETE'], '/api/me': ['GET'],
            '/api/login': ['POST'], '/healthz': ['GET'], '/api/batch': ['POST'] };
        for (const [path, known] of Object.entries(cases)) {
            for (const method of ['PUT', 'PATCH', 'DELETE', 'POST', 'PROPFIND'].filter((m) => !known.includes(m))) {
                const answer = await user.bearer(method, path);
                assertFailure(answer, 405, 'method_not_allowed');
                const allow = answer.headers.allow.split(/, */);
                for (const name of known) assert.ok(allow.includes(name), `${method} ${path}: ${allow}`);
                assert.ok(!allow.includes(method));
            }
        }
    });

    it('the quota of rows is 507', async () => {
        const user = await User.signUp(at.stack);
        const operations = Array.from({ length: 100 }, (_, i) =>
            ({ method: 'POST', path: '/data', body: { key: `k${i}`, value: 1 } }));
        let answer;
        for (let i = 0; i < 31; i++) {
            operations.forEach((operation, j) => (operation.body.key = `k${i}-${j}`));
            answer = await user.bearer('POST', '/api/batch', { body: { operations } });
            if (answer.status !== 200) break;
        }
        assertFailure(answer, 507);
        assert.equal((await user.bearer('GET', '/api/me')).status, 200);
        await user.ok('DELETE', '/data?key=k0-0');
    });
});

throughEachServer('batches', {}, (at) => {
    const batch = (user, operations, headers) =>
        user.bearer('POST', '/api/batch', { body: { operations }, headers });

    it('run in order, in one transaction, and answer each', async () => {
        const user = await User.signUp(at.stack);
        const answer = await batch(user, [
            { method: 'POST', path: '/api/posts', body: post },
            { method: 'POST', path: '/data', body: { key: 'k', value: [1] } },
            { method: 'DELETE', path: '/data?key=nothing' },
        ]);
        assert.equal(answer.status, 200, answer.text);
        assert.match(answer.headers['x-event-id'], EVENT_ID);
        const { ok, results } = answer.json;
        assert.equal(ok, true);
        assert.deepEqual(results.map((result) => result.status), [200, 200, 200]);
        for (const result of results) assert.deepEqual(Object.keys(result).sort(), ['body', 'status']);
        assert.equal(results[0].body.data.title, 'Title');
        assert.deepEqual((await user.ok('GET', '/data?key=k')).data, [1]);
    });

    it('a failure names its index, and nothing at all is done', async () => {
        const user = await User.signUp(at.stack);
        const failures = [
            { method: 'POST', path: '/api/posts', body: { title: '' } },
            { method: 'DELETE', path: '/api/posts/none' },
            { method: 'POST', path: '/api/nothing', body: {} },
            { method: 'POST', path: '/api/batch', body: { operations: [] } },
            { method: 'POST', path: '/api/login', body: {} },
            { method: 'BREW', path: '/api/posts', body: post },
            { method: 'POST' }, {}, null, 7,
        ];
        for (const failure of failures) {
            const answer = await batch(user, [{ method: 'POST', path: '/api/posts', body: post },
                { method: 'POST', path: '/data', body: { key: 'k', value: 1 } }, failure]);
            assert.ok(answer.status >= 400 && answer.status < 500, JSON.stringify([failure, answer.text]));
            assert.equal(answer.json.index, 2, JSON.stringify([failure, answer.text]));
        }
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 0);
        assert.equal((await user.ok('GET', '/api/notifications/count')).count, 0);
        assert.equal((await user.ok('GET', '/data?key=k')).data, null);
    });

    it('have up to 100 operations', async () => {
        const user = await User.signUp(at.stack);
        const operations = Array.from({ length: 101 }, (_, i) =>
            ({ method: 'POST', path: '/data', body: { key: `k${i}`, value: i } }));
        assertFailure(await batch(user, operations), 400);
        assert.equal((await batch(user, operations.slice(1))).status, 200);
        for (const bad of [undefined, null, {}, 'x', 7]) assertFailure(await batch(user, bad), 400);
    });
});

throughEachServer('idempotency keys', {}, (at) => {
    const send = (user, key, body = post, path = '/api/posts', method = 'POST') =>
        user.bearer(method, path, { body, headers: { 'idempotency-key': key } });

    it('the same key gives the first answer again and changes nothing', async () => {
        const user = await User.signUp(at.stack);
        const first = await send(user, 'key-1');
        const again = await send(user, 'key-1');
        assert.equal(first.headers['idempotent-replayed'], undefined);
        assert.equal(again.headers['idempotent-replayed'], 'true');
        assert.deepEqual([again.status, again.text], [first.status, first.text]);
        assert.equal(again.headers['x-event-id'], first.headers['x-event-id']);
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 1);
        assert.equal((await user.ok('GET', '/api/notifications/count')).count, 1);
    });

    it('with another body, path or method it is 422', async () => {
        const user = await User.signUp(at.stack);
        await send(user, 'key-2');
        assertFailure(await send(user, 'key-2', { ...post, title: 'Other' }), 422, 'idempotency_key_reused');
        assertFailure(await send(user, 'key-2', { key: 'a', value: 1 }, '/data'), 422);
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 1);
    });

    it('a key belongs to its user', async () => {
        const [user, other] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const first = await send(user, 'shared');
        const second = await send(other, 'shared');
        assert.equal(second.status, 200);
        assert.notEqual(second.json.data.id, first.json.data.id);
    });

    it('a refused write does not use up its key', async () => {
        const user = await User.signUp(at.stack);
        assertFailure(await send(user, 'key-3', { title: '' }), 400);
        assert.equal((await send(user, 'key-3')).status, 200);
    });

    it('sent many times at once, it is done once', async () => {
        const user = await User.signUp(at.stack);
        const answers = await Promise.all(Array.from({ length: 10 }, () => send(user, 'race')));
        for (const answer of answers) assert.equal(answer.status, 200, answer.text);
        assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
        assert.equal(answers.filter((a) => !a.headers['idempotent-replayed']).length, 1);
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 1);
    });

    it('covers keys and values, changes, deletions and batches', async () => {
        const user = await User.signUp(at.stack);
        const { data } = await user.ok('POST', '/api/posts', post);
        const cases = [['/data', { key: 'a', value: 1 }, 'POST'], [`/api/posts/${data.id}`, { title: 'x' }, 'PUT'],
            ['/api/batch', { operations: [{ method: 'POST', path: '/api/posts', body: post }] }, 'POST'],
            [`/api/posts/${data.id}`, undefined, 'DELETE']];
        for (const [path, body, method] of cases) {
            const key = `${method}:${path}`;
            const first = await send(user, key, body, path, method);
            const again = await send(user, key, body, path, method);
            assert.equal(first.status, 200, first.text);
            assert.deepEqual([again.status, again.text, again.headers['idempotent-replayed']],
                [200, first.text, 'true'], key);
        }
        assert.equal((await user.ok('GET', '/api/posts/count')).count, 1);
    });

    it('has 1 to 128 printable characters', async () => {
        const user = await User.signUp(at.stack);
        assert.equal((await send(user, '!'.repeat(128))).status, 200);
        for (const key of ['x'.repeat(129), 'a\tb', 'ü']) assertFailure(await send(user, key), 400);
    });

    it('a visitor with a key is still a visitor', async () => {
        const headers = { 'idempotency-key': 'k' };
        assertFailure(await request(at.stack, 'POST', '/api/posts', { body: post, headers }), 401);
    });
});
