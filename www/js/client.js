// The page's one client, and its failures in words for a person.

import { CubbyClient } from '../cubby.js';

// Relative to the page: a base path is no matter.
export const client = new CubbyClient(new URL('api', document.baseURI).pathname);

export const SLOW = 'The server takes its time…';

const WORDS = {
    offline: 'The server cannot be reached. Try again in a moment.',
    bad_answer: 'The server’s answer makes no sense. Try again in a moment.',
    queue_full: 'Too many changes are waiting to be sent. Go online first.',
};

// A failure as one sentence.
export function explain(error) {
    const [first] = error.details ?? [];
    if (first) return `${error.message}: ${first.path.replace(/^\$\.?/, '')} ${first.message}`;
    if (error.retryAfter) return `${error.message}. Try again in ${error.retryAfter} s.`;
    if (error.status >= 500 && !error.body?.error) {
        return `The server is not well (${error.status}). Try again in a moment.`;
    }
    return WORDS[error.code] ?? error.message;
}
