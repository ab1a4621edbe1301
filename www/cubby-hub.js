// The realtime connection of cubby.js, shared by all tabs: a SharedWorker, or loaded by the tab that holds it.
//
// A Line is the connection: WebSocket, else SSE, else long poll. A Hub is one line for many tabs.

import { ANSWER, PATIENCE, VERSION, locked, newer, parse, pauseOf } from './cubby-common.js';

const PING = 25000;
const SILENCE = 60000; // SSE sends a comment every 25 s

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const within = (ms, promise) => {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('Too slow')), ms)));
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// Each way to connect is a function (line, signal, alive) whose promise ends
// with the connection; alive() is called at the server's first good word.

function byWebSocket(line, signal, alive) {
    return new Promise((resolve) => {
        const socket = new WebSocket(line.socketAddress(), 'cubby.v1');
        let sent = 0;
        let beat = 0;
        let deadline = setTimeout(finish, PATIENCE);
        function finish() { // at once: closing a dead connection may take the browser minutes
            clearTimeout(deadline);
            clearInterval(beat);
            socket.onmessage = socket.onclose = null;
            line.say = line.prod = null;
            socket.close();
            resolve();
        }
        const say = (message) => socket.send(JSON.stringify(message));
        const ping = (patience) => {
            sent = performance.now();
            say({ type: 'ping' });
            clearTimeout(deadline);
            deadline = setTimeout(finish, patience);
        };
        socket.onmessage = ({ data }) => {
            const message = parse(data);
            if (!message || (!line.say && message.event !== 'realtime:connected')) return;
            clearTimeout(deadline);
            if (message.type === 'pong') return line.tell({ latency: Math.round(performance.now() - sent) });
            line.take(message);
            if (line.say) return;
            line.say = say;
            line.prod = () => ping(3000);
            say({ type: 'resume', lastEventIds: line.cursors });
            if (line.filters.length) say({ type: 'subscribe', filters: line.filters });
            for (const room of line.rooms) say({ type: 'join', room });
            beat = setInterval(ping, PING, 10000);
            alive();
            ping(10000);
        };
        socket.onclose = finish;
        signal.addEventListener('abort', finish);
    });
}

// The ways below carry one space each: the user's own, and those of the organizations that were joined.
const eachSpace = (line, follow) => Promise.race(
    ['self', ...[...line.rooms].filter((room) => room.startsWith('org:'))].map((space) =>
        follow(space, space === 'self' ? {} : { org: space.slice(4) })));

// One that is refused (the user is not in it, any more) does not end the others.
const refused = (space, { status }) => space !== 'self' && (status === 403 || status === 404);
const never = () => new Promise(() => {});

const bySse = (line, signal, alive) => eachSpace(line, async (space, query) => {
    if (line.cursors[space]) query.lastEventId = line.cursors[space];
    const address = `/events?${new URLSearchParams({ format: 'message', ...query })}`;
    const answer = await within(PATIENCE, line.fetch(address, signal));
    if (refused(space, answer)) return never();
    if (!answer.ok || !answer.headers.get('content-type')?.startsWith('text/event-stream')) throw answer.status;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let greeted = false;
    let text = '';
    for (;;) {
        const { done, value } = await within(greeted ? SILENCE : PATIENCE, reader.read());
        if (done) return;
        const blocks = (text + value).split('\n\n');
        text = blocks.pop();
        for (const block of blocks) {
            const field = (name) => block.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1];
            const message = parse(field('data') ?? '');
            if (!message) continue;
            if (field('id')) message.id = field('id');
            line.take(message, space);
            if (!greeted) alive();
            greeted = true;
        }
    }
});

const byPoll = (line, signal, alive) => eachSpace(line, async (space, query) => {
    for (let seconds = 0; ; seconds = 25) {
        if (line.cursors[space]) query.since = line.cursors[space];
        const address = `/changes?${new URLSearchParams({ ...query, wait: seconds })}`;
        const answer = await within(seconds * 1000 + ANSWER, line.fetch(address, signal));
        if (refused(space, answer)) return never();
        const { events, next, resync } = await within(ANSWER, answer.json());
        if (!events) throw answer.status;
        if (seconds === 0) line.take({ event: 'realtime:connected', data: {}, id: next, timestamp: Date.now() }, space);
        if (resync) line.take({ event: 'realtime:resync', data: {}, id: next, timestamp: Date.now() }, space);
        for (const event of events) line.take(event, space);
        line.cursors[space] = next;
        alive();
        await wait(1000 * Number(answer.headers.get('retry-after') ?? 0));
    }
});

const WAYS = { websocket: byWebSocket, sse: bySse, poll: byPoll };

class Line {
    cursors = {}; // space → id of the last event heard
    rooms = new Set();
    filters = [];
    say = null; // a message to the server, while there is a WebSocket
    prod = null; // is it still there?
    state = { connected: false, connecting: false, transport: null, latency: null, retryIn: null };
    #life = null;
    #attempt = null;
    #hurry = null;

    // hear(message), told(state), and out(): nobody is signed in any more.
    constructor(config, { hear, told, out }) {
        Object.assign(this, { config, hear, told, out });
    }

