// Cubby in the browser. Types, with words: cubby.d.ts. What is loaded when it is needed: cubby-*.js.

import { ANSWER, PATIENCE, locked, matches, newer, parse, pauseOf } from './cubby-common.js';

const QUEUE_MAX = 1000;
const OFF = { connected: false, connecting: false, transport: null, latency: null, retryIn: null };

const uuid = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
const question = (fields) => `?${new URLSearchParams(fields)}`;
const failure = (status, code, error) => new CubbyError(status, { code, error });

// One that throws does not keep the next from hearing.
function tellEach(runs, ...args) {
    for (const run of [...runs]) {
        try {
            run(...args);
        } catch (error) {
            reportError(error);
        }
    }
}

// Browsers may refuse their storage.
function remembered(method, ...args) {
    try {
        return localStorage[method](...args);
    } catch {
        return null;
    }
}

export class CubbyError extends Error {
    constructor(status, body, retryAfter) {
        super(body.error || `The server answered ${status}`);
        Object.assign(this, { name: 'CubbyError', status, body, retryAfter, code: body.code ?? '',
            details: body.details ?? [] });
    }

    // Nobody said no.
    get transient() {
        return [0, 408, 425, 429, 502, 503, 504].includes(this.status);
    }
}

class Emitter {
    #runs = new Map();

    on(event, run) {
        this.#runs.set(event, (this.#runs.get(event) ?? new Set()).add(run));
        return () => this.off(event, run);
    }

    off(event, run) {
        const runs = this.#runs.get(event);
        if (runs?.delete(run) && !runs.size) this.#runs.delete(event);
    }

    get listeners() {
        return this.#runs.size;
    }

