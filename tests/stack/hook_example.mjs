// docs/webhooks.md as it stands there, and the receiver of docs/examples/hook: PHP that writes what happens
// into a MariaDB of the test's own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { CTL } from '../lib/ctl.mjs';
import { User, request } from '../lib/http.mjs';
import { SECRETS } from '../lib/receiver.mjs';
import { ROOT, SECRET, Stack, freePort, until } from '../lib/stack.mjs';

const text = fs.readFileSync(`${ROOT}/docs/webhooks.md`, 'utf8');
const blocks = [...text.matchAll(/^```sh( stopped)?\n(.*?)^```$/gms)].map(([, stopped, lines]) => ({ stopped, lines }));

// On a socket in a folder of its own; grants and users are the host's business.
class Database {
    static async start(test) {
        const db = new Database();
        db.folder = fs.mkdtempSync('/tmp/cubby-db-');
        db.socket = `${db.folder}/sock`;
        fs.mkdirSync(`${db.folder}/data`);
        test.after(() => db.stop(true));
        await db.open();
        return db;
    }

    async open() {
        this.process = spawn('/usr/sbin/mariadbd', ['--no-defaults', '--skip-networking', '--skip-grant-tables',
            `--datadir=${this.folder}/data`, `--socket=${this.socket}`, `--tmpdir=${this.folder}`,
            '--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', '--innodb-flush-log-at-trx-commit=0',
            ...(process.getuid() === 0 ? ['--user=root'] : [])], { stdio: ['ignore', 'ignore', 'pipe'] });
        let log = '';
        this.process.stderr.on('data', (chunk) => (log += chunk));
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        this.process.on('error', (error) => (log += error));
        await until(() => /ready for connections/.test(log), 'mariadbd to be ready', 30000)
            .catch((error) => assert.fail(`${error.message}: ${log}`));
    }

    async stop(forGood = false) {
        if (this.process.exitCode === null) this.process.kill('SIGTERM');
        await this.exited;
        if (forGood) fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

// One shell for all blocks, so that what one exports the next one has.
class Shell {
    constructor(test, env) {
        this.process = spawn('bash', ['-eu'], { cwd: ROOT, env });
        this.output = '';
        this.serial = 0;
        for (const stream of [this.process.stdout, this.process.stderr])
            stream.on('data', (chunk) => (this.output += chunk));
        this.process.stdin.on('error', () => {});
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        test.after(() => this.end());
    }

    async run(lines) {
        const mark = `block ${++this.serial} is done`;
        this.process.stdin.write(`${lines}\necho ${mark}\n`);
        await until(() => this.output.includes(mark) || this.process.exitCode !== null, lines, 20000);
        assert.ok(this.output.includes(mark), `${lines}: ${this.output}`);
    }

    async end() {
        this.process.stdin.end();
        if (this.process.exitCode === null) this.process.kill('SIGTERM');
        await this.exited;
    }
}

it('docs/webhooks.md, and the receiver in PHP that writes to MariaDB', async (test) => {
    const data = fs.mkdtempSync('/tmp/cubby-'), run = fs.mkdtempSync('/tmp/cubby-hook-');
    const db = await Database.start(test);
    const port = await freePort(), site = { port };
    const url = `http://127.0.0.1:${port}/hook.php`;
    const settings = { CUBBY_WEBHOOK_URL: url, CUBBY_WEBHOOK_SECRET: SECRETS[0], CUBBY_WEBHOOK_RETRY_FIRST: '50',
        CUBBY_WEBHOOK_RETRY_MAX: '1' };
    const stack = await new Stack({ data, env: settings }).start();
    test.after(async () => {
        const file = `${run}/lighttpd.pid`, pid = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
        if (pid > 1) process.kill(pid, 'SIGTERM');
        await stack.stop();
        for (const folder of [data, run]) fs.rmSync(folder, { recursive: true, force: true });
    });
    const shell = new Shell(test, {
        PATH: `${path.dirname(CTL)}:${process.env.PATH}`, ...settings, CUBBY_JWT_SECRET: SECRET, CUBBY_DATA_DIR: data,
        CUBBY_COLLECTIONS_DIR: `${ROOT}/fcgi-app/collections`,
    });
    const here = (lines) => lines.replace('/run/mysqld/mysqld.sock', db.socket).replace('8082', port)
        .replace('http://127.0.0.1:8080', stack.origin).replace('$(mktemp -d)', run);
    const named = (word) => here(blocks.find(({ lines }) => lines.includes(word)).lines);
    assert.equal(blocks.length, 6);

    await shell.run(named('openssl rand'));
    assert.match(shell.output, /whsec_[A-Za-z0-9+/]{43}=/);
    await shell.run(named('CREATE DATABASE'));
    await shell.run(named('webhooks test'));
    assert.match(shell.output, /took it, with HTTP status 204/);
    await shell.run(named('/api/signup'));

    // The shell's own words for the table: tab-separated lines.
    const query = async (sql) => {
        const from = shell.output.length;
        await shell.run(`$sql hook -BNe "${sql}"`);
        return shell.output.slice(from).split('\n').slice(0, -2).map((line) => line.split('\t'));
    };
    const titles = (user) => query(`SELECT title, completed FROM todo WHERE user_id = '${user.id}' ORDER BY id`);

    // What is changed and deleted follows, and what happened while the database was down.
    const user = await User.signUp(stack);
    const first = (await user.ok('POST', '/api/todos', { title: 'Ünicode ☃ "\'; DROP' })).data.id;
    const second = (await user.ok('POST', '/api/todos', { title: 'gone soon' })).data.id;
    await until(async () => (await titles(user)).length === 2, 'both rows');
    await db.stop();
    await user.ok('PATCH', `/api/todos/${first}`, { completed: true });
    await user.ok('DELETE', `/api/todos/${second}`);
    await until(() => /webhook failed .*status=503/.test(stack.log('cubby-pushd')), 'the receiver to say 503');
    await db.open();
    await until(async () => (await titles(user)).length === 1, 'the rows to follow');
    assert.deepEqual(await titles(user), [['Ünicode ☃ "\'; DROP', '1']]);

    // Doubles, forgeries, recordings.
    const post = (id, body, { time = new Date(), key = SECRETS[0] } = {}) => request(site, 'POST', '/hook.php', {
        body, headers: {
            'webhook-id': id, 'webhook-timestamp': String(Math.floor(time / 1000)),
            'webhook-signature': new Webhook(key).sign(id, time, body),
        },
    });
    const space = { kind: 'user', id: 'f'.repeat(32) };
    const said = (title) => JSON.stringify({ type: 'table:todos:update', space, data: { id: 'one', title } });
    assert.equal((await post('m1', said('first'))).status, 204);
    assert.equal((await post('m2', said('second'))).status, 204);
    assert.equal((await post('m1', said('first'))).status, 204);
    assert.equal((await post('m3', said('forged'), { key: SECRETS[1] })).status, 401);
    assert.equal((await post('m4', said('recorded'), { time: new Date(Date.now() - 600_000) })).status, 401);
    assert.equal((await request(site, 'POST', '/hook.php', { body: said('bare') })).status, 401);
    assert.deepEqual(await titles(space), [['second', '0']]);
    const gap = JSON.stringify({ type: 'webhook:gap', space, data: { reason: 'deleted' } });
    assert.equal((await post('m5', gap)).status, 204);
    assert.deepEqual(await titles(space), []);

    await shell.run(named('DROP DATABASE'));
    await stack.stop();
    await shell.run(blocks.find(({ stopped }) => stopped).lines);
});