    start() {
        if (!this.#life) this.#run(this.#life = new AbortController());
    }

    stop() {
        this.#life?.abort();
        this.#life = null;
        this.#attempt?.abort();
        this.#hurry?.();
        this.tell({ connected: false, connecting: false, transport: null, latency: null, retryIn: null });
    }

    // Now is a good moment: the network, or the page, is back.
    wake() {
        this.#hurry?.();
        this.prod?.();
    }

    // The same again with the rooms and spaces as they are asked for; nothing is missed.
    restart() {
        this.#attempt?.abort();
        this.#hurry?.();
    }

    tell(change) {
        this.state = { ...this.state, ...change };
        this.told(this.state);
    }

    socketAddress() {
        const { socket, token } = this.config;
        return token ? `${socket}${socket.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}` : socket;
    }

    fetch(path, signal) {
        const { base, token } = this.config;
        const headers = token ? { authorization: `Bearer ${token}` } : {};
        return fetch(base + path, { signal, headers, credentials: 'include', cache: 'no-store' });
    }

    // What is known already goes no further, whichever way it came.
    take(message, space = message.space ?? 'self') {
        const { event, data } = message;
        let { id } = message;
        if (event === 'realtime:connected' || event === 'realtime:resync') {
            id ??= `${data.epoch}.${data.seq}`;
            if (event === 'realtime:resync' || !this.cursors[space]) this.cursors[space] = id;
            message.at = this.cursors[space];
        } else if (id) {
            if (!newer(id, this.cursors[space])) return;
            this.cursors[space] = id;
        }
        if (space !== 'self') message.space = space;
        this.hear(message);
    }

    // Asked when a connection was refused: is it that way, the sign-in, or everything?
    async #standing(signal) {
        try {
            const { status } = await within(PATIENCE, this.fetch('/me', signal));
            return status === 401 ? 'out' : status < 500 ? 'in' : 'down';
        } catch {
            return 'down';
        }
    }

