// Metrics and health: each metric says what it is, what happens is counted, and a service that cannot
// do its work does not say that it is well. docs/operating.md lists them all.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { ROOT, Stack, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const TOKEN = 'metrics-token-of-the-tests';
// Nobody listens there: mails wait.
const MAIL = { CUBBY_MAIL_SMTP: 'smtp://127.0.0.1:9', CUBBY_MAIL_FROM: 'cubby@example.org',
    CUBBY_PUBLIC_URL: 'http://127.0.0.1' };

// sqlite3 on a file, with these statements run; let go of by what it returns, or with the test.
async function holdFile(t, file, sql) {
    const holder = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'ignore'] });
    t.after(() => holder.kill());
    const held = new Promise((resolve) => holder.stdout.once('data', resolve));
    holder.stdin.write(`${sql}\n`);
    await held;
    return async () => {
        holder.stdin.end('ROLLBACK;\n');
        await new Promise((resolve) => holder.on('exit', resolve));
    };
}

describe('metrics and health', () => {
    let stack, user;
    before(async () => {
        stack = await new Stack({ env: { CUBBY_METRICS_TOKEN: TOKEN, CUBBY_BUSY_TIMEOUT: '200',
            CUBBY_LIMIT_AUTH_PER_ADDRESS: '2', CUBBY_QUOTA_ROWS: '3', CUBBY_POLL_WORKERS: '1',
            CUBBY_PUSH_BUFFER: '65536', ...MAIL } }).start();
        user = await User.signUp(stack);
    });
    after(() => stack?.stop());

    const text = async (path) => {
        const port = path.startsWith('/push') ? stack.pushPort : undefined;
        const answer = await request(stack, 'GET', path, { port, headers: { authorization: `Bearer ${TOKEN}` } });
        assert.equal(answer.status, 200);
        return answer.text;
    };
    // { 'name{label="value"}': number }
    const values = async (path = '/metrics') => Object.fromEntries([...(await text(path))
        .matchAll(/^cubby_(\w+(?:\{.*\})?) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]));
    const value = async (name) => (await values(name.startsWith('push_') ? '/push/metrics' : undefined))[name];
    const untilValue = (name, is, what) => until(async () => is(await value(name)), `${name}: ${what}`);
    const fileOf = ({ id }) => `${stack.data}/users/${id.slice(0, 2)}/${id}.db`;

    const assertUnwell = async (path, code) => {
        const { status, json } = await request(stack, 'GET', path);
        assert.deepEqual([status, json.ok, json.code], [503, false, code]);
    };

    for (const path of ['/metrics', '/push/metrics']) {
        it(`${path}: every metric has its HELP and TYPE, once, before its values`, async () => {
            const described = new Set();
            let help, type;
            for (const line of (await text(path)).trim().split('\n')) {
                const [, word, name] = /^# (HELP|TYPE) (\w+) \S/.exec(line) ?? [];
                if (word === 'HELP') {
                    assert.ok(!described.has(name), name);
                    described.add(help = name);
                } else if (word === 'TYPE') {
                    type = /(counter|gauge|histogram)$/.exec(line)[1];
                    assert.equal(name, help);
                    assert.equal(name.endsWith('_total'), type === 'counter', name);
                } else {
                    assert.match(line, new RegExp(`^${help}(_bucket|_sum|_count)?(\\{[^{}]*\\})? [0-9.]+$`));
                }
            }
            assert.ok(described.size >= 12);
        });
    }

    it('docs/operating.md tells of each, in the same words, and of no other', async () => {
        const rows = [];
        for (const path of ['/metrics', '/push/metrics'])
            for (const [, name, help, type] of (await text(path)).matchAll(/^# HELP (\w+) (.+)\n# TYPE \1 (\w+)/gm))
                rows.push(`| \`${name}\` | ${type} | ${help} |`);
        const told = fs.readFileSync(`${ROOT}/docs/operating.md`, 'utf8').match(/^\| `cubby_\w+` .*$/gm);
        assert.deepEqual(told, rows);
    });

    it('limits, quotas and full lanes are counted by what they refused', async () => {
        const earlier = await values();
        for (let i = 0; i < 3; i++) {
            const body = { email: user.email, password: 'not this one' };
            const answer = await request(stack, 'POST', '/api/login', { body });
            assert.ok([401, 429].includes(answer.status));
        }
        for (const title of ['one', 'two', 'three']) await user.ok('POST', '/api/todos', { title });
        assertFailure(await user.bearer('POST', '/api/todos', { body: { title: 'four' } }), 507, 'quota_exceeded');
        const { next } = await user.ok('GET', '/api/changes');
        // The only place may still be that of the call before: then a poll is answered at once.
        let waits = null;
        await until(async () => {
            const mine = waits ??= user.ok('GET', `/api/changes?since=${next}&wait=20`).then(() => (waits = null));
            for (let i = 0; i < 3; i++) if (await value('lane_requests{lane="poll"}') !== 1) return false;
            return waits === mine;
        }, 'the poll to wait');
        const full = await value('lanes_full_total{lane="poll"}');
        await user.ok('GET', `/api/changes?since=${next}&wait=20`);
        await user.ok('DELETE', '/api/todos');
        await waits;
        const now = await values();
        const grown = (name) => now[name] - earlier[name];
        assert.ok(grown('failures_total{code="rate_limited"}') >= 1);
        assert.ok(grown('failures_total{code="quota_exceeded"}') >= 1);
        assert.ok(grown('failures_total{code="invalid_credentials"}') >= 1);
        assert.equal(now['lanes_full_total{lane="poll"}'], full + 1);
        assert.equal(now['lane_limit{lane="poll"}'], 1);
        assert.equal(now['lane_requests{lane="hash"}'], 0);
    });

    it('a log that a reader keeps from being moved grows, and shrinks when it has gone', async (t) => {
        const one = await User.signUp(stack);
        const write = (i) => one.ok('POST', '/data', { key: 'k', value: `${i} ${'x'.repeat(100000)}` });
        const letGo = await holdFile(t, fileOf(one), 'BEGIN; SELECT count(*) FROM meta;');
        for (let i = 0; i < 60; i++) await write(i);
        await untilValue('store_checkpoints_total{result="partial"}', (n) => n > 0, 'the reader is in the way');
        assert.ok(await value('store_wal_frames_most') > 512);
        assert.ok(await value('store_wal_frames') >= await value('store_wal_frames_most'));
        await letGo();
        const done = await value('store_checkpoints_total{result="done"}');
        await until(async () => {
            await write(0);
            return await value('store_checkpoints_total{result="done"}') > done;
        }, 'the log to be moved');
        assert.ok(await value('store_wal_frames_most') < 512);
    });

    it('mails that cannot be sent, and events that cannot be delivered, wait and grow old', async (t) => {
        const [owner, member] = [await User.signUp(stack), await User.signUp(stack)];
        const { organization: { id } } = await owner.ok('POST', '/api/organizations', { name: 'x' });
        await untilValue('outbox_waiting', (n) => n === 0, 'delivered');
        const letGo = await holdFile(t, fileOf(member), 'BEGIN IMMEDIATE; SELECT 1;');
        const earlier = await value('mails_waiting');
        assert.ok(earlier >= 3);
        await owner.ok('POST', `/api/organizations/${id}/members`, { email: member.email });
        assert.equal(await value('mails_waiting'), earlier + 1);
        await untilValue('mails_oldest_seconds', (n) => n >= 1, 'the time of the first');
        await untilValue('outbox_oldest_seconds', (n) => n >= 1, 'the time of the invitation');
        assert.ok(await value('outbox_waiting') >= 1);
        assert.ok(await value('mails_total{result="deferred"}') >= 1);
        await letGo();
        await untilValue('outbox_waiting', (n) => n === 0, 'delivered');
        assert.equal(await value('outbox_oldest_seconds'), 0);
    });

    it('the room on the disk of the data folder is told', async () => {
        const { bavail, bsize } = fs.statfsSync(stack.data);
        assert.ok(Math.abs(await value('data_free_bytes') - bavail * bsize) < 1e9);
    });

    it('what a slow reader has not taken is counted, and its turn to the log', async () => {
        const one = await User.signUp(stack);
        const headers = { authorization: `Bearer ${one.token}` };
        const slow = await EventReader.open(stack, { port: stack.pushPort, headers });
        await slow.next();
        slow.request.socket.pause();
        let i = 0;
        await until(async () => {
            await one.ok('POST', '/data', { key: 'k', value: `${i++} ${'x'.repeat(120000)}` });
            return await value('push_streams_behind_total') > 0;
        }, 'the reader to be behind', 20000);
        assert.ok(await value('push_pending_bytes') > 65536);
        assert.equal(await value('push_pending_connections'), 1);
        slow.request.socket.resume();
        await untilValue('push_pending_bytes', (n) => n === 0, 'taken');
        assert.equal(await value('push_pending_connections'), 0);
        assert.ok(await value('push_read_wait_seconds_count') > 0);
        slow.close();
    });

    it('refusals of cubby-pushd are counted by their code', async () => {
        const earlier = await value('push_failures_total{code="unauthorized"}');
        await request(stack, 'GET', '/api/events', { port: stack.pushPort });
        assert.equal(await value('push_failures_total{code="unauthorized"}'), earlier + 1);
    });

    it('a cubby-pushd that dies and comes again is one more connection of the bus', async () => {
        await untilValue('bus_listeners', (n) => n === 1, 'connected');
        assert.ok(await value('bus_published_total') > 0);
        assert.equal(await value('bus_unsent_total'), 0);
        assert.equal(await value('push_bus_publishers'), 1);
        const connects = await value('bus_connects_total');
        process.kill(stack.pid('cubby-pushd'), 'SIGKILL');
        await untilValue('bus_connects_total', (n) => n > connects, 'connected again');
        await untilValue('bus_listeners', (n) => n === 1, 'connected to one');
        await until(() => request(stack, 'GET', '/push/healthz').then(({ status }) => status === 200), 'to be well');
    });

    it('cubby.fcgi is not well while main.db cannot be written', async (t) => {
        const letGo = await holdFile(t, `${stack.data}/main.db`, 'BEGIN IMMEDIATE; SELECT 1;');
        await assertUnwell('/healthz', 'busy');
        await letGo();
        assert.equal((await request(stack, 'GET', '/healthz')).status, 200);
    });

    it('cubby-pushd is not well once its socket of the bus is gone', async () => {
        assert.equal((await request(stack, 'GET', '/push/healthz')).status, 200);
        for (const name of fs.readdirSync(`${stack.data}/run/bus`))
            if (name.endsWith('.sock')) fs.rmSync(`${stack.data}/run/bus/${name}`);
        await assertUnwell('/push/healthz', 'busy');
    });
});
