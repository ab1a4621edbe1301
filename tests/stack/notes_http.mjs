// Notes over HTTP (docs/protocol.md, section 8): exact answers and errors, the events of their rows.

import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { User, request } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

throughEachServer('notes over HTTP', {}, (at) => {
    let user;

    before(async () => {
        user = await User.signUp(at.stack);
    });

    const make = async (text, who = user) => (await who.ok('POST', '/api/notes', { text })).note;

    it('are made, listed newest first, changed and removed', async () => {
        const first = await make('first');
        const second = await make('zweite "Notiz" ✓');
        assert.deepEqual(Object.keys(first), ['id', 'text', 'userId', 'created', 'updated']);
        assert.equal(first.userId, user.id);
        assert.match(first.created, ISO);
        assert.equal(first.updated, first.created);
        assert.deepEqual(await user.ok('GET', '/api/notes'), { notes: [second, first] });
        for (const method of ['PUT', 'PATCH']) {
            const answer = await user.ok(method, `/api/notes/${first.id}`, { text: method });
            assert.deepEqual(Object.keys(answer), ['note']);
            assert.deepEqual({ ...answer.note, updated: '' }, { ...first, text: method, updated: '' });
            assert.ok(answer.note.updated >= first.updated);
        }
        assert.deepEqual(await user.ok('DELETE', `/api/notes/${second.id}`), { note: second });
        assert.deepEqual((await user.ok('GET', '/api/notes')).notes.map((note) => note.id), [first.id]);
        assert.equal((await user.request('HEAD', '/api/notes')).status, 200);
    });

    it('fail with a sentence and nothing else', async () => {
        const { id } = await make('x');
        const expect = (answer, status, error) => {
            assert.equal(answer.status, status, answer.text);
            assert.equal(answer.text, JSON.stringify({ error }));
            assert.match(answer.headers['content-type'], /^application\/json/);
        };
        for (const body of [{}, { text: '' }, { text: 7 }, { text: null }, '{', '[]', { text: 'x'.repeat(262145) }]) {
            expect(await user.bearer('POST', '/api/notes', { body }), 400, 'Invalid note text');
            expect(await user.bearer('PUT', `/api/notes/${id}`, { body }), 400, 'Invalid note text');
            expect(await user.bearer('PATCH', `/api/notes/${id}`, { body }), 400, 'Invalid note text');
        }
        const other = await User.signUp(at.stack);
        const theirs = await make('private', other);
        for (const target of ['nothing', theirs.id, '%2e%2e']) {
            expect(await user.bearer('PUT', `/api/notes/${target}`, { body: { text: 'y' } }), 404, 'Note not found');
            expect(await user.bearer('DELETE', `/api/notes/${target}`), 404, 'Note not found');
        }
        assert.deepEqual((await other.ok('GET', '/api/notes')).notes, [theirs]);
        for (const [method, path] of [['GET', '/api/notes'], ['POST', '/api/notes'], ['PUT', `/api/notes/${id}`],
            ['PATCH', `/api/notes/${id}`], ['DELETE', `/api/notes/${id}`]]) {
            const body = method === 'GET' ? undefined : '{}';
            expect(await request(at.stack, method, path, { body }), 401, 'Unauthorized');
        }
    });

    it('raise the events of their rows', async () => {
        const { next } = await user.ok('GET', '/api/changes');
        const note = await make('seen by all');
        await user.ok('PUT', `/api/notes/${note.id}`, { text: 'again' });
        await user.ok('DELETE', `/api/notes/${note.id}`);
        const { events } = await user.ok('GET', `/api/changes?since=${next}`);
        assert.deepEqual(events.map((event) => event.event),
            ['table:notes:create', 'table:notes:update', 'table:notes:delete']);
        assert.deepEqual(events[0].data, {
            id: note.id, text: note.text, createdAt: note.created, updatedAt: note.updated, version: 1, userId: user.id,
        });
        assert.equal(events[1].data.text, 'again');
        assert.deepEqual(events[2].data, { id: note.id, userId: user.id });
    });

    it('a list is bounded', async () => {
        const many = await User.signUp(at.stack);
        const operations = Array.from({ length: 100 }, (_, i) => ({
            method: 'POST', path: '/api/notes', body: { text: `${i}` },
        }));
        for (let i = 0; i < 11; i++) await many.ok('POST', '/api/batch', { operations });
        const { notes } = await many.ok('GET', '/api/notes');
        assert.equal(notes.length, 1000);
        assert.deepEqual(notes.map((note) => note.id), notes.map((note) => note.id).sort().reverse());
        assert.deepEqual(await many.ok('GET', '/api/notes/count'), { ok: true, count: 1100 });
    });
});
