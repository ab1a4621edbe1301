// Cubby in the browser: accounts, key-value pairs, rows, live changes, writes that survive being offline. Needs
// nothing else, and no build. Its types, with words, stand in cubby.d.ts; a guide in docs/client.md.
//
// From below: Store and its kind are values that stay current, Writes is the queue of what the server has not answered,
// CubbyClient is what applications see. The realtime connection is in cubby-hub.js, loaded when it is needed.

import { ANSWER, PATIENCE, locked, newer, parse, pauseOf } from './cubby-common.js';

const QUEUE_MAX = 1000;
const OFF = { connected: false, connecting: false, transport: null, latency: null, retryIn: null };

const uuid = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
const matches = (pattern, name) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

export class CubbyError extends Error {
    constructor(status, body, retryAfter) {
        super(body.error || `The server answered ${status}`);
        Object.assign(this, { name: 'CubbyError', status, body, retryAfter, code: body.code ?? '',
            details: body.details ?? [] });
    }

    // Nobody said no: the same call may be good later.
    get transient() {
        return [0, 408, 425, 429, 502, 503, 504].includes(this.status);
    }
}

class Emitter {
    #runs = new Map();

    on(event, run) {
        if (!this.#runs.has(event)) this.#runs.set(event, new Set());
        this.#runs.get(event).add(run);
        return () => this.off(event, run);
    }

    off(event, run) {
        const runs = this.#runs.get(event);
        if (runs?.delete(run) && !runs.size) this.#runs.delete(event);
    }

    get listeners() {
        return this.#runs.size;
    }

    // A listener that throws must not keep the next one from hearing.
    emit(event, ...args) {
        for (const [pattern, runs] of [...this.#runs]) {
            if (!matches(pattern, event)) continue;
            for (const run of [...runs]) {
                try {
                    run(...args);
                } catch (error) {
                    setTimeout(() => { throw error; });
                }
            }
        }
    }
}

// ---- Values that tell of their changes.

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

    // What compute() is made of has changed.
    touch() {
        this.#stale = true;
        this.#tell();
    }

    // Once a frame, however much changed; hidden pages have no frames.
    #tell() {
        if (this.#due) return;
        this.#due = true;
        const now = () => {
            if (!this.#due) return;
            this.#due = false;
            for (const run of [...this.#runs]) run(this.value);
        };
        globalThis.requestAnimationFrame?.(now);
        setTimeout(now, 100);
    }
}

// ---- The queue of writes: in order, one at a time over all tabs, kept in IndexedDB until answered.

const done = (request) => (request?.onsuccess === null ? new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
}) : request);

// Where there is no IndexedDB (or the browser refuses it) writes live as long as the page.
function memory(rows = new Map(), last = 0) {
    const put = (row, key = row.n) => rows.set(key, row);
    return {
        put,
        add: (row) => put(row, row.n = ++last) && last,
        get: (key) => rows.get(key),
        delete: (key) => rows.delete(key),
        getAll: () => [...rows.values()],
    };
}

function openShelf(name) {
    const inMemory = { writes: memory(), kept: memory() };
    const database = new Promise((resolve) => {
        const request = globalThis.indexedDB?.open(name, 1);
        if (!request) return resolve(null);
        request.onupgradeneeded = () => {
            request.result.createObjectStore('writes', { keyPath: 'n', autoIncrement: true });
            request.result.createObjectStore('kept');
        };
        request.onsuccess = () => resolve(request.result);
        request.onerror = request.onblocked = () => resolve(null);
    }).catch(() => null);
    return async (store, method, ...args) => {
        const opened = await database;
        const target = opened ? opened.transaction(store, 'readwrite').objectStore(store) : inMemory[store];
        return done(target[method](...args));
    };
}

class Writes {
    list = new Store([]);
    conflicts = new Store([]);
    kept = null; // snapshots of lists, for a start without a server
    #client;
    #shelf = null;
    #scope = null;
    #settle = new Map(); // key → { resolve, reject } of writes of this tab
    #draining = false;
    #again = false;
    #tries = 0;
    #timer = 0;
    #abort = new AbortController();

    constructor(client) {
        this.#client = client;
    }

    // The writes of one user on one server; null: of nobody. Those of others stay where they are.
    async open(scope) {
        if (scope === this.#scope) return;
        this.#scope = scope;
        this.#shelf = this.kept = scope && openShelf(`cubby ${scope}`);
        this.#draining = false;
        this.#abort.abort();
        this.#abort = new AbortController();
        for (const { reject } of this.#settle.values()) reject(new CubbyError(401, { error: 'Signed out' }));
        this.#settle.clear();
        this.#show([]);
        await this.reload();
        this.flush();
    }

    async reload() {
        const shelf = this.#shelf;
        const known = new Map(this.list.value.map((write) => [write.key, write]));
        const rows = shelf ? await shelf('writes', 'getAll').catch(() => []) : [];
        if (shelf !== this.#shelf) return;
        const stored = new Set(rows.map((write) => write.key));
        const unsaved = this.list.value.filter((write) => !write.n && !stored.has(write.key));
        this.#show([...rows.map((row) => Object.assign(known.get(row.key) ?? {}, row)), ...unsaved]);
    }

    #show(list) {
        this.list.set(list);
        const conflicts = list.filter((write) => write.conflict);
        if (conflicts.length || this.conflicts.value.length) {
            this.conflicts.set(conflicts.map((write) => this.#conflict(write)));
        }
        this.#client.touched();
    }

    add(method, path, query, body, { base = null, ifMatch } = {}) {
        const refused = !this.#scope ? [401, { code: 'unauthorized', error: 'Sign in first' }]
            : this.list.value.length >= QUEUE_MAX && [0, { code: 'queue_full', error: 'Too many changes wait' }];
        if (refused) return Promise.reject(new CubbyError(...refused));
        const write = { key: uuid(), method, path, query, body, at: Date.now(), base, version: base?.version ?? 0, ifMatch,
            late: !this.#client.reachable };
        this.#show([...this.list.value, write]);
        const settled = new Promise((resolve, reject) => this.#settle.set(write.key, { resolve, reject }));
        this.#keep(write).then(() => this.flush());
        return settled;
    }

    async #keep(write) {
        const shelf = this.#shelf;
        try {
            const n = await shelf('writes', write.n ? 'put' : 'add', write);
            write.n ??= n;
        } catch (error) { // full, most likely: not kept is not accepted
            this.#drop(write, null, new CubbyError(0, { code: 'storage', error: `Cannot be kept: ${error.message}` }));
        }
        this.#client.tellTabs({ queue: true });
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
        } finally {
            if (shelf === this.#shelf) this.#draining = false;
        }
    };

    async #drain(shelf) {
        for (const { n } of await shelf('writes', 'getAll')) {
            const stored = await shelf('writes', 'get', n); // another one may have brought it to its end
            if (shelf !== this.#shelf || !this.#client.online) return;
            if (!stored || stored.conflict) continue;
            const write = this.list.value.find(({ key }) => key === stored.key) ?? stored;
            if (!(await this.#send(write, shelf))) return;
        }
    }

    // False: nothing more can be sent now.
    async #send(write, shelf) {
        const { method, path, query, body, edition } = write;
        const headers = { 'idempotency-key': edition ? `${write.key}.${edition}` : write.key };
        // Fields are merged, unless so much time passed that the user may not have seen what stands there now.
        const waited = write.late || Date.now() - write.at > PATIENCE;
        const version = write.ifMatch ?? (waited && write.version);
        if (version) headers['if-match'] = `"${version}"`;
        write.sent = true;
        try {
            const answer = await this.#client.call(method, path + query, body, { headers, signal: this.#abort.signal });
            this.#tries = 0;
            if (shelf === this.#shelf) await this.#rewrite(write, answer.body.data);
            await this.#drop(write, answer.body, null, shelf);
            return true;
        } catch (error) {
            if (shelf !== this.#shelf) return false;
            if (!(error instanceof CubbyError)) throw error;
            if (error.transient) {
                this.#show(this.list.value.map((one) => Object.assign(one, { late: true })));
                if (this.#client.offlineOff) {
                    await this.#drop(write, null, error);
                    return true;
                }
                this.#timer = setTimeout(this.flush, error.retryAfter ? error.retryAfter * 1000 : pauseOf(++this.#tries));
                return false;
            }
            if (error.status === 401) { // kept until that user is back
                this.#client.me().catch(() => {});
                return false;
            }
            if (error.status === 412 && !write.ifMatch) {
                Object.assign(write, { conflict: true, theirs: error.body.data });
                await this.#keep(write);
                this.#show(this.list.value);
                this.#client.raise('conflict', this.#conflict(write));
            } else {
                await this.#drop(write, null, error);
                this.#client.raise('write:failed', { write, error });
            }
            return true;
        }
    }

    // Writes behind this one that were made from what it has changed: a row gets its id, or its next version.
    async #rewrite({ key, method, path, version }, row) {
        if (!row?.id) return;
        for (const later of this.list.value) {
            if (method === 'POST' && later.path === `${path}/local:${key}`) later.path = `${path}/${row.id}`;
            else if (later.path !== path || method === 'POST' || later.version !== version) continue;
            later.version = row.version;
            later.base = row;
            if (later.key !== key) await this.#keep(later);
        }
    }

    async #drop(write, body, error, shelf = this.#shelf) {
        if (write.n) await shelf('writes', 'delete', write.n);
        if (shelf !== this.#shelf) return;
        this.settled(write, body, error);
        this.#client.tellTabs({ settled: write.key, write, body, error: error && { status: error.status, body: error.body } });
    }

    // In this tab or in another one. The row comes and the pending one goes in the same moment.
    settled(write, body, error) {
        const promise = this.#settle.get(write.key);
        this.#settle.delete(write.key);
        if (!error) this.#client.answered(write, body);
        this.#show(this.list.value.filter((one) => one.key !== write.key));
        if (error) promise?.reject(error);
        else promise?.resolve(body);
    }

    #conflict(write) {
        const { key, method, path, body, base, theirs } = write;
        const decide = async (change) => {
            Object.assign(write, { conflict: false, version: theirs.version, base: theirs, late: true }, change);
            await this.#keep(write);
            await this.reload();
            await this.flush();
        };
        return {
            id: key, method, path, mine: body ?? null, theirs, base,
            keepMine: () => decide({}),
            merge: (fields) => decide({ body: fields, method: 'PUT', edition: (write.edition ?? 0) + 1 }),
            useTheirs: () => this.#drop({ ...write, method: 'PUT' }, { ok: true, data: theirs }),
        };
    }
}

// ---- Rows and values that stay current.

class Live extends Store {
    loading = true;
    error = null;
    hasMore = false;
    #client;
    #rows = new Map();
    #gone = new Set(); // what was deleted does not come back by an event that was on its way
    #asOf = null;
    #held = []; // events that came while the rows were asked for, or our own creation was
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
        // Other questions are asked again when something changes: the server knows how it compares.
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
        this.#timer = setTimeout(() => this.refresh(), ms);
    }

    refresh = async () => {
        const asked = ++this.#asked;
        this.#asking = true;
        clearTimeout(this.#timer);
        if (this.#of !== this.#client.user?.id) { // what one user saw is nobody else's
            this.#of = this.#client.user?.id;
            this.#rows.clear();
            Object.assign(this, { loading: true, hasMore: false });
            this.touch();
        }
        const question = `${this.path}?${this.params}${this.query.replace('?', '&')}`;
        try {
            const { body, asOf } = await this.#client.call('GET', question);
            if (asked !== this.#asked) return;
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
            if (asked !== this.#asked) return;
            this.#asking = false;
            if (error.transient) this.#again(pauseOf(++this.#tries));
            const kept = this.#rows.size ? null : await this.#client.kept(question);
            if (kept && asked === this.#asked) this.#rows = new Map(kept.rows.map((row) => [row.id, row]));
            Object.assign(this, { error, loading: false });
        }
        this.touch();
    };

    get #space() {
        return this.query ? `org:${this.query.slice(5)}` : 'self';
    }

    // The connection is back, or told where it goes on: is something missing, or was something refused?
    check() {
        if (this.error || newer(this.#client.heardFrom[this.#space], this.#asOf)) this.refresh();
    }

    // {event, data, id} of table:{c}:{type}; `type` is known.
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

    compute() {
        const rows = [...this.#rows.values()];
        if (this.simple) rows.sort((a, b) => ((a.id < b.id) === this.rising ? -1 : 1));
        for (const { id } of rows.splice(this.limit)) { // beyond the end of what is shown
            this.#rows.delete(id);
            this.hasMore = true;
        }
        return overlay(rows, this.#client.writes.list.value, this);
    }
}

// The rows as they will be when all writes are answered.
function overlay(rows, writes, { path, query, rising }) {
    for (const { key, at, method, path: where, query: of, body } of writes) {
        if (of !== query || !where.startsWith(path)) continue;
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

class Value extends Store {
    #client;
    #key;
    #known = null;
    #of; // user

    constructor(client, key) {
        super(null);
        this.#client = client;
        this.#key = key;
    }

    start() {
        this.#client.lives.add(this);
        this.check();
        const off = this.#client.onChange(this.#key, (value) => {
            this.#known = value;
            this.touch();
        });
        return () => {
            this.#client.lives.delete(this);
            off();
        };
    }

    async check() {
        const of = this.#client.user?.id;
        if (of !== this.#of) this.#known = null;
        this.#of = of;
        this.touch();
        const question = `/data?${new URLSearchParams({ key: this.#key })}`;
        const { body } = await this.#client.call('GET', question).catch(() => ({}));
        if (body && of === this.#of) this.#known = body.data;
        this.touch();
    }

    compute() {
        return this.#client.pendingValue(this.#key, this.#known);
    }
}

// ---- Sockets of their own: counters, notes. They come back by themselves.

class Channel extends Store {
    isConnected = false;
    isConnecting = false;
    error = null;
    #socket = null;
    #wanted = false;
    #tries = 0;
    #timer = 0;
    #beat = 0;

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

    connect() {
        this.#wanted = true;
        this.client.channels.add(this);
        if (this.#socket || !this.client.online) return;
        clearTimeout(this.#timer);
        const socket = this.#socket = new WebSocket(this.client.address(this.place()), this.protocols ?? []);
        this.isConnecting = true;
        let deadline = setTimeout(() => this.#lost(socket), PATIENCE);
        const ping = (patience) => {
            socket.send('{"type":"ping"}');
            clearTimeout(deadline);
            deadline = setTimeout(() => this.#lost(socket), patience);
        };
        socket.onopen = () => {
            clearTimeout(deadline);
            this.#tries = 0;
            Object.assign(this, { isConnected: true, isConnecting: false, error: null });
            this.#beat = setInterval(ping, 30000, 10000);
            this.prod = () => ping(3000);
            this.opened?.();
            this.emit('open');
        };
        socket.onmessage = ({ data }) => {
            clearTimeout(deadline);
            const message = parse(data);
            if (!message || message.type === 'pong') return;
            this.hear(message);
            this.emit(message.type, message);
        };
        socket.onclose = () => this.#lost(socket);
        this.#drop = () => clearTimeout(deadline);
    }

    #drop = () => {};

    #lost(socket) {
        if (socket !== this.#socket) return;
        this.#end();
        this.error = new Error('The connection was lost');
        this.emit('close');
        this.emit('error', this.error);
        this.missed?.();
        if (this.#wanted) this.#timer = setTimeout(() => this.connect(), pauseOf(this.#tries++, 2500));
    }

    #end() {
        this.#drop();
        clearInterval(this.#beat);
        clearTimeout(this.#timer);
        const socket = this.#socket;
        this.#socket = this.prod = null;
        Object.assign(this, { isConnected: false, isConnecting: false });
        if (socket) socket.onclose = socket.onmessage = null;
        socket?.close();
    }

    // Until wake().
    cut() {
        if (this.#socket) this.#lost(this.#socket);
    }

    wake() {
        if (this.#wanted && !this.#socket) this.connect();
        else this.prod?.();
    }

    say(message) {
        if (this.isConnected) this.#socket.send(JSON.stringify(message));
    }

    reconnect() {
        this.#end();
        this.#tries = 0;
        this.connect();
    }

    close() {
        this.#wanted = false;
        this.client.channels.delete(this);
        this.#end();
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

    // What changed before the socket was open it does not tell; without one, this is all there is.
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
    clientId = globalThis.localStorage?.getItem('notes_client_id') ?? null;

    constructor(client) {
        super(client, []);
    }

    place() {
        return `/api/notes/ws${this.clientId ? `?clientId=${encodeURIComponent(this.clientId)}` : ''}`;
    }

    hear({ type, clientId, notes, updateId }) {
        if (type === 'connected') {
            this.clientId = clientId;
            globalThis.localStorage?.setItem('notes_client_id', clientId);
        }
        if (notes) this.set(notes);
        if (updateId) this.say({ type: 'ack', updateId });
    }

    refresh() {
        this.say({ type: 'refresh' });
    }

    forget() {
        this.set([]);
        this.reconnect();
    }

    async #write(method, path, text) {
        return (await this.client.request(method, `/notes${path}`, text === undefined ? undefined : { text })).note;
    }

    create = (text) => this.#write('POST', '', text);
    update = (id, text) => this.#write('PUT', `/${id}`, text);
    delete = (id) => this.#write('DELETE', `/${id}`);
}

// ---- The client.

export class CubbyClient extends Emitter {
    user = null;
    reachable = globalThis.navigator?.onLine ?? true;
    lives = new Set(); // stores that somebody looks at
    channels = new Set();
    heardFrom = {}; // space → id from which on every event is heard
    writes = new Writes(this);
    realtime;
    #config;
    #options;
    #ws;
    #token = null;
    #refreshToken = null;
    #online = true;
    #wanted = true; // realtime
    #port = null;
    #tab = { rooms: [], filters: [], cursors: {} };
    #joins = new Map(); // room → promises that wait for its presence
    #envelopes = new Set();
    #tabs = null; // channel to the client's other tabs
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
        on(globalThis, 'pageshow', () => this.#wake());
        on(globalThis, 'pagehide', () => this.#leave()); // it may come back, from the browser's cache
        on(globalThis.document, 'visibilitychange', () => document.visibilityState === 'visible' && this.#wake());
        // A clock that jumped: the machine slept.
        let last = Date.now();
        const clock = setInterval(() => {
            if (Date.now() - last > 15000) this.#wake();
            last = Date.now();
        }, 5000);
        on(this.#life.signal, 'abort', () => clearInterval(clock));
        this.#setUser(parse(globalThis.localStorage?.getItem(`cubby user ${this.base}`) ?? 'null'));
        this.me().catch(() => {});
    }

    // -- Calls

    async #authorization() {
        const { token } = this.#options;
        const given = typeof token === 'function' ? await token() : token ?? (this.bearer ? this.#token : null);
        return given ? { authorization: `Bearer ${given}` } : {};
    }

    // Resolves to { body, asOf }. `path` is below the base, or a whole address.
    async call(method, path, body, { headers, signal } = {}) {
        const began = performance.now();
        const abort = new AbortController();
        const timer = setTimeout(() => abort.abort(), ANSWER);
        signal?.addEventListener('abort', () => abort.abort());
        let response = null;
        let answer = null;
        try {
            if (!this.#online) throw new Error('Offline');
            response = await fetch(path.startsWith('/') ? this.base + path : path, {
                method,
                body: body === undefined ? undefined : JSON.stringify(body),
                headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }),
                    ...(await this.#authorization()), ...headers },
                credentials: 'include',
                signal: abort.signal,
            });
            answer = await response.json();
        } catch (error) {
            if (signal?.aborted) throw error;
        } finally {
            clearTimeout(timer);
        }
        // What is not our JSON came from somewhere on the way (a proxy, a hotel): nobody has answered.
        const understood = answer !== null && typeof answer === 'object' && (response.ok || 'error' in answer);
        const status = understood || response?.status === 413 || response?.status >= 500 ? response.status : 0;
        this.reachable = this.#online && status !== 0 && status < 502;
        this.emit('call', { method, path, body, status, answer, ms: performance.now() - began });
        if (understood && response.ok) return { body: answer, asOf: response.headers.get('x-as-of') };
        const retryAfter = Number(response?.headers.get('retry-after')) || undefined;
        throw new CubbyError(status, understood ? answer : status ? {} : response
            ? { code: 'bad_answer', error: 'The server’s answer makes no sense' }
            : { code: 'offline', error: 'The server cannot be reached' }, retryAfter);
    }

    async request(method, path, body, options) {
        return (await this.call(method, path, body, options)).body;
    }

    onRequest(run) {
        return this.on('call', run);
    }

    // -- Accounts

    async signup(email, password) {
        return this.useSession(await this.request('POST', '/signup', { email, password }));
    }

    async login(email, password) {
        return this.useSession(await this.request('POST', '/login', { email, password }));
    }

    async secondFactor(loginToken, code, method = 'totp') {
        return this.useSession(await this.request('POST', `/login/${method}`, { loginToken, code }));
    }

    useSession(answer) {
        this.#token = answer.token;
        this.#refreshToken = answer.refreshToken;
        this.#setUser(answer.user, 'auth:login', true);
        return answer;
    }

    async refresh() {
        const body = this.#refreshToken && this.bearer ? { refreshToken: this.#refreshToken } : {};
        const answer = await this.request('POST', '/refresh', body);
        this.#token = answer.token;
        this.#refreshToken = answer.refreshToken;
        this.raise('auth:refresh', { user: this.user });
        return answer;
    }

    async logout() {
        try {
            await this.request('POST', '/logout', {});
        } finally {
            this.#setUser(null, 'auth:logout', true);
        }
    }

    async me() {
        const before = this.user;
        const settle = (user, event) => { // who has signed in or out meanwhile, stays so
            if (this.user === before) this.#setUser(user, event, true);
            return this.user;
        };
        try {
            return settle((await this.request('GET', '/me')).user, 'auth:login');
        } catch (error) {
            if (error.status !== 401) throw error;
            if (this.bearer && this.#refreshToken) {
                const again = await this.refresh().catch((refused) => refused);
                if (!(again instanceof Error)) return this.me();
                if (again.status !== 401) throw again;
            }
            return settle(null, 'auth:logout');
        }
    }

    #setUser(user, event, tell = false) {
        const changed = user?.id !== this.user?.id;
        const same = JSON.stringify(user) === JSON.stringify(this.user);
        this.user = user;
        if (!user) this.#token = this.#refreshToken = null;
        if (same) return;
        globalThis.localStorage?.[user ? 'setItem' : 'removeItem'](`cubby user ${this.base}`, JSON.stringify(user));
        if (changed) {
            this.#leave();
            this.#tab.cursors = {};
            this.heardFrom = {};
            this.writes.open(user && `${this.base} ${user.id}`);
            for (const live of this.lives) live.refresh?.() ?? live.check();
            for (const channel of this.channels) channel.forget?.();
            this.#enter();
            if (event) this.raise(event, { user });
        }
        if (tell) this.#tabs?.postMessage({ user });
        this.emit('auth', user);
    }

    onAuthStateChanged(run) {
        run(this.user);
        return this.on('auth', run);
    }

    offAuthStateChanged(run) {
        this.off('auth', run);
    }

    // -- Key-value pairs

    async get(key) {
        const known = this.pendingValue(key);
        if (known !== undefined) return known;
        return (await this.request('GET', `/data?${new URLSearchParams({ key })}`)).data;
    }

    async set(key, value) {
        await this.writes.add('POST', '/data', '', { key, value });
        return { ok: true };
    }

    async delete(key) {
        await this.writes.add('DELETE', '/data', `?${new URLSearchParams({ key })}`);
        return { ok: true };
    }

    pendingValue(key, otherwise) {
        const query = `?${new URLSearchParams({ key })}`;
        const last = this.writes.list.value.findLast(({ path, query: of, body }) =>
            path === '/data' && (of === query || body?.key === key));
        return last ? last.body?.value ?? null : otherwise;
    }

    value(key) {
        return new Value(this, key);
    }

    onChange(key, run) {
        const offs = [this.on('kv:set', (data) => data.key === key && run(data.value)),
            this.on('kv:delete', (data) => data.key === key && run(null))];
        return () => offs.forEach((off) => off());
    }

    // -- Rows

    collection(name, { org } = {}) {
        const path = `/${name}`;
        const query = org ? `?org=${encodeURIComponent(org)}` : '';
        const known = (id) => [...this.lives].map((live) => live.path === path && live.query === query && live.find(id))
            .find(Boolean);
        const row = (id) => `${path}/${encodeURIComponent(id).replace('local%3A', 'local:')}`;
        const ask = (params, sub = '') => this.request('GET', `${path}${sub}?${params}${query.replace('?', '&')}`);
        const make = {
            get: async (params) => (await ask(params)).data,
            count: async (params) => (await ask(params, '/count')).count,
            live: (params) => new Live(this, path, query, new URLSearchParams(params)),
        };
        const write = async (method, where, body, options) =>
            this.writes.add(method, where, query, body, options);
        return {
            create: async (data) => (await write('POST', path, data)).data,
            async findById(id) {
                const found = await ask('', `/${encodeURIComponent(id)}`).catch((error) => error);
                if (found.status === 404) return null;
                if (found instanceof Error) throw found;
                return found.data;
            },
            update: async (id, fields, options) => (await write('PUT', row(id), fields, { base: known(id), ...options })).data,
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

    // -- Events

    // An event that no server sent.
    raise(event, data) {
        this.emit(event, data, { event, data, timestamp: Date.now() });
    }

    onTableEvent(collection, run) {
        return this.on(`table:${collection}:*`, (data, { event }) => run(event.split(':')[2], data));
    }

    onAnyEvent(run) {
        return this.on('*', (data, message) => message?.event && run(message.event, data, message));
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
        if (!this.#tab.rooms.includes(room)) this.#tab.rooms.push(room);
        return this.presence(room);
    }

    leave(room) {
        this.#tab.rooms = this.#tab.rooms.filter((one) => one !== room);
        this.#tellHub('tab');
    }

    presence(room) {
        const known = new Promise((resolve) => this.#joins.set(room, [...(this.#joins.get(room) ?? []), resolve]));
        this.#tellHub('tab', room);
        return known;
    }

    subscribe(filters, run) {
        const entry = { filters, run };
        const show = () => {
            this.#tab.filters = [...this.#envelopes].flatMap((one) => one.filters);
            this.#tellHub('tab');
        };
        this.#envelopes.add(entry);
        show();
        return () => {
            this.#envelopes.delete(entry);
            show();
        };
    }

    async publish(type, payload, userId = this.user?.id) {
        const send = async () => this.request('POST', `${this.root}/publish`, { userId, type, payload },
            { headers: { authorization: `Bearer ${this.#token}`, ...(await this.#authorization()) } });
        if (this.#options.token) return send();
        if (!this.#token) await this.refresh(); // cookies are not for /publish
        try {
            return await send();
        } catch (error) {
            if (error.status !== 401) throw error;
            await this.refresh();
            return send();
        }
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

    // -- Offline

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
            for (const channel of this.channels) channel.cut();
        } else this.#wake();
    }

    flush() {
        return this.writes.flush();
    }

    close() {
        this.#life.abort();
        this.#leave();
        this.#tabs?.close();
        for (const channel of [...this.channels]) channel.close();
    }

    // -- Between the parts

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

    // Writes have changed: what shows them looks again.
    touched() {
        for (const live of this.lives) {
            live.release?.();
            live.touch();
        }
    }

    answered({ method, path, query }, body) {
        for (const live of this.lives) {
            if (live.query !== query || !path.startsWith(live.path)) continue;
            if (method === 'DELETE') live.remove(path.slice(live.path.length + 1));
            else if (body?.data?.id) live.put(body.data);
        }
    }

    tellTabs(message) {
        this.#tabs?.postMessage({ ...message, of: this.user?.id });
    }

    #fromTab({ user, of, queue, settled, write, body, error }) {
        if (user !== undefined) {
            if (!this.bearer) this.#setUser(user, user ? 'auth:login' : 'auth:logout');
        } else if (of !== this.user?.id) return;
        else if (settled) this.writes.settled(write, body, error && new CubbyError(error.status, error.body));
        else if (queue) this.writes.reload();
    }

    #wake() {
        if (!this.#online) return;
        this.reachable = true;
        this.#enter();
        this.#tellHub('hello');
        this.#post({ what: 'wake' });
        for (const channel of this.channels) channel.wake();
        this.writes.flush();
    }

    // -- Realtime

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
        const { rooms, ...tab } = this.#tab;
        this.#post({ what, room, tab: { ...tab, rooms: new Set(rooms) } });
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
        if (hello) {
            for (const [space, id] of Object.entries(hello)) this.#heardFrom(space, id);
        }
        if (state) this.#state(state);
        if (out) this.me().catch(() => {});
        if (message) this.#event(message);
    }

    // Everything after `id` will be heard; what came between the last event we know and that one will not.
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
        if (kind === 'table') {
            for (const live of this.lives) if (live.path === `/${name}`) live.hear(message, type);
        }
        if (event === 'presence') {
            for (const resolve of this.#joins.get(data.room) ?? []) resolve(data);
            this.#joins.delete(data.room);
        }
        if (event === 'envelope') this.#envelope(data);
        if (event === 'realtime:token_expiring') this.#renew();
        this.emit(event, data, message);
    }

    async #envelope(envelope) {
        const { type, payload, envelopeId } = envelope;
        for (const { filters, run } of this.#envelopes) {
            const wanted = filters.some(({ type: pattern, ...fields }) => matches(pattern, type)
                && Object.entries(fields).every(([name, value]) => payload?.[name] === value));
            if (wanted) this.#say({ type: 'ack', envelopeId, result: await run(envelope) ?? null });
        }
    }

    // A stream by cookie lives with the session; one by token is told the next token.
    async #renew() {
        if (!this.bearer) return;
        if (!this.#options.token) await this.refresh().catch(() => {});
        const { authorization } = await this.#authorization();
        if (authorization) this.#say({ type: 'auth', token: authorization.slice(7) });
    }
}

export { CubbyClient as UserDOClient };
export default CubbyClient;

// ---- Helpers

export function debounce(run, ms = 100) {
    let timer = 0;
    let latest = null;
    const flush = () => {
        clearTimeout(timer);
        const args = latest;
        latest = null;
        if (args) run(...args);
    };
    return Object.assign((...args) => {
        latest = args;
        clearTimeout(timer);
        timer = setTimeout(flush, ms);
    }, { flush });
}

export function batch(run, ms = 50) {
    const items = new Map();
    let timer = 0;
    const flush = () => {
        clearTimeout(timer);
        timer = 0;
        const all = [...items.values()];
        items.clear();
        if (all.length) run(all);
    };
    return Object.assign((item) => {
        items.delete(item.id);
        items.set(item.id, item);
        timer ||= setTimeout(flush, ms);
    }, { flush });
}
