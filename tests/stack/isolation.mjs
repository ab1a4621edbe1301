// Two users never see each other: every id, key and stream of one on every route by the other.

import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { User, assertFailure, claimsOf, request } from '../lib/http.mjs';
import { sleep, throughEachServer } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const SECRET_TEXT = 'only-for-alice';

throughEachServer('isolation', {}, (at) => {
    let alice;
    let eve;
    let row;
    let notification;
    let todo;

    before(async () => {
        alice = await User.signUp(at.stack);
        eve = await User.signUp(at.stack);
        row = (await alice.ok('POST', '/api/posts', { title: SECRET_TEXT, content: SECRET_TEXT })).data;
        await alice.ok('POST', '/data', { key: SECRET_TEXT, value: SECRET_TEXT });
        [notification] = (await alice.ok('GET', '/api/notifications')).data;
        todo = (await alice.ok('POST', '/api/todos', { title: SECRET_TEXT })).data;
    });

    it("another user's row does not exist, on any route", async () => {
        for (const [collection, { id }] of [['posts', row], ['notifications', notification], ['todos', todo]]) {
            for (const [method, body] of [['GET'], ['PUT', { title: 'x' }], ['PATCH', { title: 'x' }], ['DELETE']]) {
                const answer = await eve.bearer(method, `/api/${collection}/${id}`, { body });
                assertFailure(answer, 404);
                assert.ok(!answer.text.includes(SECRET_TEXT));
            }
        }
        assertFailure(await eve.bearer('PUT', `/api/notifications/${notification.id}/read`), 404);
        assertFailure(await eve.bearer('DELETE', `/posts/${row.id}`), 404);
        const operations = [{ method: 'PUT', path: `/api/posts/${row.id}`, body: { title: 'x' } }];
        const answer = await eve.bearer('POST', '/api/batch', { body: { operations } });
        assert.equal(answer.status, 404);
        assert.deepEqual((await alice.ok('GET', `/api/posts/${row.id}`)).data, row);
    });

    it('lists, searches, counts and keys show nothing of the other', async () => {
        const paths = ['/api/posts', '/posts', '/api/notifications', '/api/posts?q=only', '/data?prefix=',
            `/data?key=${SECRET_TEXT}`, `/api/posts?where=["id","==","${row.id}"]`,
            `/api/posts?where=["userId","==","${alice.id}"]`, '/api/changes', `/api/changes?since=0.0`];
        for (const path of paths) {
            const answer = await eve.bearer('GET', encodeURI(path));
            assert.ok(!answer.text.includes(SECRET_TEXT), path);
            assert.ok(!answer.text.includes(row.id), path);
        }
        for (const name of ['posts', 'notifications', 'todos', 'notes']) {
            assert.equal((await eve.ok('GET', `/api/${name}/count`)).count, 0);
        }
    });

    it('claims that name the other do not help', async () => {
        const paths = [`/api/posts?userId=${alice.id}`, `/api/posts?user=${alice.id}`, `/api/posts?org=${alice.id}`,
            `/api/posts?sub=${alice.id}`];
        for (const path of paths) {
            const answer = await eve.bearer('GET', path);
            assert.ok(!answer.text.includes(SECRET_TEXT), path);
        }
        const { data } = await eve.ok('POST', '/api/posts', { title: 'x', content: 'y', userId: alice.id });
        assert.equal(data.userId, eve.id);
        assert.equal((await alice.ok('GET', '/api/posts?q=x')).data.length, 0);
        await eve.ok('DELETE', `/api/posts/${data.id}`);
    });

    it('Authorization decides where both it and a cookie are sent', async () => {
        const answer = await request(at.stack, 'GET', '/api/me', {
            headers: { cookie: alice.cookie, authorization: `Bearer ${eve.token}` },
        });
        assert.equal(answer.json.user.id, eve.id);
    });

    it('a session of the other cannot be ended', async () => {
        const { body } = claimsOf(alice.token);
        const answer = await eve.bearer('DELETE', `/api/sessions/${body.sid}`);
        assert.equal(answer.status, 404);
        assert.equal((await alice.bearer('GET', '/api/me')).status, 200);
    });

    it('streams carry only the events of their own user', async () => {
        const bearer = { authorization: `Bearer ${eve.token}` };
        const streams = [
            await EventReader.open(at.stack, { headers: bearer }),
            await EventReader.open(at.stack, { headers: bearer, path: `/api/events?userId=${alice.id}` }),
            await EventReader.open(at.stack, { headers: bearer, path: '/api/events?events=*' }),
            await SocketReader.open(at.stack, '/api/ws', { headers: bearer }),
        ];
        for (const stream of streams) if (stream.status < 300) await stream.next();
        await alice.ok('POST', '/api/posts', { title: SECRET_TEXT, content: 'live' });
        await alice.ok('POST', '/data', { key: 'k', value: SECRET_TEXT });
        await eve.ok('POST', '/data', { key: 'mine', value: 1 });
        await sleep(500);
        for (const stream of streams) {
            assert.ok(!JSON.stringify(stream.events).includes(SECRET_TEXT));
            assert.ok(!JSON.stringify(stream.events).includes(alice.id));
            stream.close();
        }
        assert.ok(streams[0].events.some((event) => event.name === 'kv:set'));
    });

    it("replaying with another user's event id gives a resync or one's own, never theirs", async () => {
        const id = (await alice.bearer('GET', '/api/posts')).headers['x-as-of'];
        const epoch = id.split('.')[0];
        const stream = await EventReader.open(at.stack, {
            headers: { authorization: `Bearer ${eve.token}`, 'last-event-id': `${epoch}.0` },
        });
        await stream.rest(300);
        assert.ok(!JSON.stringify(stream.events).includes(SECRET_TEXT));
        stream.close();
        const changes = await eve.bearer('GET', `/api/changes?since=${epoch}.0`);
        assert.ok(!changes.text.includes(SECRET_TEXT));
    });
});
