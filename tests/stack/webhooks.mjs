// Webhooks: every event of every space, signed, in the order of its space, whatever happens to the
// receiver or to cubby-pushd; and word of what cannot be sent any more.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate } from '../lib/certificate.mjs';
import { ctl, done, refused } from '../lib/ctl.mjs';
import { PASSWORD, User, request } from '../lib/http.mjs';
import { Pushd } from '../lib/pushd.mjs';
import { Receiver, SECRETS, assertWhole } from '../lib/receiver.mjs';
import { ROOT, Stack, until } from '../lib/stack.mjs';

const settings = (receiver) => ({
    CUBBY_WEBHOOK_URL: receiver.url, CUBBY_WEBHOOK_SECRET: SECRETS.join(' '), CUBBY_WEBHOOK_RETRY_FIRST: '50',
    CUBBY_WEBHOOK_RETRY_MAX: '1', CUBBY_WEBHOOK_TIMEOUT: '5000',
});

const TOKEN = 'metrics of the tests';
const METRICS = { CUBBY_METRICS_TOKEN: TOKEN };

async function metric({ pushPort }, name) {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { text } = await request({}, 'GET', '/push/metrics', { port: pushPort, headers });
    return Number(new RegExp(`^cubby_push_${name} (\\d+)$`, 'm').exec(text)[1]);
}

async function write(user, count, name = 'k') {
    for (let i = 0; i < count; i++) await user.ok('POST', '/data', { key: `${name}${i}`, value: i });
}

