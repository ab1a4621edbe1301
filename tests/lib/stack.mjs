// Starts the real thing for a test: a web server, cubby.fcgi and cubby-pushd on free ports with data
// of their own, through apache-conf/serve.sh, the script that `make run` uses. Stopping checks that
// no process is left.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe } from 'node:test';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const APP = path.resolve(ROOT, process.env.CUBBY_TEST_APP ?? 'build/gcc/cubby.fcgi');
export const PUSHD = path.resolve(ROOT, process.env.CUBBY_TEST_PUSHD ?? 'build/gcc/cubby-pushd');
export const SERVERS = (process.env.CUBBY_TEST_SERVERS ?? 'lighttpd,apache,nginx').split(',');

export const SECRET = 'the secret of the tests, at least 32 bytes of it';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves to what probe() resolves to, as soon as that is truthy.
export async function until(probe, what, timeoutMs = 10000) {
    const end = Date.now() + timeoutMs;
    for (;;) {
        const found = await probe();
        if (found) return found;
        if (Date.now() > end) throw new Error(`timed out: ${what}`);
        await sleep(20);
    }
}

export async function freePort() {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

// Processes started for a data folder: its path is in their environment.
export function processesOf(data) {
    return fs.readdirSync('/proc').filter((pid) => {
        if (!/^\d+$/.test(pid)) return false;
        try {
            return fs.readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`DATA=${data}`);
        } catch {
            return false;
        }
    }).map(Number);
}

export class Stack {
    // port: where env has to know it; else a free one. env: settings on top of the tests' own. limits:
    // shell words put before the programs' start. user: root starts them as this one.
    constructor({ server = 'lighttpd', port, env = {}, data, limits = '', app = APP, pushd = PUSHD, user } = {}) {
        this.server = server;
        this.wantedPort = port;
        this.data = data ?? fs.mkdtempSync('/tmp/cubby-');
        this.keepData = data !== undefined;
        this.env = env;
        this.limits = limits;
        this.app = app;
        this.pushd = pushd;
        this.user = process.getuid() === 0 ? user : undefined;
    }

    async start() {
        this.port = this.wantedPort ?? await freePort();
        const env = { ...process.env };
        for (const name of Object.keys(env)) if (name.startsWith('CUBBY_')) delete env[name];
        Object.assign(env, {
            PORT: String(this.port),
            DATA: this.data,
            SERVER: this.server,
            CUBBY_JWT_SECRET: SECRET,
            CUBBY_LIMIT_AUTH_PER_IP: '0',
            CUBBY_LIMIT_AUTH_PER_ADDRESS: '0',
        }, this.env);
        if (this.user) execFileSync('chown', ['-R', this.user, this.data]);
        const as = this.user ? `setpriv --reuid=${this.user} --regid=${this.user} --init-groups` : '';
        const line = `${this.limits} exec ${as} apache-conf/serve.sh run "$@"`;
        this.output = '';
        this.process = spawn('/bin/sh', ['-c', line, 'serve', this.app, ...(this.pushd ? [this.pushd] : [])], {
            cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        this.process.stdout.on('data', (chunk) => (this.output += chunk));
        this.process.stderr.on('data', (chunk) => (this.output += chunk));
        await until(() => {
            if (this.process.exitCode !== null) throw new Error(`serve.sh ended: ${this.output}`);
            return this.output.includes('Cubby serves');
        }, 'serve.sh to be ready', 40000);
        return this;
    }

    get origin() {
        return `http${this.env.TLS_CERT ? 's' : ''}://127.0.0.1:${this.port}`;
    }

    get pushPort() {
        return Number(fs.readFileSync(`${this.data}/run/push.address`, 'utf8').trim().split(':').pop());
    }

    // cubby-pushd, cubby-fcgi or the web server's name.
    pid(name) {
        const pid = Number(fs.readFileSync(`${this.data}/run/${name}.pid`, 'utf8'));
        assert.ok(pid > 1, `run/${name}.pid holds ${pid}`); // kill(0) would end the tests themselves
        return pid;
    }

    // A log of DATA/run: of a program or server, or `access`.
    log(name) {
        return fs.readFileSync(`${this.data}/run/${name}.log`, 'utf8');
    }

    // Ends everything; fails when something is left.
    async stop(signal = 'SIGTERM') {
        if (!this.process) return;
        if (this.process.exitCode === null) this.process.kill(signal);
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(resolve, 40000, 'still running')));
        const code = await Promise.race([this.exited, late]);
        clearTimeout(timer);
        this.process = null;
        const left = await until(() => processesOf(this.data).length === 0, '', 3000).catch(() =>
            processesOf(this.data).map((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1')));
        if (left !== true) for (const pid of processesOf(this.data)) process.kill(pid, 'SIGKILL');
        const app = this.env.INTERFACE === 'cgi' ? this.server : 'cubby-fcgi';
        const programs = [app, ...(this.pushd ? ['cubby-pushd'] : [])];
        const logs = programs.map((name) => this.log(name)).join('');
        if (!this.keepData) fs.rmSync(this.data, { recursive: true, force: true });
        assert.equal(code, 0, 'serve.sh ends with 0');
        assert.equal(left, true, `processes left: ${left}`);
        assert.doesNotMatch(logs, /ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer/);
    }
}

// A stack of one test's own, stopped when the test is over, however it ended.
export async function startStack(test, options) {
    const stack = new Stack(options);
    test.after(() => stack.stop());
    return stack.start();
}

// The same tests through each web server. body(at): at.stack is there while the tests run.
export function throughEachServer(title, env, body) {
    for (const server of SERVERS) {
        describe(`${title}, through ${server}`, () => {
            const at = { server };
            before(async () => {
                at.stack = await new Stack({ server, env }).start();
            });
            after(() => at.stack?.stop());
            body(at);
        });
    }
}
