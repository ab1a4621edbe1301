// The notes' stream (docs/protocol.md, section 8) through each web server: writes over HTTP to every
// socket, one acknowledgement per client, identities across reconnects.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { User, freshEmail, mint } from '../lib/http.mjs';
import { sleep, throughEachServer, until } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const PATH = '/api/notes/ws';

function open(user, clientId, path = PATH) {
    const query = clientId === undefined ? '' : `?clientId=${encodeURIComponent(clientId)}`;
    return SocketReader.open(user.stack, path + query, { headers: { authorization: `Bearer ${user.token}` } });
}

// A socket past its initialSync.
async function openSynced(user, clientId) {
    const socket = await open(user, clientId);
    assert.equal((await socket.next()).type, 'connected');
    assert.equal((await socket.next()).type, 'initialSync');
    return socket;
}

const post = async (user, text) => (await user.ok('POST', '/api/notes', { text })).note;
const isUpdate = (message) => message.type === 'update' && 'operation' in message;

throughEachServer('notes', {}, (at) => {
    it('connected, then the list, newest first, as GET has it', async () => {
        const user = await User.signUp(at.stack);
        await post(user, 'one');
        await post(user, 'two');
        for (const path of [PATH, '/api/notes-ws/ws']) {
            const socket = await open(user, 'tab', path);
            assert.deepEqual(await socket.next(), { type: 'connected', clientId: 'tab' });
            const { notes, timestamp, ...rest } = await socket.next();
            assert.deepEqual(rest, { type: 'initialSync' });
            assert.deepEqual(notes.map((note) => note.text), ['two', 'one']);
            assert.deepEqual({ notes }, await user.ok('GET', '/api/notes'));
            assert.ok(Math.abs(timestamp - Date.now()) < 5000);
            socket.close();
        }
    });

    it('every write reaches two tabs, as the same update', async () => {
        const user = await User.signUp(at.stack);
        const [one, two] = [await openSynced(user, 'one'), await openSynced(user)];
        const expect = async (operation, note, notes) => {
            const [a, b] = [await one.next(), await two.next()];
            assert.deepEqual(a, b);
            assert.deepEqual(Object.keys(a),
                ['type', 'notes', 'updateId', 'timestamp', 'operation', 'affectedNoteId']);
            assert.deepEqual([a.type, a.operation, a.affectedNoteId], ['update', operation, note.id]);
            assert.deepEqual(a.notes, notes);
            for (const socket of [one, two]) socket.send({ type: 'ack', updateId: a.updateId });
            await sleep(220);
        };
        const note = await post(user, 'a');
        await expect('create', note, [note]);
        const { note: changed } = await user.ok('PUT', `/api/notes/${note.id}`, { text: 'b' });
        await expect('update', note, [changed]);
        await user.ok('DELETE', `/api/notes/${note.id}`);
        await expect('delete', note, []);
        const row = await user.ok('POST', '/api/batch',
            { operations: [{ method: 'POST', path: '/api/notes', body: { text: 'c' } }] });
        assert.equal((await one.next(isUpdate)).notes.length, row.results.length);
        one.close();
        two.close();
    });

    it('a burst of writes is a few updates, the last of which has them all', async () => {
        const user = await User.signUp(at.stack);
        const socket = await openSynced(user);
        const started = Date.now();
        for (let i = 0; i < 20; i++) await post(user, `note ${i}`);
        const updates = [];
        await until(async () => {
            updates.push(await socket.next(isUpdate));
            return updates.at(-1).notes.length === 20;
        }, 'all of them');
        assert.ok(updates.length <= 3 + (Date.now() - started) / 150, `${updates.length} updates`);
        assert.equal(new Set(updates.map((update) => update.updateId)).size, updates.length);
        assert.equal(updates.at(-1).affectedNoteId, updates.at(-1).notes[0].id);
        socket.close();
    });

    it('what was not acknowledged comes again, after 5 s and after a reconnect', async () => {
        const user = await User.signUp(at.stack);
        let socket = await openSynced(user, 'mine');
        const note = await post(user, 'again');
        const { operation, affectedNoteId, ...first } = await socket.next();
        assert.deepEqual([operation, affectedNoteId], ['create', note.id]);
        assert.deepEqual(await socket.next(undefined, 8000), { ...first, isRetry: true, attempt: 1 });
        socket.close();
        socket = await open(user, 'mine');
        assert.equal((await socket.next()).type, 'connected');
        assert.deepEqual(await socket.next(), { ...first, isRetry: true, attempt: 2 });
        assert.equal((await socket.next()).type, 'initialSync');
        const twin = await open(user, 'mine');
        assert.equal((await twin.next()).type, 'connected');
        assert.deepEqual(await twin.next(), { ...first, isRetry: true, attempt: 3 });
        twin.send({ type: 'ack', updateId: first.updateId });
        twin.send({ type: 'ping' });
        assert.equal((await twin.next((message) => message.type === 'pong')).type, 'pong'); // it has arrived
        socket.close();
        twin.close();
        const last = await openSynced(user, 'mine');
        assert.deepEqual(await last.rest(200), []);
        last.close();
    });

    it('answers what clients say, in text and binary frames', async () => {
        const user = await User.signUp(at.stack);
        const note = await post(user, 'x');
        const socket = await openSynced(user, 'me');
        const unknown = { type: 'error', message: 'Unknown message type' };
        const invalid = { type: 'error', message: 'Invalid message format' };
        for (const [sent, answer] of [
            ['{"type":"subscribe"}', { type: 'subscribed', notes: [note] }],
            ['{"type":"refresh"}', { type: 'update', notes: [note] }],
            ['{"type":"ping"}', { type: 'pong' }],
            [Buffer.from('{"type":"ping"}'), { type: 'pong' }],
            ['{"type":"identify"}', { type: 'identityRecovered', clientId: 'me' }],
            ['{"type":"dance"}', unknown], ['{}', unknown], ['[1]', unknown],
            ['ping', invalid], ['', invalid], [Buffer.from([0xff]), invalid],
        ]) {
            socket.ws.send(sent);
            assert.deepEqual(await socket.next(), answer, String(sent));
        }
        socket.send({ type: 'ack', updateId: 'unknown' });
        assert.deepEqual(await socket.rest(200), []);
        socket.close();
    });

    it('an id of 1 to 128 characters names a client, whatever they are', async () => {
        const user = await User.signUp(at.stack);
        const ids = ['"}\n{"', '../../x', "'; DROP TABLE c_notes; --", ' ', 'é'.repeat(128), '😀'.repeat(128)];
        for (const id of ids) {
            const socket = await open(user, id);
            assert.deepEqual(await socket.next(), { type: 'connected', clientId: id });
            socket.close();
        }
        for (const query of ['', 'x'.repeat(129), 'é'.repeat(129)].map(encodeURIComponent).concat('%ff', '%00')) {
            const refused = await SocketReader.open(at.stack, `${PATH}?clientId=${query}`,
                { headers: { authorization: `Bearer ${user.token}` } });
            assert.equal(refused.status, 400, query);
        }
        const made = await Promise.all([1, 2].map(async () => (await (await open(user)).next()).clientId));
        assert.notEqual(made[0], made[1]);
    });

    it('another user with the same id is another client, and hears nothing', async () => {
        const [ada, eve] = [await User.signUp(at.stack), await User.signUp(at.stack)];
        const hers = await openSynced(eve, 'same');
        const socket = await openSynced(ada, 'same');
        await post(ada, 'private');
        const { updateId } = await socket.next(isUpdate);
        socket.close();
        hers.send({ type: 'ack', updateId });
        hers.send({ type: 'refresh' });
        assert.deepEqual(await hers.rest(500), [{ type: 'update', notes: [] }]);
        const back = await open(eve, 'same');
        assert.deepEqual((await back.rest(300)).map((message) => message.type), ['connected', 'initialSync']);
        const own = await open(ada, 'same');
        assert.equal((await own.next((message) => message.type !== 'connected')).updateId, updateId);
        for (const reader of [hers, back, own]) reader.close();
    });

    it('is for whoever is signed in, by cookie from our own pages only', async () => {
        const user = await User.signUp(at.stack, freshEmail());
        const refused = async (headers) => (await SocketReader.open(at.stack, PATH, { headers })).status;
        assert.equal(await refused({}), 401);
        assert.equal(await refused({ authorization: 'Bearer nonsense' }), 401);
        assert.equal(await refused({ authorization: `Bearer ${mint({ userId: 'nobody' })}` }), 401);
        assert.equal(await refused({ cookie: user.cookie, origin: 'https://evil.example' }), 403);
        const plain = await user.bearer('GET', PATH);
        assert.deepEqual([plain.status, plain.headers.upgrade], [426, 'websocket']);
        const socket = await SocketReader.open(at.stack, PATH,
            { headers: { cookie: user.cookie, origin: at.stack.origin } });
        assert.equal((await socket.next()).type, 'connected');
        await user.request('POST', '/api/logout');
        assert.equal(await socket.closeCode(), 4401);
    });
});
