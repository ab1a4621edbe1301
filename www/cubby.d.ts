// Types of cubby.js. Kept by hand, and held against it by tests/types.

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** What the server keeps of every row besides its own fields. */
export interface RowFields {
    id: string;
    createdAt: string;
    updatedAt: string;
    version: number;
    userId: string;
    /** Only on rows that show a write which the server has not answered yet. */
    $pending?: true;
}
export type Row<T = Record<string, Json>> = T & RowFields;

export interface User {
    id: string;
    email: string;
    createdAt?: string;
    emailVerified?: boolean;
}

export interface Session {
    ok: true;
    user: User;
    token: string;
    refreshToken: string;
}

/** A refused call. `message` is the server's `error`, a sentence; `status` is 0 when no server was reached. */
export class CubbyError extends Error {
    status: number;
    /** The server's `code`, as `invalid`, `conflict`, `second_factor_required`; `offline`; `queue_full`. */
    code: string;
    details: { path: string; message: string }[];
    /** The whole answer: `loginToken` and `methods` where a second factor is asked for. */
    body: Record<string, any>;
    /** Seconds, where the server said when to come again. */
    retryAfter?: number;
    /** Where an If-Match failed. */
    conflict?: Conflict;
}

/** A value that tells of its changes: a Svelte store, and what React's useSyncExternalStore takes. */
export interface Store<T> {
    readonly value: T;
    /** Calls `run` now and after each change, at most once a frame. */
    subscribe(run: (value: T) => void): () => void;
    /** The same object as long as nothing changed. */
    getSnapshot(): T;
}

/** The rows of a query, kept current while somebody subscribes. */
export interface LiveRows<T> extends Store<Row<T>[]> {
    /** Not yet answered for the first time. */
    readonly loading: boolean;
    readonly error: CubbyError | null;
    /** The server has rows beyond `limit`. */
    readonly hasMore: boolean;
    /** As many rows more, by a longer list. */
    more(): Promise<void>;
    refresh(): Promise<void>;
}

export type Operator = '==' | '!=' | '>' | '>=' | '<' | '<=' | 'includes' | 'in' | 'startsWith';

export interface Query<T> {
    where(field: string, op: Operator, value: Json): Query<T>;
    orderBy(field: string, direction?: 'asc' | 'desc'): Query<T>;
    limit(rows: number): Query<T>;
    offset(rows: number): Query<T>;
    /** Full text, in collections that declare `search`. */
    search(words: string): Query<T>;
    get(): Promise<Row<T>[]>;
    count(): Promise<number>;
    live(): LiveRows<T>;
}

export interface RowChange<T> {
    type: 'create' | 'update' | 'delete';
    data: Row<T> | { id: string; userId: string };
}

export interface WriteOptions {
    /** Refuse (412, a conflict) when the row is of another version. Without it fields are merged. */
    ifMatch?: number;
}

export interface Collection<T> {
    /** Resolves when the server has answered; the row is in live lists at once. */
    create(data: Partial<T>): Promise<Row<T>>;
    /** null when there is none. */
    findById(id: string): Promise<Row<T> | null>;
    update(id: string, fields: Partial<T>, options?: WriteOptions): Promise<Row<T>>;
    delete(id: string, options?: WriteOptions): Promise<{ ok: true }>;
    onChange(run: (change: RowChange<T>) => void): () => void;
    query(): Query<T>;
    /** The newest rows, 100 unless told. */
    live(limit?: number): LiveRows<T>;
}

/** A write that met a newer row. It waits, over reloads too, for one of the three calls. */
export interface Conflict {
    id: string;
    method: 'PUT' | 'PATCH' | 'DELETE';
    path: string;
    /** What was to be written: the fields, or null for a deletion. */
    mine: Record<string, Json> | null;
    /** The row as it is now. */
    theirs: Row;
    /** The row that was changed, where it was known. */
    base: Row | null;
    keepMine(): Promise<void>;
    useTheirs(): Promise<void>;
    merge(fields: Record<string, Json>): Promise<void>;
}

