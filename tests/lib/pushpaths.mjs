// Every path that cubby-pushd answers, from its own table, and how a test makes it say something:
// head(…) is a request to it, cause(user, i) brings message i to those who listen, tags(events) are
// the messages that came, words what a client can say.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { FIN, TEXT, frame, upgradeHead } from './frames.mjs';
import { mint, request } from './http.mjs';
import { ROOT } from './stack.mjs';

export const BACKEND = mint({ sub: 'a backend' });
const PAGE = '/a page';
const COUNTER = 'hostile';

// The rows of pushd/endpoints.c: { name: `path subprotocol transport`, need: who may, as it says
// there, inOrg: whether it may be about an organization }.
export function readTable() {
    const text = fs.readFileSync(`${ROOT}/pushd/endpoints.c`, 'utf8');
    const macros = Object.fromEntries([...text.matchAll(/#define (\w+)\(at\)((?:.*\\\n)+.*)/g)]
        .map(([, name, body]) => [name, body]));
    const table = /static const struct endpoint endpoints\[\] = \{\n(.*?)\n\};/s.exec(text)[1];
    const rows = table.matchAll(/^ {4}(?:(\w+)\((".*?")\)|\{\n(.*?)\n {4}\}),$/gms);
    return [...rows].map(([, macro, at, body]) => {
        const row = body ?? `.path = STR(${at}),${macros[macro]}`;
        const word = (pattern) => pattern.exec(row)?.[1] ?? '';
        const name = [word(/\.path = STR\("(.*?)"\)/), word(/\.subprotocol = STR\("(.*?)"\)/),
            word(/TRANSPORT_(\w+)/) || (row.includes('.post') ? 'POST' : 'GET')].filter(Boolean).join(' ');
        return { name, need: word(/\.need = NEED_(\w+)/) || 'NOTHING', inOrg: row.includes('.pass = ') };
    });
}

export const rowsOfTable = () => readTable().map((row) => row.name);

// --- what brings messages ---

const pad = (size) => 'x'.repeat(size);
const setKey = (user, tag, size) => user.ok('POST', '/data', { key: 'k', value: { tag, pad: pad(size) } });

function publish(user, tag, size) {
    return request(user.stack, 'POST', '/publish', { port: user.stack.pushPort,
        headers: { authorization: BACKEND }, body: { userId: user.id, type: 'm', payload: { tag, pad: pad(size) } } });
}

function render(user, tag, size) {
    return request(user.stack, 'POST', '/live/render', { port: user.stack.pushPort,
        headers: { authorization: `Bearer ${BACKEND}` }, body: { key: PAGE, html: `${tag} ${pad(size)}` } });
}

// One note for the small ones, whose text is the tag. For the large ones the list is long, while
// notes come and go: what is deleted is told at once.
const NOTES_LARGE = 30;

async function note(user, tag, size) {
    const call = async (method, path, body) => {
        const answer = await user.bearer(method, `/api/notes${path}`, { body });
        assert.equal(answer.status, 200, answer.text);
        return answer.json.note.id;
    };
    if (size === 0) {
        user.note = await (user.note ? call('PUT', `/${user.note}`, { text: tag }) : call('POST', '', { text: tag }));
        return;
    }
    user.long ??= await Promise.all([1, 2, 3, 4].map(() => call('POST', '', { text: pad(size) })));
    await call('DELETE', `/${await call('POST', '', { text: tag })}`);
    if (tag === `b${NOTES_LARGE - 1}`) for (const id of user.long) await call('DELETE', `/${id}`);
}

const increment = (user, tag) => user.ok('POST', '/rpc/counter.setValue',
    { name: COUNTER, value: Number(tag.slice(1)) + (tag[0] === 'b' ? 1000000 : 0) });
const counterTag = ({ value }) => (value >= 1000000 ? `b${value - 1000000}` : `w${value}`);
const firstWord = (text) => text.split(' ')[0];

function noteTags(events) {
    const seen = new Set();
    for (const { notes = [] } of events) for (const one of notes) seen.add(firstWord(one.text));
    return [...seen];
}

// --- the table ---

const say = (...words) => words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word)));
const filters = (from) => Array.from({ length: 50 }, (_, i) => ({ type: 'm', n: `${from + i}` }));

const bearer = (user) => ({ authorization: `Bearer ${user.token}` });
const own = (user) => ({ authorization: `Bearer ${mint({ userId: user.id })}` });

const WS = { kind: 'ws', path: '', protocols: [], headers: bearer, slow: 'close', size: 200000, large: 60 };
const V1 = { protocols: ['cubby.v1'] };

const CONNECT = { ...WS, headers: own, cause: publish, first: { type: 'subscribe', filters: [{ type: 'm' }] },
    tags: (events) => events.filter((e) => e.payload).map((e) => e.payload.tag), acks: true, waits: true,
    words: say({ type: 'subscribe', filters: filters(0) }, { type: 'unsubscribe', filters: filters(0) },
        { type: 'ack', envelopeId: 'none', result: {} }, 'ping', { type: 'subscribe', filters: [7, {}, null] }) };
