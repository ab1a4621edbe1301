// Metrics and health: each metric says what it is, what happens is counted, and a service that cannot
// do its work does not say that it is well.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { Stack, until } from '../lib/stack.mjs';

const TOKEN = 'metrics-token-of-the-tests';

describe('metrics and health', () => {
    let stack, user;
    before(async () => {
        stack = await new Stack({ env: { CUBBY_METRICS_TOKEN: TOKEN, CUBBY_BUSY_TIMEOUT: '200',
            CUBBY_LIMIT_AUTH_PER_ADDRESS: '2', CUBBY_QUOTA_ROWS: '1', CUBBY_POLL_WORKERS: '1' } }).start();
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
    const values = async () => Object.fromEntries([...(await text('/metrics')).matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)]
        .map(([, name, value]) => [name, Number(value)]));

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

    it('limits, quotas and full lanes are counted by what they refused', async () => {
        const earlier = await values();
        for (let i = 0; i < 3; i++) {
            const body = { email: user.email, password: 'not this one' };
            const answer = await request(stack, 'POST', '/api/login', { body });
            assert.ok([401, 429].includes(answer.status));
        }
        await user.ok('POST', '/api/todos', { title: 'one' });
        assertFailure(await user.bearer('POST', '/api/todos', { body: { title: 'two' } }), 507, 'quota_exceeded');
        const { next } = await user.ok('GET', '/api/changes');
        const waits = user.ok('GET', `/api/changes?since=${next}&wait=20`);
        await until(async () => (await values())['cubby_lane_requests{lane="poll"}'] === 1, 'the poll to wait');
        await user.ok('GET', `/api/changes?since=${next}&wait=20`);
        await user.ok('POST', '/data', { key: 'k', value: 1 }).catch(() => {});
        await user.ok('DELETE', '/api/todos');
        await waits;
        const now = await values();
        const grown = (name) => now[`cubby_${name}`] - earlier[`cubby_${name}`];
        assert.ok(grown('failures_total{code="rate_limited"}') >= 1);
        assert.ok(grown('failures_total{code="quota_exceeded"}') >= 1);
        assert.ok(grown('failures_total{code="invalid_credentials"}') >= 1);
        assert.equal(grown('lanes_full_total{lane="poll"}'), 1);
        assert.equal(now['cubby_lane_limit{lane="poll"}'], 1);
        assert.equal(now['cubby_mails_waiting'], 0);
        assert.equal(now['cubby_outbox_waiting'], 0);
        assert.equal(now['cubby_lane_requests{lane="hash"}'], 0);
    });

    it('cubby.fcgi is not well while main.db cannot be written', async () => {
        const holder = spawn('sqlite3', [`${stack.data}/main.db`], { stdio: ['pipe', 'pipe', 'ignore'] });
        const held = new Promise((resolve) => holder.stdout.once('data', resolve));
        holder.stdin.write('BEGIN IMMEDIATE;\nSELECT 1;\n');
        await held;
        assertFailure(await request(stack, 'GET', '/healthz'), 503, 'busy');
        holder.stdin.end('ROLLBACK;\n');
        await new Promise((resolve) => holder.on('exit', resolve));
        assert.equal((await request(stack, 'GET', '/healthz')).status, 200);
    });

    it('cubby-pushd is not well once its socket of the bus is gone', async () => {
        assert.equal((await request(stack, 'GET', '/push/healthz')).status, 200);
        for (const name of fs.readdirSync(`${stack.data}/run/bus`))
            if (name.endsWith('.sock')) fs.rmSync(`${stack.data}/run/bus/${name}`);
        assertFailure(await request(stack, 'GET', '/push/healthz'), 503, 'busy');
    });
});
