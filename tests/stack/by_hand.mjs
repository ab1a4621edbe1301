// The commands of README.md, docs/streams.md, docs/accounts.md and of the TLS part of docs/install.md,
// typed as they stand there; only addresses are changed to those of the test.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { freePort, processesOf, ROOT, SECRET, startStack, until } from '../lib/stack.mjs';
import { request } from '../lib/http.mjs';

// The ```sh blocks of a page, by the heading above.
function blocksOf(page) {
    const blocks = {};
    let heading;
    for (const [, title, indent, language, lines] of fs.readFileSync(`${ROOT}/${page}`, 'utf8')
        .matchAll(/^#+ ([^\n]+)$|^( *)```(\w*)[^\n]*\n(.*?)^ *```$/gms)) {
        if (title) blocks[heading = title] = [];
        else if (language === 'sh') blocks[heading].push(lines.replace(new RegExp(`^${indent}`, 'gm'), ''));
    }
    return blocks;
}

// A folder in which the commands find what they name: the tests' packages, and data/jwt_secret.
function folder(test) {
    const dir = fs.mkdtempSync('/tmp/cubby-');
    test.after(() => fs.rmSync(dir, { recursive: true, force: true }));
    fs.symlinkSync(`${ROOT}/tests`, `${dir}/tests`);
    fs.mkdirSync(`${dir}/data`);
    fs.writeFileSync(`${dir}/data/jwt_secret`, SECRET, { mode: 0o600 });
    return dir;
}

// What the blocks print, all in one shell, as by one who reads on.
async function typed(test, stack, blocks) {
    const script = blocks.join('\n').replaceAll('http://127.0.0.1:8080', stack.origin)
        .replaceAll('127.0.0.1:8080', `127.0.0.1:${stack.port}`);
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script],
        { cwd: folder(test), encoding: 'latin1' });
    assert.equal(stderr, '');
    return stdout;
}

// A block that serves with `make run`, started with ports and data of its own.
async function served(test, lines, then = '') {
    const dir = folder(test), data = `${dir}/data`;
    const stack = { port: await freePort(), ports: {}, output: '' };
    for (const port of ['2525', '8443', '8899']) {
        const other = stack.ports[port] = await freePort();
        lines = lines.replaceAll(port, other), then = then.replaceAll(port, other);
    }
    lines = lines.replaceAll('8080', stack.port).replaceAll('make run', `make -C ${ROOT} run`);
    const env = { ...process.env, HOME: dir, PORT: String(stack.port), DATA: data };
    for (const name of Object.keys(env)) if (name.startsWith('CUBBY_')) delete env[name];
    const shell = spawn('bash', ['-c', lines], { cwd: dir, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    test.after(async () => {
        process.kill(-shell.pid, 'SIGTERM');
        await until(() => processesOf(data).length === 0, 'the end of what was started', 20000);
    });
    for (const pipe of [shell.stdout, shell.stderr]) pipe.on('data', (chunk) => (stack.output += chunk));
    await until(() => {
        assert.equal(shell.exitCode, null, stack.output);
        return stack.output.includes('Cubby serves');
    }, 'make run', 60000);
    if (then) stack.then = (await promisify(execFile)('bash', ['-c', then], { cwd: dir })).stdout;
    return stack;
}

// Each of the lines of a page is typed, so each heading has to be named here with what is to be seen.
function typesPage(page, expected) {
    it(page, async (test) => {
        const blocks = blocksOf(page);
        const headings = Object.keys(blocks).filter((heading) => blocks[heading].length > 0);
        assert.deepEqual(headings, Object.keys(expected));
        const stack = await startStack(test, { env: { CUBBY_DEMO: 'on' } });
        const mark = 'printf "\\n== next\\n"';
        const all = await typed(test, stack, headings.flatMap((heading) => [mark, ...blocks[heading]]));
        const parts = all.split('\n== next\n').slice(1);
        for (const [i, heading] of headings.entries())
            for (const pattern of expected[heading]) assert.match(parts[i], pattern, `${page}, ${heading}`);
    });
}

describe('by hand', { concurrency: 2 }, () => {
    typesPage('README.md', {
        'By hand': [/"email":"ada@example.org"/, /"value":\["blue",7\]/, /"title":"Hello"/, /event: kv:set\n.*"red"/],
    });

    typesPage('docs/streams.md', {
        'Events: what happens in one user\'s data': [/event: kv:set\n.*"red"/, /event: kv:set\n.*"green"/,
            /"events":\[\{.*"green"/, /HTTP|\x81/],
        'Rooms and broadcasts: `cubby.v1`': [/1 .*"app:wave"/],
        'Notes': [/buy milk/],
        'Counters': [/"value":5/, /"type":"increment"/],
        'Live pages': [/gold.*7/],
        'Envelopes, with acknowledgements': [/"payload\\?":\{\\?"n\\?":1\}/],
    });

    const accounts = blocksOf('docs/accounts.md');
    const signUp = (stack) => request(stack, 'POST', '/api/signup',
        { body: { email: 'ada@example.org', password: 'correct horse' } });

    it('docs/accounts.md, Teams', async (test) => {
        const said = await typed(test, await startStack(test), accounts.Teams);
        for (const seen of [/"organizationName":"Birds"/,
            /event: table:tasks:create\n.*Feed them/, /\{"event":"table:tasks:create",.*Count them/,
            /no longer a member/, /There is no such organization/]) assert.match(said, seen);
    });

    it('docs/accounts.md, Mail', async (test) => {
        const [server, printed] = accounts.Mail;
        assert.equal((await signUp(await served(test, server))).status, 200);
        const stack = await served(test, printed);
        assert.equal((await signUp(stack)).status, 200);
        await until(() => /^To: .*ada@example.org/m.test(stack.output), 'the mail');
    });

    it('docs/accounts.md, Sign in with Google', async (test) => {
        const [google, any] = accounts['Sign in with Google'];
        assert.equal((await signUp(await served(test, google))).status, 200);
        const stack = await served(test, any);
        await until(() => fetch(`http://127.0.0.1:${stack.ports['8899']}/.well-known/openid-configuration`)
            .then((answer) => answer.ok, () => false), 'the provider');
        const answer = await request(stack, 'GET', '/api/auth/oauth/test');
        assert.equal(answer.status, 303);
        assert.match(answer.headers.location, /^http:\/\/127\.0\.0\.1:\d+\/auth\?/);
    });

    it('docs/install.md, TLS', async (test) => {
        const [block] = blocksOf('docs/install.md')['TLS without a web server that can proxy'];
        const [serves, asks] = block.split(/^(?=curl)/m);
        assert.match((await served(test, serves, asks)).then, /"ok":true/);
    });
});