describe('webhooks', () => {
    const at = {};
    let receiver, stack;
    before(async () => {
        receiver = await Receiver.start({ after: (end) => (at.end = end) });
        stack = await new Stack({ env: { ...settings(receiver), ...METRICS } }).start();
    });
    after(async () => {
        await stack?.stop();
        await at.end?.();
    });
    const signUp = (count) => Promise.all(Array.from({ length: count }, () => User.signUp(stack)));
    // How it stands, as soon as so many events of so many spaces are to be sent.
    const behind = (spaces, events) => until(async () => {
        const { receivers: [one] } = await done(stack, ['webhooks', 'status'], { env: settings(receiver) });
        return one.behind.spaces === spaces && one.behind.events === events && one;
    }, `to be ${events} events behind`);
    const fails = (user, status = 500) => (receiver.answer = (call) => (call.space === user.id ? status : 200));

    it('arrive in the order of each space, while many write at once', async () => {
        receiver.answer = () => 200;
        const users = await signUp(4);
        await Promise.all(users.flatMap((user) => ['a', 'b', 'c'].map((name) => write(user, 10, name))));
        await receiver.caughtUp(users);
        for (const user of users) {
            const taken = assertWhole(receiver, user);
            assert.equal(taken.filter((call) => call.type === 'kv:set').length, 30);
            const call = taken.at(-1), body = JSON.parse(call.text);
            assert.equal(call.id, `user-${user.id}-${call.epoch}-${call.seq}`);
            assert.deepEqual(body.space, { kind: 'user', id: user.id });
            assert.match(body.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
            assert.match(body.data.key, /^[abc]\d$/);
            assert.equal(call.url, new URL(receiver.url).pathname + new URL(receiver.url).search);
        }
        assert.equal(await metric(stack, 'webhook_sends'), 1);
        await until(async () => await metric(stack, 'webhook_delivered_total') >= 120, 'them to be counted');
    });

    it('what fails is sent again, the same, before anything behind it; other spaces go on', async () => {
        const [failing, other] = await signUp(2);
        await receiver.caughtUp([failing, other]);
        fails(failing);
        await write(failing, 5);
        await until(() => receiver.of(failing).filter((call) => call.status === 500).length >= 3, 'three tries');
        await write(other, 5);
        await receiver.caughtUp([other]);
        const tries = receiver.of(failing).filter((call) => call.status === 500);
        assert.equal(new Set(tries.map((call) => call.id)).size, 1);
        assert.equal(new Set(tries.map((call) => call.text)).size, 1);
        await until(async () => await metric(stack, 'webhook_spaces') === 1, 'it to be counted');
        const { receiver: name } = await behind(1, 5);
        assert.equal(name, `http://127.0.0.1:${receiver.port}`);
        receiver.answer = () => 200;
        await receiver.caughtUp([failing]);
        assertWhole(receiver, failing);
        await until(async () => await metric(stack, 'webhook_spaces_failing') === 0, 'nothing to fail');
    });

    it('500 events written while nobody is there arrive in order when somebody is', async () => {
        const users = await signUp(5);
        await receiver.caughtUp(users);
        await receiver.close();
        await Promise.all(users.map((user) => write(user, 100)));
        await until(async () => await metric(stack, 'webhook_receivers_failing') === 1, 'to be noticed');
        await receiver.open();
        await receiver.caughtUp(users);
        for (const user of users) assert.ok(assertWhole(receiver, user).length >= 100);
        const { lastError, error, failures } = await behind(0, 0);
        assert.ok(lastError && /connect/i.test(error), error);
        assert.equal(failures, 0);
    });

    it('a request that hangs holds up its own space alone', async () => {
        const [hanging, other] = await signUp(2);
        await receiver.caughtUp([hanging, other]);
        let release;
        const held = new Promise((resolve) => (release = resolve));
        receiver.answer = (call) => (call.space === hanging.id ? held.then(() => 200) : 200);
        const before = receiver.of(hanging).length;
        await write(hanging, 3);
        await write(other, 20);
        await receiver.caughtUp([other]);
        assert.equal(receiver.of(hanging).length, before + 1);
        release();
        await receiver.caughtUp([hanging]);
        assertWhole(receiver, hanging);
    });

    it('no redirect is followed, no answer read to its end; 410 and Retry-After are heard', async () => {
        const [user] = await signUp(1);
        await receiver.caughtUp([user]);
        const others = [];
        const answers = [
            { status: 302, headers: { location: '/elsewhere' } }, { status: 410 },
            { status: 503, headers: { 'retry-after': '1' } }, { status: 200, body: 'x'.repeat(10 << 20) },
        ];
        receiver.answer = (call) => {
            if (call.url.startsWith('/elsewhere')) others.push(call);
            return call.space === user.id ? answers.shift() ?? 200 : 200;
        };
        await write(user, 2);
        await receiver.caughtUp([user]);
        assertWhole(receiver, user);
        assert.deepEqual([answers, others], [[], []]);
        const tries = receiver.of(user).slice(-5).map((call) => call.status);
        assert.deepEqual(tries, [302, 410, 503, 200, 200]);
        assert.match(stack.log('cubby-pushd'), /level=error .*410 Gone/);
    });

    it('kill -9 of cubby-pushd and a take-over: nothing is missing, the order stays', async () => {
        const users = await signUp(3);
        receiver.answer = () => 200;
        const writing = Promise.all(users.map((user) => write(user, 150)));
        for (let i = 0; i < 2; i++) {
            const pid = stack.pid('cubby-pushd'), before = receiver.calls.length;
            await until(() => receiver.calls.length > before + 20 || receiver.taken(users[2]).length > 100, 'some');
            process.kill(pid, 'SIGKILL');
            await until(() => stack.pid('cubby-pushd') !== pid, 'the next cubby-pushd');
        }
        const health = () => request({}, 'GET', '/push/healthz', { port: stack.pushPort }).catch(() => ({}));
        await until(async () => (await health()).status === 200, 'it to serve');
        await promisify(execFile)(`${ROOT}/apache-conf/serve.sh`, ['reload'], {
            env: { ...process.env, DATA: stack.data },
        });
        await writing;
        await receiver.caughtUp(users);
        for (const user of users) assertWhole(receiver, user);
    });

    it('a restored space and a deleted one are told of', async (test) => {
        const [restored, deleted] = await signUp(2);
        receiver.answer = () => 200;
        await write(restored, 3);
        const backups = fs.mkdtempSync('/tmp/cubby-backups-');
        test.after(() => fs.rmSync(backups, { recursive: true, force: true }));
        const { path: backup } = await done(stack, ['backup', backups]);
        const words = [`${backup}/webhooks.db`, 'PRAGMA integrity_check; SELECT count(*) > 0 FROM cursor'];
        assert.equal(execFileSync('sqlite3', words, { encoding: 'utf8' }), 'ok\n1\n');
        await write(restored, 3, 'lost');
        await receiver.caughtUp([restored, deleted]);
        const last = receiver.taken(restored).at(-1);
        await done(stack, ['restore', backups, '--user', restored.email, '--force']);
        const { json } = await request(stack, 'POST', '/api/login', {
            body: { email: restored.email, password: PASSWORD },
        });
        restored.token = json.token;
        await write(restored, 2, 'after');
        const gap = await until(() => receiver.taken(restored).find((call) => call.type === 'webhook:gap'), 'a gap');
        assert.equal(gap.data.reason, 'restored');
        assert.equal(gap.data.after, `${last.epoch}.${last.seq}`);
        const [epoch, seq] = gap.data.until.split('.');
        assert.notEqual(epoch, last.epoch);
        assert.equal(gap.id, `user-${restored.id}-${epoch}-${seq}-gap`);
        await write(restored, 1, 'later');
        await receiver.caughtUp([restored]);
        const behind = receiver.taken(restored).filter((call) => call.epoch === epoch);
        assert.deepEqual(behind.map((call) => call.seq), behind.map((call, i) => Number(seq) + 1 + i));
        assert.equal(behind.at(-1).data.key, 'later0');

        await deleted.ok('POST', '/data', { key: 'x', value: 1 });
        await receiver.caughtUp([deleted]);
        assert.equal((await deleted.bearer('DELETE', '/api/account', { body: { password: PASSWORD } })).status, 200);
        const end = await until(() => receiver.taken(deleted).find((call) => call.type === 'webhook:gap'), 'the end');
        assert.deepEqual([end.data.reason, end.data.until], ['deleted', null]);
    });

    it('logs name neither path nor secret', async () => {
        const log = stack.log('cubby-pushd');
        assert.match(log, /webhooks: this process sends them/);
        assert.match(log, new RegExp(`webhook failed receiver=http://127.0.0.1:${receiver.port} `));
        assert.doesNotMatch(log, /token-of-the-url|key=secret|whsec_/);
        assert.match(log, /webhook: events are missing, and the receiver was told/);
    });
});

// Where no cubby-pushd runs: `cubbyctl webhooks run`, as from cron.
describe('webhooks without cubby-pushd', () => {
    const at = {};
    let receiver, stack, env;
    const run = () => done(stack, ['webhooks', 'run'], { env });
    before(async () => {
        receiver = await Receiver.start({ after: (end) => (at.end = end) });
        stack = await new Stack({ pushd: null, env: { CUBBY_LOG_KEEP_EVENTS: '64' } }).start();
        env = settings(receiver);
    });
    after(async () => {
        await stack?.stop();
        await at.end?.();
    });

    it('nothing runs and nothing is there where no address is set', async (test) => {
        const pushd = await Pushd.start(test, stack, METRICS);
        assert.equal(await metric({ pushPort: pushd.port }, 'webhook_receivers'), 0);
        assert.doesNotMatch(pushd.log, /webhook/);
        const tasks = fs.readdirSync(`/proc/${pushd.process.pid}/task`).length;
        await pushd.end();
        const sending = await Pushd.start(test, stack, env);
        assert.ok(fs.readdirSync(`/proc/${sending.process.pid}/task`).length > tasks);
        await until(() => /webhooks: this process sends them/.test(sending.log), 'it to send');
        const { ms, code } = await sending.end();
        assert.ok(code === 0 && ms < 5000, `${code} after ${ms} ms`);
    });

    it('the first run begins with now; each sends what is new; what was cut off the log is told', async () => {
        const user = await User.signUp(stack);
        await write(user, 3, 'early');
        for (const end of ['', '-wal', '-shm']) fs.rmSync(`${stack.data}/webhooks.db${end}`, { force: true });
        assert.deepEqual(await run(), { ok: true, delivered: 0, failed: 0, gaps: 0 });
        await write(user, 2, 'new');
        assert.equal((await run()).delivered, 2);
        assert.deepEqual(receiver.taken(user).map((call) => call.data.key), ['new0', 'new1']);
        assert.equal((await run()).delivered, 0);

        await write(user, 200);
        const { delivered, gaps } = await run();
        assert.equal(gaps, 1);
        const gap = receiver.taken(user).find((call) => call.type === 'webhook:gap');
        const until = Number(gap.data.until.split('.')[1]);
        assert.equal(gap.data.reason, 'trimmed');
        const behind = receiver.taken(user).filter((call) => call.seq > until);
        assert.deepEqual(behind.map((call) => call.seq), behind.map((call, i) => until + 1 + i));
        assert.equal(delivered, 1 + behind.length);
        assert.equal(behind.at(-1).data.key, 'k199');
    });

    it('a run that fails says so and leaves the rest; two at once are refused', async () => {
        const user = await User.signUp(stack);
        await write(user, 3, 'mine');
        receiver.answer = () => 500;
        const failed = await ctl(stack, ['webhooks', 'run', '--json'], { env });
        assert.equal(failed.code, 1);
        assert.deepEqual(failed.json, { ok: false, delivered: 0, failed: 1, gaps: 0 });
        assert.doesNotMatch(failed.err, /token-of-the-url|key=secret/);
        let release;
        const held = new Promise((resolve) => (release = resolve));
        receiver.answer = () => held.then(() => 200);
        const before = receiver.calls.length;
        const first = run();
        await until(() => receiver.calls.length > before, 'the first run to send');
        const second = await ctl(stack, ['webhooks', 'run'], { env });
        assert.equal(second.code, 1);
        assert.match(second.err, /another process sends them/);
        release();
        await first;
        assertWhole(receiver, user);
        receiver.answer = () => 200;
    });

    it('https is checked: by the system, or by webhook_ca_file', async (test) => {
        const folder = fs.mkdtempSync('/tmp/cubby-hook-');
        const { cert, key } = makeCertificate(folder, 'receiver');
        const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
        const server = https.createServer(options, (asked, answer) => answer.writeHead(204).end());
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        test.after(() => {
            server.close();
            server.closeAllConnections();
            fs.rmSync(folder, { recursive: true, force: true });
        });
        const words = ['webhooks', 'test', `https://127.0.0.1:${server.address().port}/`];
        await refused(stack, words, /certificate/i, { env });
        const known = await done(stack, words, { env: { ...env, CUBBY_WEBHOOK_CA_FILE: cert } });
        assert.equal(known.status, 204);
    });

    it('webhook_events picks names; a test event goes to any address; a wrong secret is refused', async () => {
        const user = await User.signUp(stack);
        await write(user, 2);
        await user.ok('POST', '/api/todos', { title: 'A todo' });
        env.CUBBY_WEBHOOK_EVENTS = 'table:todos:*';
        assert.equal((await run()).delivered, 1);
        assert.equal(receiver.taken(user)[0].type, 'table:todos:create');
        assert.deepEqual(await done(stack, ['webhooks', 'test', receiver.url], { env }), { ok: true, status: 200 });
        const call = receiver.calls.at(-1);
        assert.equal(call.type, 'webhook:test');
        assert.deepEqual(call.verified, [true, true]);
        for (const [name, value] of [['CUBBY_WEBHOOK_SECRET', 'whsec_c2hvcnQ='], ['CUBBY_WEBHOOK_SECRET', ''],
            ['CUBBY_WEBHOOK_URL', 'http://example.org/'], ['CUBBY_WEBHOOK_URL', 'https://a:b@example.org/']]) {
            const { err } = await refused(stack, ['webhooks', 'run'], /expected/, { env: { ...env, [name]: value } });
            assert.doesNotMatch(err, /c2hvcnQ/);
        }
    });
});
