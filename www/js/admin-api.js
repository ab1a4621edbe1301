// Calls of the admin page. Its session is a cookie of its own: the page's client knows nothing of it.

export class AdminError extends Error {
    constructor(status, body, retryAfter) {
        const wait = retryAfter ? `. Try again in ${retryAfter} s.` : '';
        super(`${body?.error ?? `The server answered ${status}`}${wait}`);
        this.status = status;
        this.code = body?.code;
    }
}

// Told when a call finds that nobody is signed in (any more).
let onSignedOut = () => {};
export const whenSignedOut = (told) => (onSignedOut = told);

// Relative to the page: a base path is no matter.
export const address = (path) => new URL(`api/admin/${path}`, document.baseURI);

export async function call(method, path, body) {
    let response;
    try {
        response = await fetch(address(path), {
            method,
            credentials: 'same-origin',
            ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        });
    } catch {
        throw new AdminError(0, { error: 'The server cannot be reached', code: 'offline' });
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    if (response.status === 401 && path !== 'login') onSignedOut();
    throw new AdminError(response.status, answer, response.headers.get('retry-after'));
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

// "1.5 MiB"
export function bytes(n) {
    if (n == null) return '—';
    let value = n;
    let unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export const number = (n) => (n == null ? '—' : n.toLocaleString());
