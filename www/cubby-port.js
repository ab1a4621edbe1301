// A tab's way to the hub that holds the realtime connection: in a SharedWorker, else in the tab that
// holds a lock, else its own. Loaded by cubby.js when it wants to be connected.

import { VERSION, locked, matches } from './cubby-common.js';

// Calls `lost` where the worker cannot be had (a policy, an old browser).
function hubInWorker(config, hear, lost) {
    const name = `cubby ${VERSION} ${config.base} ${config.transports}`;
    const worker = new SharedWorker(new URL('./cubby-hub.js', import.meta.url), { type: 'module', name });
    const close = () => {
        clearTimeout(timer);
        worker.onerror = worker.port.onmessage = null;
        worker.port.close();
    };
    const failed = () => {
        close();
        lost();
    };
    const timer = setTimeout(failed, 3000);
    worker.onerror = failed;
    worker.port.onmessage = ({ data }) => {
        clearTimeout(timer);
        worker.onerror = null;
        hear(data);
    };
    const post = (message) => worker.port.postMessage(message);
    post({ config });
    return { kind: 'worker', post, close };
}

// Held as long as the tab lives: so the hub learns of its end.
async function signOfLife(lock) {
    let letGo = () => {};
    if (navigator.locks) {
        await new Promise((held) => locked(lock, () => new Promise((free) => {
            letGo = free;
            held();
        })));
    }
    return letGo;
}

// What the hub says comes to hear(), never before this has resolved. again(): say hello, there is another hub.
export async function openPort(config, share, hear, again) {
    const id = crypto.randomUUID?.() ?? String(Math.random());
    const lock = `cubby tab ${id}`;
    const letGo = await signOfLife(lock);
    let closed = false;
    let hub;
    const here = async () => {
        const { hubInTab, hubByLocks } = await import('./cubby-hub.js');
        const alone = !share || !navigator.locks || !globalThis.BroadcastChannel;
        if (!closed) hub = alone ? hubInTab(config, hear) : hubByLocks(config, hear, id, again);
    };
    const nowhere = { kind: 'none', post() {}, close() {} };
    const lost = () => {
        hub = nowhere;
        const retry = () => here().then(again, () => closed || setTimeout(retry, 5000));
        retry();
    };
    try {
        if (share && share !== 'locks' && globalThis.SharedWorker) hub = hubInWorker(config, hear, lost);
        else await here();
    } catch (error) {
        letGo();
        throw error;
    }
    return {
        lock: navigator.locks && lock,
        get kind() {
            return hub.kind;
        },
        post: (message) => hub.post(message),
        close() {
            closed = true;
            hub.close();
            letGo();
        },
    };
}

// An envelope to those whose filters it meets; what they return, acknowledges it.
export function deliver(envelope, listeners, say) {
    const { type, payload, envelopeId } = envelope;
    for (const { filters, run } of listeners) {
        const wanted = filters.some(({ type: pattern, ...fields }) => matches(pattern, type)
            && Object.entries(fields).every(([name, value]) => payload?.[name] === value));
        if (!wanted) continue;
        Promise.resolve(envelope).then(run).then((result = null) => say({ type: 'ack', envelopeId, result }));
    }
}
