// A call as a line for sh. Passwords, codes and tokens stay out of it.

const SECRET = /password|token|secret|credential|^(code|recoveryCodes|uri)$/i;
const PLACEHOLDERS = { newPassword: '<new password>', recoveryCodes: '<codes>', uri: '<uri>' };

// Inside single quotes sh leaves everything as it is, but for a single quote.
const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// The same value, with a placeholder for what is nobody's business.
export function redact(value, name = '') {
    if (SECRET.test(name) && value != null && typeof value !== 'boolean') return PLACEHOLDERS[name] ?? `<${name}>`;
    if (Array.isArray(value)) return value.map((item) => redact(item));
    if (value === null || typeof value !== 'object') return value;
    // A failure's code says what went wrong.
    const nameOf = (key) => (key === 'code' && 'error' in value ? '' : key);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, nameOf(key))]));
}

// url: whole. Cookies are read from a file "jar", which a sign-in writes.
export function curlLine({ method, url, body, signsIn = false }) {
    const [address, query] = url.split('?');
    const readable = query !== undefined && body === undefined; // -G: what follows becomes the query
    const words = ['curl', '-s', ...(readable ? ['-G'] : []), signsIn ? '-c' : '-b', 'jar'];
    const implied = body === undefined ? 'GET' : 'POST';
    if (method !== implied) words.push('-X', method);
    words.push(quote(readable ? address : url));
    if (readable) words.push(...[...new URLSearchParams(query)].flatMap(parameter));
    if (body !== undefined) words.push('--json', quote(JSON.stringify(redact(body))));
    return words.join(' ');
}

const parameter = ([name, value]) =>
    [/^[\w.-]*$/.test(value) ? '-d' : '--data-urlencode', quote(`${name}=${value}`)];