/** A write on its way. */
export interface Write {
    key: string;
    method: string;
    path: string;
    /** The rest of the address: "", or "?" and what follows. */
    query: string;
    body: any;
    /** The row it was made from, where that was known. */
    base: Row | null;
    /** Milliseconds since 1970. */
    at: number;
    /** It was tried, or made, while no server was reached. */
    late: boolean;
    conflict?: boolean;
}

export type Transport = 'websocket' | 'sse' | 'poll';

export interface RealtimeState {
    connected: boolean;
    /** A connection is being tried; false while the next attempt waits `retryIn` ms. */
    connecting: boolean;
    transport: Transport | null;
    /** Milliseconds of the last ping, there and back; null unless by WebSocket. */
    latency: number | null;
    retryIn: number | null;
    /** How tabs share the connection. */
    shared: 'worker' | 'locks' | 'none';
}

export interface ServerEvent {
    event: string;
    data: any;
    timestamp: number;
    id?: string;
    /** "org:<id>" for events of an organization. */
    space?: string;
}

export interface Envelope {
    envelopeId: string;
    type: string;
    userId: string;
    timestamp: string;
    payload?: any;
}

export interface Room {
    room: string;
    members: string[];
    count: number;
}

export interface CounterValue {
    value: number | null;
    previousValue: number | null;
    viewers: number | null;
    metadata: CounterMetadata | null;
}
export interface CounterMetadata {
    id: string;
    name: string;
    value: number;
    createdAt: string;
    updatedAt: string;
    operationCount: number;
}
export interface CounterStep {
    id: number;
    operation: string;
    previousValue: number;
    newValue: number;
    timestamp: string;
}
export interface CounterAnswer {
    name: string;
    value: number;
    previousValue: number;
    metadata: CounterMetadata;
    latestHistory: CounterStep[];
    timestamp: string;
}

/** A counter that everybody shares. Connected from its first listener or subscriber to close(). */
export interface Counter extends Store<CounterValue> {
    readonly isConnected: boolean;
    readonly isConnecting: boolean;
    readonly error: Error | null;
    /** Of the last change, or null. */
    readonly lastUpdate: Date | null;
    /** `increment|decrement|setValue|reset` as the socket tells them, `update` for each of the four,
     *  `viewers`, `open`, `close`, `error`. */
    on(event: string, run: (message: any) => void): () => void;
    off(event: string, run: (message: any) => void): void;
    increment(amount?: number): Promise<CounterAnswer>;
    decrement(amount?: number): Promise<CounterAnswer>;
    setValue(value: number): Promise<CounterAnswer>;
    reset(): Promise<CounterAnswer>;
    getValue(): Promise<{ name: string; value: number }>;
    getHistory(limit?: number): Promise<CounterStep[]>;
    connect(): void;
    close(): void;
}

export interface Note {
    id: string;
    text: string;
    userId: string;
    created: string;
    updated: string;
}

/** The user's notes by the notes protocol: every tab is the same list. */
export interface Notes extends Store<Note[]> {
    readonly clientId: string | null;
    readonly isConnected: boolean;
    readonly isConnecting: boolean;
    readonly error: Error | null;
    /** `update` and the other messages by their type, `open`, `close`, `error`. */
    on(event: string, run: (message: any) => void): () => void;
    off(event: string, run: (message: any) => void): void;
    create(text: string): Promise<Note>;
    update(id: string, text: string): Promise<Note>;
    delete(id: string): Promise<Note>;
    refresh(): void;
    connect(): void;
    /** Cuts the connection and makes a new one, at once. */
    reconnect(): void;
    close(): void;
}

export interface ClientOptions {
    /** Where the WebSocket is, unless at `<base>/ws`. */
    websocketUrl?: string;
    /** A bearer token, or what gives one, in place of cookies. */
    token?: string | (() => string | Promise<string>);
    /** false: writes fail with code `offline` where no server is reached. Default true. */
    offline?: boolean;
    /** false: a connection of this tab's own. Default: one for all tabs. */
    share?: boolean | 'worker' | 'locks';
    /** The transports to be used, best first. Default: all three. */
    transports?: Transport[];
}

export interface RequestOptions {
    headers?: Record<string, string>;
    signal?: AbortSignal;
}

export class CubbyClient {
    /** base: "/api", "https://example.org/cubby/api". */
    constructor(base?: string, options?: ClientOptions);

