// What cubby.js and the modules it loads have in common. All times in milliseconds.

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30000;
export const VERSION = '1'; // of what tabs and hub say to each other
export const PATIENCE = 5000; // for a stream's first word
export const ANSWER = 20000; // for any other answer

export const matches = (pattern, name) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

// Exponential, with full jitter: what lost its connection together does not come back together.
export const pauseOf = (tries, longest = LONGEST_PAUSE) => Math.random() * Math.min(longest, FIRST_PAUSE * 2 ** tries);

// Event ids are <epoch>.<seq>; another epoch is another history.
export function newer(id, than) {
    if (!id || !than) return Boolean(id);
    const [epoch, seq] = id.split('.');
    const [thanEpoch, thanSeq] = than.split('.');
    return epoch !== thanEpoch || Number(seq) > Number(thanSeq);
}

export function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

// One holder at a time among all tabs. Where pages have no locks (plain http), everybody is.
export const locked = (name, run, options = {}) =>
    (globalThis.navigator?.locks ? navigator.locks.request(name, options, run) : run());
