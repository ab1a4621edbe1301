// A call as a line for sh. Passwords, codes and tokens stay out of it.

const SECRET = /password|token|secret|code|credential|^uri$/i;
const PLACEHOLDERS = { newPassword: '<new password>', recoveryCodes: '<codes>', uri: '<uri>' };

// Inside single quotes sh leaves everything as it is, but for a single quote.
export const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// The same value, with a placeholder for what is nobody's business.
export function redact(value, name = '') {
    if (SECRET.test(name) && value != null && typeof value !== 'boolean') return PLACEHOLDERS[name] ?? `<${name}>`;
    if (Array.isArray(value)) return value.map((item) => redact(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, key)]));
}

// url: whole. Cookies are read from a file "jar", which a sign-in writes.
export function curlLine({ method, url, body, signsIn = false }) {
    const words = ['curl', '-s', signsIn ? '-c' : '-b', 'jar'];
    const implied = body === undefined ? 'GET' : 'POST';
    if (method !== implied) words.push('-X', method);
    words.push(quote(url));
    if (body !== undefined) words.push('--json', quote(JSON.stringify(redact(body))));
    return words.join(' ');
}
