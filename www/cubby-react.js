// The client's values as React hooks. Components that ask for the same share it; it is followed for as
// long as one of them is mounted.

import { useMemo, useSyncExternalStore } from 'react';

const LINGER = 200; // ms
const REMEMBERED = 100; // stores of a client; one that is forgotten goes on in who holds it

const stores = new WeakMap(); // client → Map: what is asked for → its store

function shared(client, key, make) {
    let known = stores.get(client);
    if (!known) stores.set(client, (known = new Map()));
    const found = known.get(key) ?? make();
    known.delete(key);
    known.set(key, found); // the newest last
    if (known.size > REMEMBERED) known.delete(known.keys().next().value);
    return found;
}

const useShared = (client, question, make) => {
    const key = JSON.stringify(question);
    return useMemo(() => shared(client, key, make), [client, key]);
};

// A store is followed a moment longer than the component lives: the next page, or strict mode's second
// try, finds it as it was.
function linger(store) {
    setTimeout(store.subscribe(() => {}), LINGER);
}

/** The value of any store of the client: `useStore(client.pending)`. */
export function useStore(store) {
    const subscribe = useMemo(() => (run) => {
        const stop = store.subscribe(run);
        return () => {
            linger(store);
            stop();
        };
    }, [store]);
    return useSyncExternalStore(subscribe, store.getSnapshot, store.getSnapshot);
}

function ask(collection, { where = [], orderBy = [], search, offset, limit = 100 }) {
    let query = collection.query().limit(limit);
    for (const condition of where) query = query.where(...condition);
    for (const order of orderBy) query = query.orderBy(...[order].flat());
    if (search) query = query.search(search);
    if (offset) query = query.offset(offset);
    return query.live();
}

export function useCollection(client, name, options = {}) {
    const { org } = options;
    const collection = useMemo(() => client.collection(name, org && { org }), [client, name, org]);
    const live = useShared(client, ['rows', name, options], () => ask(collection, options));
    const rows = useStore(live);
    const calls = useMemo(() => ({
        more: () => live.more(),
        refresh: () => live.refresh(),
        create: (data) => collection.create(data),
        update: (id, fields, how) => collection.update(id, fields, how),
        remove: (id, how) => collection.delete(id, how),
    }), [live, collection]);
    return { rows, loading: live.loading, error: live.error, hasMore: live.hasMore, ...calls };
}

/** As useState, but kept on the server and the same in every tab. */
export function useValue(client, key) {
    const value = useStore(useShared(client, ['value', key], () => client.value(key)));
    const set = useMemo(() => (next) => client.set(key, next), [client, key]);
    return [value, set];
}

// Sockets of their own tell of values by `subscribe`, and of the connection by `open` and `close`.
function useChannel(channel) {
    const subscribe = useMemo(() => (run) => {
        const off = ['open', 'close'].map((event) => channel.on(event, run));
        const stop = channel.subscribe(run);
        return () => {
            linger(channel);
            for (const each of off) each();
            stop();
        };
    }, [channel]);
    const connected = () => channel.isConnected;
    const value = useSyncExternalStore(subscribe, channel.getSnapshot, channel.getSnapshot);
    return { value, isConnected: useSyncExternalStore(subscribe, connected, connected) };
}

export function useCounter(client, name = 'global-counter') {
    const counter = useShared(client, ['counter', name], () => client.counter(name));
    const { value, isConnected } = useChannel(counter);
    const calls = useMemo(() => ({
        increment: (amount) => counter.increment(amount),
        decrement: (amount) => counter.decrement(amount),
        setValue: (next) => counter.setValue(next),
        reset: () => counter.reset(),
        getHistory: (limit) => counter.getHistory(limit),
    }), [counter]);
    return { ...value, isConnected, error: counter.error, ...calls };
}

export function useNotes(client) {
    const notes = useShared(client, ['notes'], () => client.notes());
    const { value, isConnected } = useChannel(notes);
    const calls = useMemo(() => ({
        create: (text) => notes.create(text),
        update: (id, text) => notes.update(id, text),
        remove: (id) => notes.delete(id),
    }), [notes]);
    return { notes: value, isConnected, error: notes.error, ...calls };
}

/** State of the connection, for a line that says so. */
export const useRealtime = (client) => useStore(client.realtime);

/** Who is signed in, or null. */
export function useUser(client) {
    const subscribe = useMemo(() => (run) => client.onAuthStateChanged(run), [client]);
    const user = () => client.user;
    return useSyncExternalStore(subscribe, user, user);
}