    emit(event, ...args) {
        for (const [pattern, runs] of [...this.#runs]) if (matches(pattern, event)) tellEach(runs, ...args);
    }
}

class Store extends Emitter {
    #runs = new Set();
    #value;
    #stale = false;
    #due = false;
    #stop = null;

    constructor(value) {
        super();
        this.#value = value;
    }

    get value() {
        if (this.#stale) {
            this.#stale = false;
            this.#value = this.compute(this.#value);
        }
        return this.#value;
    }

    getSnapshot = () => this.value;

    subscribe = (run) => {
        const mine = (value) => run(value); // the same function may subscribe twice
        this.#runs.add(mine);
        if (this.#runs.size === 1) this.#stop = this.start?.();
        run(this.value);
        return () => {
            this.#runs.delete(mine);
            if (!this.#runs.size) {
                this.#stop?.();
                this.#stop = null;
            }
        };
    };

    set(value) {
        this.#value = value;
        this.#stale = false;
        this.#tell();
    }

    touch() {
        this.#stale = true;
        this.#tell();
    }

    // Once a frame; hidden pages have none.
    #tell() {
        if (this.#due) return;
        this.#due = true;
        const now = () => {
            if (!this.#due) return;
            this.#due = false;
            tellEach(this.#runs, this.value);
        };
        globalThis.requestAnimationFrame?.(now);
        setTimeout(now, 100);
    }
}

// Another tab may have changed it; that it waits only this one knows.
const merged = (known = {}, stored) => Object.assign(known, stored, { late: known.late || stored.late });

// What the server has not answered: in order, one at a time over all tabs, kept in IndexedDB.
class Writes {
    list = new Store([]);
    conflicts = new Store([]);
    ids = new Map(); // local:key → the server's id
    #over = new Set(); // keys
    kept = null;
    #client;
    #shelf = null;
    #scope = null;
    #settle = new Map(); // key → { resolve, reject } of writes of this tab
    #draining = false;
    #again = false;
    #tries = 0;
    #timer = 0;
    #abort;

    constructor(client) {
        this.#client = client;
    }

    // null: of nobody. Those of others stay where they are.
    async open(scope) {
        this.#scope = scope;
        this.#shelf = this.kept = scope && (async (...call) =>
            (await import('./cubby-shelf.js')).shelf(`cubby ${scope}`, ...call));
        this.#draining = false;
        this.#abort?.abort();
        this.#abort = new AbortController();
        for (const { reject } of this.#settle.values()) reject(failure(401, 'unauthorized', 'Signed out'));
        this.#settle.clear();
        this.#show([]);
        await this.reload();
        this.flush();
    }

    async reload() {
        const shelf = this.#shelf;
        const rows = shelf ? await shelf('writes', 'getAll').catch(() => []) : [];
        if (shelf !== this.#shelf) return;
        const known = new Map(this.list.value.map((write) => [write.key, write]));
        const stored = rows.filter(({ key }) => !this.#over.has(key)).map((row) => merged(known.get(row.key), row));
        this.#show([...stored, ...this.list.value.filter((write) => !write.n && !stored.includes(write))]);
    }

    #show(list = this.list.value) {
        this.list.set([...list]);
        const conflicts = list.filter((write) => write.conflict);
        if (conflicts.length || this.conflicts.value.length) {
            this.conflicts.set(conflicts.map((write) => this.#conflict(write)));
        }
        this.#client.touched();
    }

    async add(method, path, query, body, { base = null, ifMatch } = {}) {
        if (!this.#scope) throw failure(401, 'unauthorized', 'Sign in first');
        if (this.list.value.length >= QUEUE_MAX) throw failure(0, 'queue_full', 'Too many changes wait');
        const write = { key: uuid(), method, path, query, body, at: Date.now(), base, version: base?.version ?? 0,
            ifMatch, late: !this.#client.reachable };
        this.#show([...this.list.value, write]);
        const settled = new Promise((resolve, reject) => this.#settle.set(write.key, { resolve, reject }));
        this.#keep(write).then(this.flush);
        return settled;
    }

    async #keep(write, shelf = this.#shelf) {
        const { n, path, version } = write;
        try {
            const added = await shelf('writes', n ? 'put' : 'add', write);
            write.n ??= added;
        } catch (error) { // full: what is not kept is not accepted
            return this.#drop(write, null, failure(0, 'storage', `Cannot be kept: ${error.message}`), shelf);
        }
        if (path !== write.path || version !== write.version) return this.#keep(write, shelf); // #rewrite() was faster
        this.#client.tellTabs({ queue: true });
    }

    #later(ms = pauseOf(++this.#tries)) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(this.flush, ms);
    }

    flush = async () => {
        const shelf = this.#shelf;
        clearTimeout(this.#timer);
        this.#again = true;
        if (this.#draining || !shelf) return;
        this.#draining = true;
        try {
            while (this.#again && shelf === this.#shelf) {
                this.#again = false;
                await locked(`cubby queue ${this.#scope}`, () => this.#drain(shelf));
            }
        } catch { // the browser's storage
            if (shelf === this.#shelf) this.#later();
        } finally {
            if (shelf === this.#shelf) this.#draining = false;
        }
    };

    async #drain(shelf) {
        for (const { n } of await shelf('writes', 'getAll')) {
            const stored = await shelf('writes', 'get', n); // another tab may have sent it
            if (shelf !== this.#shelf || !this.#client.online) return;
            if (!stored || stored.conflict) continue;
            const write = merged(this.list.value.find(({ key }) => key === stored.key), stored);
            if (!(await this.#send(write, shelf))) return;
        }
    }

    // False: nothing more can be sent now.
    async #send(write, shelf) {
        const { method, path, query, body, edition } = write;
        const headers = { 'idempotency-key': edition ? `${write.key}.${edition}` : write.key };
        // Fields are merged, unless the user may not have seen what stands there now.
        const waited = write.late || Date.now() - write.at > PATIENCE;
        const version = write.ifMatch ?? (waited && write.version);
        if (version) headers['if-match'] = `"${version}"`;
        const { signal } = this.#abort;
        try {
            if (!this.#client.sure) await this.#client.me(); // not as somebody else
            if (shelf !== this.#shelf) return false;
            write.sent = true;
            this.#client.tellTabs({ sent: write.key });
            const { body: answer } = await this.#client.call(method, path + query, body, { headers, signal });
            this.#tries = 0;
            await this.#rewrite(write, answer.data, shelf);
            await this.#drop(write, answer, null, shelf);
        } catch (error) {
            if (shelf !== this.#shelf) return false;
            if (!(error instanceof CubbyError)) throw error;
            const unknown = error.status === 401; // kept until that user is back
            if (unknown) this.#client.me().catch(() => {});
            if (unknown || (error.transient && !this.#client.offlineOff)) {
                for (const one of this.list.value) one.late = true;
                this.#show();
                this.#later(error.retryAfter && error.retryAfter * 1000);
                return false;
            }
            if (error.status === 412 && !write.ifMatch) {
                Object.assign(write, { conflict: true, theirs: error.body.data });
                await this.#keep(write, shelf);
                this.#show();
                this.#client.raise('conflict', this.#conflict(write));
            } else {
                await this.#drop(write, null, error, shelf);
                if (!error.transient) this.#client.raise('write:failed', { write, error });
            }
        }
        return true;
    }

    // Writes that were made from what this one has changed: the row gets its id, or next version.
    async #rewrite({ key, method, path, version }, row, shelf) {
        if (!row?.id || shelf !== this.#shelf) return;
        const later = this.list.value.filter((write) => write.key !== key && (method === 'POST'
            ? write.path === `${path}/local:${key}` : write.path === path && write.version === version));
        for (const write of later) {
            if (method === 'POST') write.path = `${path}/${row.id}`;
            Object.assign(write, { version: row.version, base: row });
            if (write.n) await this.#keep(write, shelf);
        }
    }

    async #drop(write, body, error, shelf) {
        if (write.n) await shelf('writes', 'delete', write.n);
        if (shelf !== this.#shelf) return;
        this.settled(write, body, error);
        this.#client.tellTabs({ settled: write.key, write, body,
            error: error && { status: error.status, body: error.body } });
    }

    sent(key) {
        const write = this.list.value.find((one) => one.key === key);
        if (write) write.sent = true;
    }

    // In any tab. The row comes and the pending one goes in the same moment.
    settled(write, body, error) {
        const promise = this.#settle.get(write.key);
        this.#settle.delete(write.key);
        this.#over.add(write.key);
        if (write.method === 'POST' && body?.data?.id) this.ids.set(`local:${write.key}`, body.data.id);
        if (!error) this.#client.answered(write, body);
        this.#show(this.list.value.filter((one) => one.key !== write.key));
        if (error) promise?.reject(error);
        else promise?.resolve(body);
    }

    #conflict(write) {
        const { key, method, path, body, base, theirs } = write;
        const shelf = this.#shelf; // whoever is signed in when it is decided
        const decide = async (change) => {
            Object.assign(write, { conflict: false, version: theirs.version, base: theirs, late: true }, change);
            await this.#keep(write, shelf);
            await this.reload();
            await this.flush();
        };
        return {
            id: key, method, path, mine: body ?? null, theirs, base,
            keepMine: () => decide({}),
            merge: (fields) => decide({ body: fields, method: 'PUT', edition: (write.edition ?? 0) + 1 }),
            useTheirs: () => this.#drop({ ...write, method: 'PUT' }, { ok: true, data: theirs }, null, shelf),
        };
    }
}

class Live extends Store {
    loading = true;
    error = null;
    hasMore = false;
    #client;
    #rows = new Map();
    #gone = new Set(); // an event on its way does not bring it back
    #asOf = null;
    #held = []; // events, while rows are asked for or created
    #asked = 0;
    #asking = false;
    #of; // user
    #tries = 0;
    #timer = 0;

    constructor(client, path, query, params) {
        super([]);
        Object.assign(this, { path, query, params });
        this.#client = client;
        const order = params.getAll('order');
        const plain = !order.length || (order.length === 1 && /^(createdAt|id):/.test(order[0]));
        // Others are asked again after changes: the server knows how it compares.
        this.simple = plain && !params.has('where') && !params.has('q') && !params.has('offset');
        this.rising = order[0]?.endsWith(':asc') ?? false;
    }

    get limit() {
        return Number(this.params.get('limit') ?? 100);
    }

    start() {
        this.#client.lives.add(this);
        this.refresh();
        return () => {
            this.#client.lives.delete(this);
            clearTimeout(this.#timer);
        };
    }

    async more() {
        this.params.set('limit', this.limit + 100);
        await this.refresh();
    }

    #again(ms) {
        clearTimeout(this.#timer);
        if (this.#client.lives.has(this)) this.#timer = setTimeout(this.refresh, ms);
    }

    refresh = async () => {
        const asked = ++this.#asked;
        this.#asking = true;
        clearTimeout(this.#timer);
        const of = this.#client.user?.id;
        if (of !== this.#of) { // what one user saw is nobody else's
            this.#rows.clear();
            this.#held = [];
            Object.assign(this, { loading: true, hasMore: false });
            this.touch();
        }
        this.#of = of;
        const stale = () => asked !== this.#asked || of !== this.#client.user?.id;
        const question = `${this.path}?${this.params}${this.query.replace('?', '&')}`;
        try {
            const { body, asOf } = await this.#client.call('GET', question);
            if (stale()) return;
            this.#rows = new Map(body.data.map((row) => [row.id, row]));
            this.#asOf = asOf;
            this.#gone.clear();
            this.#tries = 0;
            Object.assign(this, { hasMore: Boolean(body.next), error: null, loading: false });
            this.#client.keep(question, { rows: body.data, asOf });
            this.#asking = false;
            if (newer(this.#client.heardFrom[this.#space], asOf)) this.#again(0); // older than what we hear from on
            this.release();
        } catch (error) {
            if (stale()) return;
            this.#asking = false;
            if (error.transient) this.#again(pauseOf(++this.#tries));
            const kept = this.#rows.size ? null : await this.#client.kept(question);
            if (stale()) return;
            if (kept) this.#rows = new Map(kept.rows.map((row) => [row.id, row]));
            Object.assign(this, { error, loading: false });
        }
        this.touch();
    };

    get #space() {
        return this.query ? `org:${this.query.slice(5)}` : 'self';
    }

    // Is something missing, or was something refused?
    check() {
        if (this.error || newer(this.#client.heardFrom[this.#space], this.#asOf)) this.refresh();
    }

    hear(message, type) {
        if ((message.space ?? 'self') !== this.#space) return;
        if (!this.simple) return this.#again(50);
        const creating = type === 'create' && this.#client.creating(this.path, this.query);
        if (creating || this.#asking) this.#held.push([message, type]);
        if (!creating) this.#apply(message, type);
    }

    release() {
        if (this.#asking || this.#client.creating(this.path, this.query)) return;
        const held = this.#held;
        this.#held = [];
        for (const [message, type] of held) this.#apply(message, type);
    }

    #apply({ id, data }, type) {
        if (!newer(id, this.#asOf)) return;
        if (type === 'delete') this.remove(data.id);
        else this.put(data);
    }

    put(row) {
        const old = this.#rows.get(row.id);
        if (this.#gone.has(row.id) || (old && old.version >= row.version)) return;
        if (this.simple || old) this.#rows.set(row.id, row);
        else this.#rows = new Map([[row.id, row], ...this.#rows]); // where it stood while it was pending
        if (!this.simple) this.#again(50); // the server knows its place
        this.touch();
    }

    remove(id) {
        this.#gone.add(id);
        if (this.#rows.delete(id) && this.hasMore) this.#again(50);
        this.touch();
    }

    find(id) {
        return this.#rows.get(id);
    }

    answered({ method, path, query }, body) {
        const [, name, id] = path.split('/');
        if (query !== this.query || `/${name}` !== this.path) return;
        if (method === 'DELETE') this.remove(id);
        else if (body?.data?.id) this.put(body.data);
    }

    compute() {
        const rows = [...this.#rows.values()];
        if (this.simple) rows.sort((a, b) => ((a.id < b.id) === this.rising ? -1 : 1));
        for (const { id } of rows.splice(this.limit)) {
            this.#rows.delete(id);
            this.hasMore = true;
        }
        return overlay(rows, this.#client.writes.list.value, this);
    }
}

// The rows as they will be when all writes are answered.
function overlay(rows, writes, { path, query, rising }) {
    for (const { key, at, method, path: where, query: of, body } of writes) {
        if (of !== query) continue;
        if (method === 'POST' && where === path) {
            const now = new Date(at).toISOString();
            const row = { ...body, id: `local:${key}`, createdAt: now, updatedAt: now, version: 0, $pending: true };
            if (rising) rows.push(row);
            else rows.unshift(row);
            continue;
        }
        const place = rows.findIndex(({ id }) => where === `${path}/${id}`);
        if (place < 0) continue;
        if (method === 'DELETE') rows.splice(place, 1);
        else rows[place] = { ...rows[place], ...body, $pending: true };
    }
    return rows;
}

function queryOf(make, params = new URLSearchParams()) {
    const having = (name, value, how = 'set') => {
        const more = new URLSearchParams(params);
        more[how](name, value);
        return queryOf(make, more);
    };
    return {
        where: (field, op, value) => having('where', JSON.stringify([field, op, value]), 'append'),
        orderBy: (field, direction = 'asc') => having('order', `${field}:${direction}`, 'append'),
        limit: (rows) => having('limit', rows),
        offset: (rows) => having('offset', rows),
        search: (words) => having('q', words),
        get: () => make.get(params),
        count: () => make.count(params),
        live: () => make.live(params),
    };
}

const isOfKey = (key) => ({ path, query, body }) =>
    path === '/data' && (body?.key ?? new URLSearchParams(query).get('key')) === key;

class Value extends Store {
    #client;
    #key;
    #known = null;
    #of; // user
    #asked = 0;

    constructor(client, key) {
        super(null);
        this.#client = client;
        this.#key = key;
    }

    start() {
        this.#client.lives.add(this);
        this.check();
        const off = this.#client.onChange(this.#key, (value) => this.#learn(value));
        return () => {
            this.#client.lives.delete(this);
            off();
        };
    }

    #learn(value) {
        this.#asked++; // an answer that is on its way may be older
        this.#known = value;
        this.touch();
    }

    async check() {
        const of = this.#client.user?.id;
        if (of !== this.#of) this.#learn(null);
        this.#of = of;
        const asked = ++this.#asked;
        const { body } = await this.#client.call('GET', `/data${question({ key: this.#key })}`).catch(() => ({}));
        if (body && asked === this.#asked) this.#learn(body.data);
    }

    answered(write) {
        if (!isOfKey(this.#key)(write)) return;
        this.#learn(write.body?.value ?? null);
        this.check(); // whether another one wrote since
    }

    compute() {
        return this.#client.pendingValue(this.#key, this.#known);
    }
}

class Channel extends Store {
    isConnected = false;
    isConnecting = false;
    error = null;
    #link = null;

    constructor(client, value) {
        super(value);
        this.client = client;
    }

    start() {
        this.connect();
        return () => this.listeners || this.close();
    }

    on(event, run) {
        this.connect();
        return super.on(event, run);
    }

    // In order, also while the link is loaded.
    async do(what, message) {
        this.#link ??= import('./cubby-link.js').then(({ Link }) => new Link(this));
        try {
            (await this.#link)[what](message);
        } catch (error) {
            this.error = error;
            this.#link = null;
        }
    }

    connect() {
        this.client.channels.add(this);
        this.do('open');
    }

    reconnect() {
        this.do('reconnect');
    }

    close() {
        this.client.channels.delete(this);
        this.do('close');
    }
}

class Counter extends Channel {
    lastUpdate = null;
    protocols = ['cubby.v1'];

    constructor(client, name) {
        super(client, { value: null, previousValue: null, viewers: null, metadata: null });
        this.name = name;
    }

    place() {
        return `/ws/counter/${this.name}`;
    }

    #rpc(op, input = {}) {
        return this.client.request('POST', `${this.client.root}/rpc/counter.${op}`, { name: this.name, ...input });
    }

    // What changed before the socket was open it does not tell.
    opened() {
        this.#rpc('getValue').then(({ value }) => this.set({ ...this.value, value }), () => {});
    }

    missed() {
        this.opened();
    }

    hear({ type, value, previousValue, metadata, count, timestamp }) {
        if (type === 'viewers') this.set({ ...this.value, viewers: count });
        if (!metadata) return;
        this.lastUpdate = new Date(timestamp);
        this.set({ ...this.value, value, previousValue, metadata });
        this.emit('update', { type, value, previousValue, metadata, timestamp });
    }

    increment = (amount = 1) => this.#rpc('increment', { amount });
    decrement = (amount = 1) => this.#rpc('decrement', { amount });
    setValue = (value) => this.#rpc('setValue', { value });
    reset = () => this.#rpc('reset');
    getValue = () => this.#rpc('getValue');
    getHistory = (limit = 50) => this.#rpc('getHistory', { limit });
}

class Notes extends Channel {
    clientId = remembered('getItem', 'notes_client_id');

    constructor(client) {
        super(client, []);
    }

    place() {
        return `/api/notes/ws${this.clientId ? `?clientId=${encodeURIComponent(this.clientId)}` : ''}`;
    }

    hear({ type, clientId, notes, updateId }) {
        if (type === 'connected') {
            this.clientId = clientId;
            remembered('setItem', 'notes_client_id', clientId);
        }
        if (notes) this.set(notes);
        if (updateId) this.do('say', { type: 'ack', updateId });
    }

    refresh() {
        this.do('say', { type: 'refresh' });
    }

    forget() {
        this.set([]);
        this.do(this.client.user ? 'reconnect' : 'close');
    }

    async #write(method, path, body) {
        return (await this.client.request(method, `/notes${path}`, body)).note;
    }

    create = (text) => this.#write('POST', '', { text });
    update = (id, text) => this.#write('PUT', `/${id}`, { text });
    delete = (id) => this.#write('DELETE', `/${id}`);
}

export class CubbyClient extends Emitter {
    user = null;
    sure = false; // the server takes us for `user`
    reachable = globalThis.navigator?.onLine ?? true;
    lives = new Set(); // stores that somebody looks at
    channels = new Set();
    heardFrom = {}; // space → event id
    writes = new Writes(this);
    realtime;
    #inner = new Emitter(); // 'auth', 'call'
    #config;
    #options;
    #ws;
    #token = null;
    #refreshToken = null;
    #refreshing = null;
    #online = true;
    #wanted = true; // realtime
    #port = null;
    #tab = { rooms: new Set(), filters: [], cursors: {} };
    #joins = new Map(); // room → who waits for its presence
    #envelopes = new Set();
    #tabs = null;
    #life = new AbortController();

    constructor(base = '/api', options = {}) {
        super();
        const here = globalThis.location?.href;
        const url = new URL(base.replace(/\/$/, ''), here);
        this.#options = options;
        this.base = url.href;
        this.root = this.base.replace(/\/api$/, '');
        const socket = new URL(options.websocketUrl ?? `${this.base}/ws`, here).href.replace(/^http/, 'ws');
        this.#config = { base: this.base, socket, transports: options.transports ?? ['websocket', 'sse', 'poll'] };
        // Cookies go to our own site only.
        this.bearer = Boolean(options.token) || (here !== undefined && url.origin !== new URL(here).origin);
        this.offlineOff = options.offline === false;
        this.realtime = new Store({ ...OFF, shared: 'none' });
        const state = () => this.realtime.value;
        this.#ws = {
            url: socket,
            get readyState() {
                return state().connected ? 1 : state().connecting ? 0 : 3;
            },
            send: (text) => this.#say(parse(text)),
            close: () => this.disconnectRealtime(),
        };
        if (globalThis.BroadcastChannel) {
            this.#tabs = new BroadcastChannel(`cubby tabs ${this.base}`);
            this.#tabs.onmessage = ({ data }) => this.#fromTab(data);
        }
        const on = (target, event, run) => target?.addEventListener?.(event, run, { signal: this.#life.signal });
        on(globalThis, 'online', () => this.#wake());
        on(globalThis, 'pageshow', ({ persisted }) => {
            this.#wake();
            if (persisted) this.me().catch(() => {});
        });
        on(globalThis, 'pagehide', () => this.#leave()); // it may come back, from the browser's cache
        on(globalThis.document, 'visibilitychange', () => document.visibilityState === 'visible' && this.#wake());
        // The machine slept, if the clock jumps.
        let last = Date.now();
        const clock = setInterval(() => {
            if (Date.now() - last > 15000) this.#wake();
            last = Date.now();
        }, 5000);
        on(this.#life.signal, 'abort', () => clearInterval(clock));
        this.#setUser(parse(remembered('getItem', `cubby user ${this.base}`)), false);
        this.sure = false;
        this.me().catch(() => {});
    }

    async #authorization() {
        const { token } = this.#options;
        const given = typeof token === 'function' ? await token() : token ?? (this.bearer ? this.#token : null);
        return given ? { authorization: `Bearer ${given}` } : {};
    }

    // `path` is below the base, or a whole address.
    call(method, ...rest) {
        const send = () => this.#call(method, ...rest);
        return method === 'GET' && this.bearer && this.#refreshToken ? this.#renewed(send) : send();
    }

    async #call(method, path, body, { headers, signal } = {}) {
        const began = performance.now();
        let response = null;
        let answer = null;
        try {
            if (!this.#online) throw new Error('Offline');
            response = await fetch(path.startsWith('/') ? this.base + path : path, {
                method,
                body: body === undefined ? undefined : JSON.stringify(body),
                headers: { accept: 'application/json',
                    ...(body !== undefined && { 'content-type': 'application/json' }),
                    ...(await this.#authorization()), ...headers },
                credentials: 'include',
                signal: AbortSignal.any([AbortSignal.timeout(ANSWER), ...(signal ? [signal] : [])]),
            });
            answer = await response.json();
        } catch (error) {
            if (signal?.aborted) throw error;
        }
        // What is not our JSON came from a proxy, or a hotel: nobody has answered.
        const understood = answer !== null && typeof answer === 'object' && (response.ok || 'error' in answer);
        const status = understood || response?.status === 413 || response?.status >= 500 ? response.status : 0;
        this.reachable = this.#online && status !== 0 && status < 502;
        this.#inner.emit('call', { method, path, body, status, answer, ms: performance.now() - began });
        if (understood && response.ok) return { body: answer, asOf: response.headers.get('x-as-of') };
        const retryAfter = Number(response?.headers.get('retry-after')) || undefined;
        if (understood || status) throw new CubbyError(status, understood ? answer : {}, retryAfter);
        throw response ? failure(0, 'bad_answer', 'The server’s answer makes no sense')
            : failure(0, 'offline', 'The server cannot be reached');
    }

    async request(method, path, body, options) {
        return (await this.call(method, path, body, options)).body;
    }

    onRequest(run) {
        return this.#inner.on('call', run);
    }

    signup(email, password) {
        return this.#signIn('/signup', { email, password });
    }

    login(email, password) {
        return this.#signIn('/login', { email, password });
    }

    secondFactor(loginToken, code, method = 'totp') {
        return this.#signIn(`/login/${method}`, { loginToken, code });
    }

    async #signIn(path, body) {
        return this.useSession(await this.request('POST', path, body));
    }

    useSession(answer) {
        this.#holds(answer);
        this.#setUser(answer.user);
        return answer;
    }

    // One at a time: a refresh token is good once.
    refresh() {
        return this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    }

    async #refresh() {
        const body = this.#refreshToken && this.bearer ? { refreshToken: this.#refreshToken } : {};
        const answer = this.#holds(await this.request('POST', '/refresh', body));
        this.raise('auth:refresh', { user: this.user });
        return answer;
    }

    #holds(answer) {
        this.#token = answer.token;
        this.#refreshToken = answer.refreshToken;
        return answer;
    }

    // Once more with a new token, where this one is no longer good.
    #renewed(send) {
        return send().catch(async (error) => {
            if (error.status !== 401) throw error;
            await this.refresh();
            return send();
        });
    }

    async logout() {
        try {
            await this.request('POST', '/logout', {});
        } finally {
            this.writes.kept?.('kept', 'clear').catch(() => {});
            this.#setUser(null);
        }
    }

    async me() {
        const before = this.user;
        const { user } = await this.request('GET', '/me').catch((error) => {
            if (error.status !== 401) throw error;
            return { user: null };
        });
        if (this.user === before) this.#setUser(user); // who has signed in or out meanwhile, stays so
        return this.user;
    }

    // tell: the other tabs do not know yet.
    #setUser(user, tell = true) {
        const before = this.user;
        this.user = user;
        this.sure = true;
        if (!user) this.#token = this.#refreshToken = null;
        if (JSON.stringify(user) === JSON.stringify(before)) return;
        remembered('setItem', `cubby user ${this.base}`, JSON.stringify(user));
        if (user?.id !== before?.id) {
            this.#leave();
            this.#tab.cursors = {};
            this.heardFrom = {};
            this.writes.open(user && `${this.base} ${user.id}`);
            for (const live of this.lives) live.refresh?.() ?? live.check();
            for (const channel of this.channels) channel.forget?.();
            this.#enter();
            this.raise(user ? 'auth:login' : 'auth:logout', { user });
        }
        if (tell) this.tellTabs({ user });
        this.#inner.emit('auth', user);
    }

    onAuthStateChanged(run) {
        run(this.user);
        return this.#inner.on('auth', run);
    }

    offAuthStateChanged(run) {
        this.#inner.off('auth', run);
    }

    async get(key) {
        const known = this.pendingValue(key);
        if (known !== undefined) return known;
        return (await this.request('GET', `/data${question({ key })}`)).data;
    }

    async set(key, value) {
        await this.writes.add('POST', '/data', '', { key, value });
        return { ok: true };
    }

    async delete(key) {
        await this.writes.add('DELETE', '/data', question({ key }));
        return { ok: true };
    }

    pendingValue(key, otherwise) {
        const last = this.writes.list.value.findLast(isOfKey(key));
        return last ? last.body?.value ?? null : otherwise;
    }

    value(key) {
        return new Value(this, key);
    }

    onChange(key, run) {
        return this.on('kv:*', (data) => data.key === key && run(data.value ?? null));
    }

    collection(name, { org } = {}) {
        const path = `/${name}`;
        const query = org ? `?org=${encodeURIComponent(org)}` : '';
        const known = (id) => [...this.lives]
            .find((live) => live.path === path && live.query === query && live.find(id))
            ?.find(id);
        const row = (id) =>
            `${path}/${encodeURIComponent(this.writes.ids.get(id) ?? id).replace('local%3A', 'local:')}`;
        const ask = (params, sub = '') => this.request('GET', `${path}${sub}?${params}${query.replace('?', '&')}`);
        const make = {
            get: async (params) => (await ask(params)).data,
            count: async (params) => (await ask(params, '/count')).count,
            live: (params) => new Live(this, path, query, new URLSearchParams(params)),
        };
        const write = (method, where, body, options) => this.writes.add(method, where, query, body, options);
        return {
            create: async (data) => (await write('POST', path, data)).data,
            async findById(id) {
                const found = await ask('', `/${encodeURIComponent(id)}`).catch((error) => error);
                if (found.status === 404) return null;
                if (found instanceof Error) throw found;
                return found.data;
            },
            update: async (id, fields, options) =>
                (await write('PUT', row(id), fields, { base: known(id), ...options })).data,
            delete: async (id, options) => {
                await write('DELETE', row(id), undefined, { base: known(id), ...options });
                return { ok: true };
            },
            onChange: (run) => this.on(`table:${name}:*`, (data, { event, space }) => {
                if ((space ?? '') === (org ? `org:${org}` : '')) run({ type: event.split(':')[2], data });
            }),
            query: () => queryOf(make),
            live: (limit = 100) => make.live({ limit }),
        };
    }

    raise(event, data) {
        this.emit(event, data, { event, data, timestamp: Date.now() });
    }

    onTableEvent(collection, run) {
        return this.on(`table:${collection}:*`, (data, { event }) => run(event.split(':')[2], data));
    }

    onAnyEvent(run) {
        return this.on('*', (data, message) => run(message.event, data, message));
    }

    get isConnected() {
        return this.realtime.value.connected;
    }

    get ws() {
        return this.user && this.#ws;
    }

    connectRealtime() {
        this.#wanted = true;
        this.#enter();
    }

    disconnectRealtime() {
        this.#wanted = false;
        this.#leave();
    }

    broadcast(event, data = {}, room) {
        this.#say({ type: 'broadcast', event, data, ...(room && { room }) });
    }

    join(room) {
        this.#tab.rooms.add(room);
        return this.presence(room);
    }

    leave(room) {
        this.#tab.rooms.delete(room);
        this.#tellHub('tab');
    }

    presence(room) {
        const known = new Promise((resolve) => this.#joins.set(room, [...(this.#joins.get(room) ?? []), resolve]));
        this.#tellHub('tab', room);
        return known;
    }

    subscribe(filters, run) {
        const entry = { filters, run };
        const change = (how) => {
            this.#envelopes[how](entry);
            this.#tab.filters = [...this.#envelopes].flatMap((one) => one.filters);
            this.#tellHub('tab');
        };
        change('add');
        return () => change('delete');
    }

    async publish(type, payload, userId = this.user?.id) {
        const send = async () => this.request('POST', `${this.root}/publish`, { userId, type, payload },
            { headers: { authorization: `Bearer ${this.#token}`, ...(await this.#authorization()) } });
        if (this.#options.token) return send();
        if (!this.#token) await this.refresh(); // cookies are not for /publish
        return this.#renewed(send);
    }

    counter(name = 'global-counter') {
        return new Counter(this, name);
    }

    notes() {
        return new Notes(this);
    }

    live({ key = location.pathname, root = document } = {}) {
        const page = import('./js/live-page.js').then(({ livePage }) =>
            livePage({ key, root, address: `${this.root}/realtime` }));
        return { close: () => page.then((close) => close()) };
    }

    get pending() {
        return this.writes.list;
    }

    get conflicts() {
        return this.writes.conflicts;
    }

    get online() {
        return this.#online;
    }

    set online(online) {
        this.#online = this.reachable = online;
        if (!online) {
            this.#leave();
            for (const channel of this.channels) channel.do('cut');
        } else this.#wake();
    }

    flush() {
        return this.writes.flush();
    }

    close() {
        this.#life.abort();
        this.disconnectRealtime();
        this.#tabs = this.#tabs?.close();
        this.writes.open(null);
        this.lives.clear();
        for (const channel of this.channels) channel.close();
    }

    address(path) {
        const url = new URL(this.root + path);
        url.protocol = url.protocol.replace('http', 'ws');
        if (this.bearer && this.#token) url.searchParams.set('token', this.#token);
        return url;
    }

    keep(question, snapshot) {
        this.writes.kept?.('kept', 'put', snapshot, question).catch(() => {});
    }

    kept(question) {
        return this.writes.kept?.('kept', 'get', question).catch(() => null);
    }

    creating(path, query) {
        return this.writes.list.value.some((write) =>
            write.sent && write.method === 'POST' && write.path === path && write.query === query);
    }

    touched() {
        for (const live of this.lives) {
            live.release?.();
            live.touch();
        }
    }

    answered(write, body) {
        for (const live of this.lives) live.answered(write, body);
    }

    tellTabs(message) {
        this.#tabs?.postMessage({ ...message, of: this.user?.id });
    }

    #fromTab({ user, of, queue, sent, settled, write, body, error }) {
        if (user !== undefined) {
            if (!this.bearer) this.#setUser(user, false);
        } else if (of !== this.user?.id) return;
        else if (settled) this.writes.settled(write, body, error && new CubbyError(error.status, error.body));
        else if (sent) this.writes.sent(sent);
        else if (queue) this.writes.reload();
    }

    #wake() {
        if (!this.#online) return;
        this.reachable = true;
        this.sure = false; // while it slept, another tab may have signed in
        this.#enter();
        this.#tellHub('hello');
        this.#post({ what: 'wake' });
        for (const channel of this.channels) channel.do('wake');
        this.writes.flush();
    }

    async #enter() {
        if (this.#port || !this.#online || !this.user || !this.#wanted) return;
        const soon = this.#port = { post() {}, close() {} };
        try {
            const { openPort } = await import('./cubby-port.js');
            const { authorization } = await this.#authorization();
            const config = { ...this.#config, token: authorization?.slice(7) };
            const { share = true } = this.#options;
            const port = await openPort(config, !this.bearer && share, // a bearer token is this tab's own
                (data) => this.#port === port && this.#hear(data), () => this.#port === port && this.#tellHub('hello'));
            if (this.#port !== soon) return port.close();
            this.#port = port;
            this.#tab = { ...this.#tab, user: this.user.id, lock: port.lock };
            this.#tellHub('hello');
        } catch {
            if (this.#port !== soon) return;
            this.#port = null;
            setTimeout(() => this.#enter(), 5000);
        }
    }

    #leave() {
        this.#post({ what: 'bye' });
        this.#port?.close();
        this.#port = null;
        if (this.isConnected) this.raise('realtime:disconnected', { retryIn: null });
        this.#state(OFF);
    }

    #post(message) {
        this.#port?.post(message);
    }

    #tellHub(what, room) {
        this.#post({ what, room, tab: this.#tab });
    }

    #say(message) {
        if (message) this.#post({ what: 'say', message });
    }

    #state(state) {
        const before = this.realtime.value;
        this.realtime.set({ ...state, shared: this.#port?.kind ?? 'none' });
        if (state.connected && !before.connected) this.#reached();
    }

    #reached() {
        this.reachable = true;
        for (const live of this.lives) live.check();
        this.writes.flush();
    }

    #hear({ hello, state, out, message }) {
        for (const [space, id] of Object.entries(hello ?? {})) this.#heardFrom(space, id);
        if (state) this.#state(state);
        if (out) this.me().catch(() => {});
        if (message) this.#event(message);
    }

    // Everything after `id` will be heard, and nothing between the last event we know and that one.
    #heardFrom(space, id) {
        const { cursors } = this.#tab;
        const last = cursors[space];
        if (last && !newer(id, last)) return;
        cursors[space] = this.heardFrom[space] = id;
        if (last) this.raise('realtime:resync', {});
        for (const live of this.lives) live.check();
    }

    #event(message) {
        const { event, id, data, at, space = 'self' } = message;
        const { cursors } = this.#tab;
        if (id && !at) { // a greeting's is the newest there is: what comes first was before it
            if (!newer(id, cursors[space])) return;
            cursors[space] = id;
        }
        if (event === 'realtime:resync') delete cursors[space];
        if (at && !cursors[space]) this.#heardFrom(space, at);
        const [kind, name, type] = event.split(':');
        for (const live of this.lives) if (kind === 'table' && live.path === `/${name}`) live.hear(message, type);
        if (event === 'presence') {
            for (const resolve of this.#joins.get(data.room) ?? []) resolve(data);
            this.#joins.delete(data.room);
        }
        if (event === 'envelope') {
            import('./cubby-port.js').then(({ deliver }) => deliver(data, this.#envelopes, (ack) => this.#say(ack)));
        }
        if (event === 'realtime:token_expiring') this.#renew();
        this.emit(event, data, message);
    }

    // A stream by cookie lives with the session.
    async #renew() {
        if (!this.bearer) return;
        if (!this.#options.token) await this.refresh().catch(() => {});
        const { authorization } = await this.#authorization();
        if (authorization) this.#say({ type: 'auth', token: authorization.slice(7) });
    }
}

export { CubbyClient as UserDOClient };
export default CubbyClient;
export { batch, debounce } from './cubby-timing.js';
