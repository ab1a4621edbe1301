// cubbyctl, on the data of a stack or on a folder.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { APP, ROOT, SECRET } from './stack.mjs';

export const CTL = path.join(path.dirname(APP), 'cubbyctl');

// data: a data folder, or a stack.
function environment(data, env) {
    const dir = data?.data ?? data;
    return {
        PATH: process.env.PATH,
        CUBBY_JWT_SECRET: SECRET,
        CUBBY_COLLECTIONS_DIR: `${ROOT}/fcgi-app/collections`,
        ...(dir ? { CUBBY_DATA_DIR: dir } : {}),
        ...env,
    };
}

// Resolves to { code, out, err }; with --json among the words, `json` is what it printed.
export function ctl(data, words, { env = {}, input = '' } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(CTL, words, { cwd: '/', env: environment(data, env) });
        const result = { out: '', err: '' };
        child.stdout.on('data', (chunk) => (result.out += chunk));
        child.stderr.on('data', (chunk) => (result.err += chunk));
        child.on('error', reject);
        child.stdin.on('error', () => {});
        child.on('close', (code) => {
            result.code = code;
            Object.defineProperty(result, 'json', { get: () => JSON.parse(result.out) });
            resolve(result);
        });
        child.stdin.end(input);
    });
}

// The JSON of a command that has to succeed.
export async function done(data, words, options) {
    const result = await ctl(data, [...words, '--json'], options);
    assert.equal(result.code, 0, `${words.join(' ')}: ${result.err}${result.out}`);
    assert.equal(result.json.ok, true);
    return result.json;
}

// The command ends with 1, and says why in these words.
export async function refused(data, words, why, options) {
    const result = await ctl(data, words, options);
    assert.equal(result.code, 1, `${words.join(' ')}: ${result.out}`);
    assert.match(result.err, why);
    return result;
}

export function start(data, words, env) {
    return spawn(CTL, words, { cwd: '/', env: environment(data, env), stdio: ['ignore', 'pipe', 'pipe'] });
}
