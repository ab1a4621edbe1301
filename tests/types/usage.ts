// The client as an application in TypeScript uses it: every export and member of cubby.d.ts. Only
// compiled, never run.

import Client, {
    type ClientOptions, type Collection, type Conflict, type Counter, type CounterAnswer, type CounterMetadata,
    type CounterStep, type CounterValue, CubbyClient, CubbyError, type Envelope, type Json, type LiveRows, type Note,
    type Notes, type Operator, type Query, type RealtimeState, type RequestOptions, type Room, type Row, type RowChange,
    type RowFields, type ServerEvent, type Session, type Store, type Transport, type User, UserDOClient, type Write,
    type WriteOptions, batch, debounce,
} from 'cubby-client';

interface Todo {
    title: string;
    done: boolean;
}

declare function show(...things: unknown[]): void;
/** What a call gives, no more and no less. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const exactly = <A, B>(same: Same<A, B>) => same;

const options: ClientOptions = {
    websocketUrl: 'wss://example.org/api/ws', token: async () => 'token', offline: false, share: 'locks',
    transports: ['websocket', 'sse', 'poll'],
};
const client: CubbyClient = new CubbyClient('/api', options);
const same: UserDOClient = new UserDOClient();
const another: Client = new Client('https://example.org/cubby/api', { token: 'token', share: false });
show(same, another);
// @ts-expect-error: there is no such transport
new CubbyClient('/api', { transports: ['pigeon'] });

export async function accounts() {
    const session: Session = await client.signup('ada@example.org', 'correct horse');
    const { ok, user, token, refreshToken } = session;
    show(ok, user.id, user.email, user.createdAt, user.emailVerified, token, refreshToken);
    try {
        await client.login('ada@example.org', 'correct horse');
    } catch (error) {
        if (!(error instanceof CubbyError)) throw error;
        if (error.code === 'second_factor_required') {
            client.useSession(await client.secondFactor(error.body.loginToken, '123456'));
            await client.secondFactor(error.body.loginToken, 'abcd-efgh-ijkl-mnop', 'recovery');
        }
        const details: { path: string; message: string }[] = error.details;
        const later: number | undefined = error.retryAfter;
        show(error.message, error.status, details, later, error.conflict?.theirs.version);
    }
    const known: User | null = client.user;
    const asked: User | null = await client.me();
    const run = (who: User | null) => show(who?.email);
    const off: () => void = client.onAuthStateChanged(run);
    off();
    client.offAuthStateChanged(run);
    exactly<Session, Awaited<ReturnType<typeof client.refresh>>>(true);
    await client.logout();
    show(known, asked);
    // @ts-expect-error: it is the client's to say
    client.user = null;
}

export async function values() {
    const written: { ok: true } = await client.set('colour', { red: [1, 2] });
    const value = await client.get('colour');
    const colour: Store<{ red: number[] } | null> = client.value<{ red: number[] }>('colour');
    const stop: () => void = colour.subscribe((now) => show(now?.red));
    show(written, value.red, colour.value, colour.getSnapshot());
    client.onChange('colour', (now) => show(now))();
    stop();
    await client.delete('colour');
    // @ts-expect-error: no JSON
    await client.set('colour', () => 1);
}

export async function rows() {
    const todos: Collection<Todo> = client.collection<Todo>('todos');
    const made: Row<Todo> = await todos.create({ title: 'milk', done: false });
    const fields: RowFields = made;
    show(made.title, fields.id, made.createdAt, made.updatedAt, made.version, made.userId, made.$pending);
    const found: Row<Todo> | null = await todos.findById(made.id);
    const how: WriteOptions = { ifMatch: made.version };
    const changed: Row<Todo> = await todos.update(made.id, { done: true }, how);
    exactly<{ ok: true }, Awaited<ReturnType<typeof todos.delete>>>(true);
    await todos.delete(made.id, how);
    const off = todos.onChange((change: RowChange<Todo>) => show(change.type === 'delete', change.data.id));
    off();
    const op: Operator = 'startsWith';
    const query: Query<Todo> = todos.query().where('title', op, 'mi').orderBy('title', 'desc').limit(10).offset(5)
        .search('milk');
    const list: Row<Todo>[] = await query.get();
    const count: number = await query.count();
    const live: LiveRows<Todo> = query.live();
    live.subscribe((now) => show(now.length, now[0]?.title, now[0]?.$pending))();
    await live.more();
    await live.refresh();
    show(live.loading, live.error?.message, live.hasMore, live.value, live.getSnapshot(), todos.live(20), found, changed,
        list, count);
    const any: Row = await client.collection('tasks', { org: 'an id' }).create({ title: 'x' });
    show(any['title'] satisfies Json);
    // @ts-expect-error: no such field
    await todos.create({ titel: 'milk' });
    // @ts-expect-error: no such operator
    todos.query().where('title', '~', 'milk');
}

export async function offline() {
    const pending: Store<Write[]> = client.pending;
    for (const { key, method, path, body, at, late, conflict } of pending.value) {
        show(key, method, path, body, new Date(at), late, conflict);
    }
    const conflicts: Store<Conflict[]> = client.conflicts;
    conflicts.subscribe(async ([first]) => {
        if (!first) return;
        const { id, method, path, mine, theirs, base } = first;
        show(id, method === 'DELETE', path, mine?.['title'], theirs.version, base?.version);
        await first.keepMine();
        await first.useTheirs();
        await first.merge({ ...mine, ...theirs });
    });
    client.online = false;
    show(client.online);
    await client.flush();
    client.close();
}

export async function realtime() {
    client.connectRealtime();
    client.disconnectRealtime();
    const connected: boolean = client.isConnected;
    const state: RealtimeState = client.realtime.value;
    const transport: Transport | null = state.transport;
    show(connected, state.connected, state.connecting, transport, state.latency, state.retryIn, state.shared);
    const run = (data: any, event: ServerEvent) =>
        show(data, event.event, event.data, event.timestamp, event.id, event.space);
    const off: () => void = client.on('table:todos:*', run);
    off();
    client.off('table:todos:*', run);
    client.onTableEvent('todos', (type: 'create' | 'update' | 'delete', data) => show(type, data))();
    client.onAnyEvent((event: string, data, whole: ServerEvent) => show(event, data, whole))();
    show(client.ws?.readyState, client.ws?.url);
    client.ws?.send('{"type":"ping"}');
    client.ws?.close();
    client.broadcast('user:typing', { on: true });
    client.broadcast('app:move', { x: 1 }, 'room:lobby');
    const room: Room = await client.join('room:lobby');
    exactly<Room, Awaited<ReturnType<typeof client.presence>>>(true);
    show(room.room, room.members, room.count);
    client.leave('room:lobby');
    client.subscribe([{ type: 'job', kind: 'print' }], (envelope: Envelope) =>
        [envelope.envelopeId, envelope.type, envelope.userId, envelope.timestamp, envelope.payload])();
    const { clientCount, results } = await client.publish('job', { kind: 'print' }, 'user');
    show(clientCount, results);
    client.live({ key: '/prices', root: document.body }).close();
    // @ts-expect-error: read only
    client.ws = null;
}

export async function counters() {
    const counter: Counter = client.counter('likes');
    const { value, previousValue, viewers, metadata }: CounterValue = counter.value;
    const more: CounterMetadata | null = metadata;
    const hear = (message: any) => show(message);
    counter.on('update', hear)();
    counter.off('update', hear);
    const answer: CounterAnswer = await counter.increment();
    await counter.decrement(2);
    await counter.setValue(7);
    await counter.reset();
    const steps: CounterStep[] = await counter.getHistory(5);
    show((await counter.getValue()).value, answer.latestHistory, steps[0]?.operation, more?.operationCount, value,
        previousValue, viewers, counter.isConnected, counter.isConnecting, counter.error, counter.lastUpdate);
    counter.connect();
    counter.close();
}

export async function notes() {
    const all: Notes = client.notes();
    all.subscribe((list: Note[]) => show(list[0]?.text))();
    const hear = (message: any) => show(message);
    all.on('update', hear);
    all.off('update', hear);
    const note: Note = await all.create('buy milk');
    await all.update(note.id, 'buy more milk');
    exactly<Note, Awaited<ReturnType<typeof all.delete>>>(true);
    all.refresh();
    all.connect();
    all.reconnect();
    all.close();
    show(all.clientId, all.isConnected, all.isConnecting, all.error, note.created, note.updated, note.userId);
}

export async function others() {
    const how: RequestOptions = { headers: { 'if-match': '"1"' }, signal: new AbortController().signal };
    show((await client.request('GET', '/sessions', undefined, how)).sessions);
    client.onRequest(({ method, path, body, status, ms, answer }) => show(method, path, body, status, ms, answer))();
    const save = debounce((text: string, at: number) => show(text, at), 100);
    save('text', 1);
    save.flush();
    const send = batch((items: { id: string; x: number }[]) => show(items.length), 50);
    send({ id: 'a', x: 1 });
    send.flush();
    // @ts-expect-error: what is batched has an id
    batch((items: { x: number }[]) => show(items));
}