const NOTES = { ...WS, cause: note, tags: noteTags, large: NOTES_LARGE, acks: true, orderless: true,
    words: say({ type: 'subscribe' }, { type: 'refresh' }, { type: 'ack', updateId: 'none' }, { type: 'ping' },
        { type: 'identify', clientId: 'x' }, { type: 'nothing' }) };
const COUNTERS = { ...WS, cause: increment, tags: (events) => events.filter((e) => 'value' in e).map(counterTag),
    size: 0, large: 400, pongs: true, words: say('ping', { type: 'ping' }, { type: 'none' }) };
const REALTIME = { cause: render, size: 800000, large: 20 };

export const PATHS = {
    '/api/events SSE': { kind: 'sse', path: '/api/events', headers: bearer, slow: 'continue', cause: setKey,
        size: 100000, large: 100, tags: (events) => events.filter((e) => e.name === 'kv:set')
            .map((e) => e.data.data.value.tag) },
    '/api/ws cubby.v1 WS': { ...WS, ...V1, path: '/api/ws', slow: 'continue', cause: setKey, size: 100000, large: 100,
        tags: (events) => events.filter((e) => e.event === 'kv:set').map((e) => e.data.value.tag),
        words: say({ type: 'subscribe', filters: filters(0) }, { type: 'unsubscribe', filters: filters(0) },
            { type: 'join', room: 'room:a' }, { type: 'leave', room: 'room:a' }, { type: 'presence', room: 'room:a' },
            { type: 'ack', envelopeId: 'none' }, { type: 'ping' }, 'ping', { type: 'auth', token: 'none' },
            { type: 'broadcast', event: 'app:x', data: { a: 1 } }, { type: 'resume', lastEventIds: { self: '1.0' } }) },
    '/api/ws WS': { ...WS, path: '/api/ws', cause: setKey, size: 100000, large: 100, words: say('{"a":1}', 'text'),
        tags: (events) => events.filter((e) => e.event === 'kv:k').map((e) => e.data.tag) },
    '/connect WS': { ...CONNECT, path: '/connect' },
    '/ WS': { ...CONNECT, path: '/' },
    '/publish POST': { kind: 'post', path: '/publish', headers: () => ({ authorization: BACKEND }),
        body: { userId: 'nobody', type: 'm' }, answer: '{"clientCount":0,"results":[]}', forbidden: true },
    '/ws/counter/* cubby.v1 WS': { ...COUNTERS, ...V1, path: `/ws/counter/${COUNTER}` },
    '/ws/counter/* WS': { ...COUNTERS, path: `/ws/counter/${COUNTER}` },
    '/realtime SSE': { ...REALTIME, kind: 'sse', slow: 'ends', headers: bearer,
        path: `/realtime?key=${encodeURIComponent(PAGE)}`,
        tags: (events) => events.map((e) => firstWord(e.data.html)) },
    '/realtime WS': { ...WS, ...REALTIME, path: `/realtime?key=${encodeURIComponent(PAGE)}`, words: say('ping', '{}'),
        tags: (events) => events.filter((e) => e.event === 'render').map((e) => firstWord(e.data.html)) },
    '/live/render POST': { kind: 'post', path: '/live/render', headers: () => ({ authorization: `Bearer ${BACKEND}` }),
        body: { key: 'nobody', html: '' }, answer: '{"ok":true,"clientCount":0}', forbidden: true },
    '/api/notes/ws WS': { ...NOTES, path: '/api/notes/ws' },
    '/api/notes-ws/ws WS': { ...NOTES, path: '/api/notes-ws/ws' },
    // Where it is on, its sign-in is another one: tests/stack/admin.mjs.
    '/api/admin/events SSE': { kind: 'get', path: '/api/admin/events', headers: () => ({}), answer: null, open: true,
        off: 404, refuses: 401, elsewhere: 403 },
    '/push/healthz GET': { kind: 'get', path: '/push/healthz', headers: () => ({}), answer: '{"ok":true}', open: true },
    '/push/metrics GET': { kind: 'get', path: '/push/metrics', open: true,
        headers: () => ({ authorization: 'Bearer for metrics' }), answer: null },
    '/push/echo WS': { ...WS, path: '/push/echo', headers: () => ({}), slow: 'waits', open: true, echo: true,
        tags: (events) => events.map(String), words: say('a', 'b') },
};

// The bytes of a request. extra: headers, or changes to these.
export function head(row, user, extra = {}) {
    const headers = { ...row.headers(user), ...extra };
    if (row.kind === 'ws') {
        const protocols = row.protocols.length > 0 ? { 'Sec-WebSocket-Protocol': row.protocols.join() } : {};
        const said = Object.entries({ ...protocols, ...headers }).filter(([, value]) => value !== null);
        return upgradeHead(row.path, Object.fromEntries(said));
    }
    const body = row.kind === 'post' ? JSON.stringify(row.body) : '';
    const of = row.kind === 'post' ? { 'content-type': 'application/json', 'content-length': body.length } : {};
    const lines = Object.entries({ ...of, ...headers }).filter(([, value]) => value !== null)
        .map(([name, value]) => `${name}: ${value}\r\n`);
    const method = row.kind === 'post' ? 'POST' : 'GET';
    return `${method} ${row.path} HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}\r\n${body}`;
}

export const text = (word) => frame(FIN | TEXT, word);