    /** As far as is known without asking; kept over reloads. */
    readonly user: User | null;
    signup(email: string, password: string): Promise<Session>;
    /** Where a second factor is on: rejects with `second_factor_required`, for secondFactor(). */
    login(email: string, password: string): Promise<Session>;
    secondFactor(loginToken: string, code: string, method?: 'totp' | 'recovery'): Promise<Session>;
    /** A session that was made by another way (a passkey, a code by mail): its answer. */
    useSession(answer: Session): void;
    logout(): Promise<void>;
    /** The signed-in user from the server, or null. */
    me(): Promise<User | null>;
    refresh(): Promise<Session>;
    onAuthStateChanged(run: (user: User | null) => void): () => void;
    offAuthStateChanged(run: (user: User | null) => void): void;

    get(key: string): Promise<any>;
    set(key: string, value: Json): Promise<{ ok: true }>;
    delete(key: string): Promise<{ ok: true }>;
    /** The value of a key, kept current. */
    value<T = any>(key: string): Store<T | null>;
    /** The value, after each change of it. */
    onChange(key: string, run: (value: any) => void): () => void;

    /** options.org: the rows of an organization. */
    collection<T = Record<string, Json>>(name: string, options?: { org?: string }): Collection<T>;

    /** Any call below the base: `request('GET', '/sessions')`. */
    request(method: string, path: string, body?: any, options?: RequestOptions): Promise<any>;
    /** Hears of every call that was answered, or failed (status 0). */
    onRequest(run: (call: { method: string; path: string; body: any; status: number; ms: number; answer: any }) => void): () => void;

    /**
     * Event names as in the protocol; a final `*` is any suffix. Raised here: `realtime:disconnected`
     * {retryIn}, `auth:login|logout|refresh` {user}, `write:failed` {write, error} (it was refused and
     * taken back), `conflict` (a Conflict).
     */
    on(event: string, run: (data: any, event: ServerEvent) => void): () => void;
    off(event: string, run: (data: any, event: ServerEvent) => void): void;
    onTableEvent(collection: string, run: (type: 'create' | 'update' | 'delete', data: any) => void): () => void;
    onAnyEvent(run: (event: string, data: any, whole: ServerEvent) => void): () => void;

    connectRealtime(): void;
    disconnectRealtime(): void;
    readonly isConnected: boolean;
    readonly realtime: Store<RealtimeState>;
    /** Like the WebSocket of existing pages: its state in every tab, whoever holds it; null after logout. */
    readonly ws: { readonly readyState: number; readonly url: string; send(text: string): void; close(): void } | null;

    /** To the user's other connections, or the room's. Names are `user:*` or `app:*`. */
    broadcast(event: string, data: Record<string, Json>, room?: string): void;
    /** The room's members, when they are known. "room:<name>" or "org:<id>". */
    join(room: string): Promise<Room>;
    leave(room: string): void;
    presence(room: string): Promise<Room>;
    /** The answer of `run` acknowledges the envelope. */
    subscribe(filters: Record<string, string>[], run: (envelope: Envelope) => any): () => void;
    publish(type: string, payload?: any, userId?: string): Promise<{ clientCount: number; results: any[] }>;

    counter(name?: string): Counter;
    notes(): Notes;
    /** Keeps the elements with data-live="name" of a server-rendered page current. */
    live(options?: { key?: string; root?: Document | Element }): { close(): void };

    /** Writes that the server has not answered; 0 when everything is safe there. */
    readonly pending: Store<Write[]>;
    readonly conflicts: Store<Conflict[]>;
    /** false: nothing is sent and nothing heard until it is true again. */
    online: boolean;
    /** Tries now what waits. */
    flush(): Promise<void>;
    close(): void;
}
export { CubbyClient as UserDOClient };
export default CubbyClient;

/** Runs once nothing was said for `ms`, with the last arguments. */
export function debounce<A extends any[]>(run: (...args: A) => void, ms?: number): ((...args: A) => void) & { flush(): void };
/** Gathers items for `ms`, the latest of each id, and runs once with them all. */
export function batch<T extends { id: string }>(run: (items: T[]) => void, ms?: number): ((item: T) => void) & { flush(): void };
