// Requests to the server: JSON in, JSON out, and failures as ApiError. Cookies carry the session.

export class ApiError extends Error {
    constructor(status, body) {
        super(body.error || `The server answered ${status}`);
        this.status = status;
        this.code = body.code || '';
        this.details = body.details || [];
    }
}

// Resolves to the answer's members and `asOf`: the event id the answer is as of.
export async function call(method, path, body) {
    const options = { method, headers: { accept: 'application/json' } };
    if (body !== undefined) {
        options.headers['content-type'] = 'application/json';
        options.body = typeof body === 'string' ? body : JSON.stringify(body);
    }
    let response;
    try {
        response = await fetch(path, options);
    } catch {
        throw new ApiError(0, { error: 'The server cannot be reached', code: 'offline' });
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(response.status, answer);
    return { ...answer, asOf: response.headers.get('x-as-of') };
}

// A failure as one sentence for a person.
export function explain(error) {
    const [first] = error.details || [];
    return first ? `${error.message}: ${first.path.replace(/^\$\.?/, '')} ${first.message}` : error.message;
}