    async #run(life) {
        const { transports } = this.config;
        let level = 0;
        let failures = 0;
        let tries = 0;
        let rise = 5000; // until a better way is tried again
        while (!life.signal.aborted) {
            const attempt = this.#attempt = new AbortController();
            let timer = 0;
            let greeted = false;
            const alive = () => {
                if (greeted) return;
                greeted = true;
                tries = failures = 0;
                if (level === 0) rise = 5000;
                else timer = setTimeout(probe, rise);
                this.tell({ connected: true, connecting: false, transport: transports[level] });
            };
            const probe = async () => {
                rise = Math.min(2 * rise, 300000);
                if (await this.#canUse(transports[0], attempt.signal)) {
                    level = 0;
                    attempt.abort();
                } else timer = setTimeout(probe, rise);
            };
            this.tell({ connecting: true, retryIn: null });
            await WAYS[transports[level]](this, attempt.signal, alive).catch(() => {});
            clearTimeout(timer);
            const meant = attempt.signal.aborted;
            attempt.abort();
            if (life.signal.aborted) return;
            this.tell({ connected: false, connecting: false, transport: null, latency: null });
            if (meant) continue;
            if (!greeted) {
                const standing = await this.#standing(life.signal);
                if (life.signal.aborted) return;
                if (standing === 'out') {
                    this.stop();
                    return this.out();
                }
                if (standing === 'in' && ++failures > (level === 0 ? 1 : 0)) {
                    level = (level + 1) % transports.length;
                    failures = 0;
                }
            }
            const retryIn = pauseOf(tries++);
            this.hear({ event: 'realtime:disconnected', data: { retryIn }, timestamp: Date.now() });
            this.tell({ retryIn: Math.round(retryIn) });
            await Promise.race([wait(retryIn), new Promise((resolve) => (this.#hurry = resolve))]);
        }
    }

    // A trial that disturbs nothing.
    async #canUse(transport, signal) {
        if (transport !== 'websocket') return true;
        const socket = new WebSocket(this.socketAddress(), 'cubby.v1');
        signal.addEventListener('abort', () => socket.close());
        const greeting = new Promise((resolve, reject) => {
            socket.onmessage = resolve;
            socket.onclose = reject;
        });
        const good = await within(PATIENCE, greeting).then(() => true, () => false);
        socket.close();
        return good;
    }
}

// With filters for envelopes the server sends only what some filter names: then these ask for all changes.
const CHANGES = ['table:*', 'kv:*', 'organization:*'].map((type) => ({ type }));

class Hub {
    #tabs = new Map(); // port → { rooms, filters }
    #user;

    constructor(config) {
        this.line = new Line(config, {
            hear: (message) => this.#hear(message),
            told: (state) => this.#post({ state }),
            out: () => this.#post({ out: true }),
        });
    }

    #post(message, except) {
        for (const port of this.#tabs.keys()) if (port !== except) port.postMessage(message);
    }

    // Events go to the tabs of this user; those of a room to the tabs that are in it.
    #hear(message) {
        const { room } = message.data ?? {};
        for (const [port, tab] of this.#tabs) {
            const meant = message.id || !this.line.rooms.has(room) || tab.rooms.has(room);
            if (meant && tab.user === this.#user) port.postMessage({ message });
        }
    }

    #refresh() {
        const { line } = this;
        const tabs = [...this.#tabs.values()];
        const rooms = new Set(tabs.flatMap((tab) => [...tab.rooms]));
        const asked = [...new Map(tabs.flatMap((tab) => tab.filters).map((filter) =>
            [JSON.stringify(filter), filter])).values()];
        const filters = asked.length ? [...CHANGES, ...asked] : [];
        const joined = [...rooms].filter((room) => !line.rooms.has(room));
        const left = [...line.rooms].filter((room) => !rooms.has(room));
        const now = filters.map((filter) => JSON.stringify(filter));
        const gone = line.filters.filter((filter) => !now.includes(JSON.stringify(filter)));
        Object.assign(line, { rooms, filters });
        for (const room of left) delete line.cursors[room];
        if (line.say) {
            if (filters.length) line.say({ type: 'subscribe', filters });
            if (gone.length) line.say({ type: 'unsubscribe', filters: gone });
            for (const room of joined) line.say({ type: 'join', room });
            for (const room of left) line.say({ type: 'leave', room });
        } else if ([...joined, ...left].some((room) => room.startsWith('org:'))) line.restart();
    }

    // What a tab says. `soon` ms are for the other tabs to say where they are, when this hub takes over.
    take(port, { what, tab, message, room }, soon = 0) {
        const { line } = this;
        if (what === 'hello') {
            if (this.#user !== tab.user) { // somebody else has signed in
                line.stop();
                line.cursors = {};
                this.#user = tab.user;
            }
            for (const [space, id] of Object.entries(tab.cursors)) {
                if (!line.state.connected && (!line.cursors[space] || newer(line.cursors[space], id))) {
                    line.cursors[space] = id;
                }
            }
            if (!this.#tabs.has(port) && tab.lock) locked(tab.lock, () => this.take(port, { what: 'bye' }));
            this.#tabs.set(port, tab);
            this.#refresh();
            port.postMessage({ hello: line.cursors, state: line.state });
            setTimeout(() => this.#tabs.size && line.start(), soon);
        } else if (what === 'bye') {
            this.#tabs.delete(port);
            this.#refresh();
            if (!this.#tabs.size) line.stop();
        } else if (what === 'tab') {
            if (!this.#tabs.has(port)) return;
            this.#tabs.set(port, tab);
            this.#refresh();
            if (room) line.say?.({ type: 'presence', room }); // another tab was there before
        } else if (what === 'say') {
            line.say?.(message);
            // The server does not send a broadcast back where it came from: the other tabs are there, too.
            if (message.type === 'broadcast') {
                const data = { ...message.data, userId: this.#user, ...(message.room && { room: message.room }) };
                for (const [other, { rooms }] of this.#tabs) {
                    if (other === port || (message.room && !rooms.has(message.room))) continue;
                    other.postMessage({ message: { event: message.event, data, timestamp: Date.now() } });
                }
            }
        } else if (what === 'wake') {
            line.wake();
        }
    }
}

// Ways to a hub, besides the worker: { kind, post(message), close() }. What it says comes to hear(message),
// never before that is returned.
export function hubInTab(config, hear) {
    const hub = new Hub(config);
    const port = { postMessage: (message) => queueMicrotask(() => hear(message)) };
    return { kind: 'none', post: (message) => hub.take(port, message), close: () => hub.line.stop() };
}

// In the tab that holds a lock. `again`: say hello, there is another hub.
export function hubByLocks(config, hear, id, again) {
    const name = `cubby ${VERSION} ${config.base} ${config.transports}`;
    const channel = new BroadcastChannel(name);
    const ports = new Map();
    let hub = null;
    let resign = () => {};
    const take = (from, message) => {
        if (!ports.has(from)) {
            ports.set(from, { postMessage: (to) => (from === id ? queueMicrotask(() => hear(to))
                : channel.postMessage({ to: from, message: to })) });
        }
        hub.take(ports.get(from), message, 100);
        if (message.what === 'bye') ports.delete(from);
    };
    channel.onmessage = ({ data }) => {
        if (data.leader) again();
        else if (data.to === id) hear(data.message);
        else if (data.from && hub) take(data.from, data.message);
    };
    const closed = new AbortController();
    locked(`${name} leader`, () => new Promise((resolve) => {
        resign = resolve;
        hub = new Hub(config);
        channel.postMessage({ leader: true });
        again();
    }), { signal: closed.signal }).catch(() => {});
    return {
        kind: 'locks',
        post: (message) => (hub ? take(id, message) : channel.postMessage({ from: id, message })),
        close() {
            closed.abort();
            hub?.line.stop();
            resign();
            channel.close();
        },
    };
}

if (globalThis.SharedWorkerGlobalScope && globalThis instanceof SharedWorkerGlobalScope) {
    let hub = null; // the worker's name says for which server
    globalThis.onconnect = ({ ports: [port] }) => {
        port.onmessage = ({ data }) => (data.config ? (hub ??= new Hub(data.config)) : hub.take(port, data));
    };
}
