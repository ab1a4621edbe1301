// Operations (docs/protocol.md, section 10), the static pages, and the script that serves it all.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { describe, it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { ROOT, SERVERS, freePort, processesOf, sleep, startStack, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

throughEachServer('operations', { CUBBY_METRICS_TOKEN: 'metrics-token-of-the-tests' }, (at) => {
    it('both programs say that they are well', async () => {
        for (const path of ['/healthz', '/push/healthz']) {
            const answer = await request(at.stack, 'GET', path);
            assert.equal(answer.status, 200, path);
            assert.equal(answer.json.ok, true);
        }
    });

    it('localhost is there by every address it has', async () => {
        const ipv6 = fs.existsSync('/proc/net/if_inet6') ? fs.readFileSync('/proc/net/if_inet6', 'utf8') : '';
        const addresses = new Set(['localhost', '127.0.0.1']);
        if (/^0{31}1 /m.test(ipv6)) {
            addresses.add('[::1]');
        }
        for (const host of addresses) {
            const answer = await fetch(`http://${host}:${at.stack.port}/healthz`);
            assert.equal(answer.status, 200, host);
        }
    });

    it('metrics need their token on the public address', async () => {
        const get = (headers) => request(at.stack, 'GET', '/metrics', { headers });
        assertFailure(await get({}), 404);
        assertFailure(await get({ authorization: 'Bearer wrong' }), 404);
        const user = await User.signUp(at.stack);
        assertFailure(await get({ authorization: `Bearer ${user.token}` }), 404);
        const answer = await get({ authorization: 'Bearer metrics-token-of-the-tests' });
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^text\/plain/);
        assert.match(answer.text, /^# TYPE \w+ (counter|gauge|histogram)$/m);
        assert.match(answer.text, /^\w+(\{[^}]*\})? \d/m);
    });

    it('static pages are served with headers that keep scripts of others out', async () => {
        for (const path of ['/', '/organizations', '/reset-password.html']) {
            const answer = await request(at.stack, 'GET', path);
            assert.equal(answer.status, 200, path);
            assert.match(answer.headers['content-type'], /^text\/html; ?charset=utf-8/i);
            assert.match(answer.headers['content-security-policy'], /script-src 'self'/);
            assert.match(answer.headers['content-security-policy'], /frame-ancestors 'none'/);
            assert.doesNotMatch(answer.headers['content-security-policy'], /unsafe/);
            assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        }
        for (const [path, type] of [['/app.js', /javascript/], ['/cubby.js', /javascript/],
            ['/js/client.js', /javascript/], ['/style.css', /css/], ['/css/desk.css', /css/], ['/icon.svg', /svg/]]) {
            const file = await request(at.stack, 'GET', path);
            assert.equal(file.status, 200, path);
            assert.match(file.headers['content-type'], type);
            const again = await request(at.stack, 'GET', path, { headers: { 'if-none-match': file.headers.etag } });
            assert.equal(again.status, 304);
        }
    });

    it('what is not there is 404 in JSON, and folders are not listed', async () => {
        for (const path of ['/nothing', '/js/nothing.js', '/js/', '/nothing/']) {
            const answer = await request(at.stack, 'GET', path);
            assert.ok([403, 404].includes(answer.status), path);
            assert.match(answer.headers['content-type'], /^application\/json/);
            assert.equal(typeof answer.json.error, 'string');
        }
    });

    it('no log has query strings, also when a program is down', async () => {
        for (const name of ['cubby-pushd', 'cubby-fcgi']) process.kill(at.stack.pid(name), 'SIGKILL');
        await request(at.stack, 'GET', '/api/me?token=very-secret-token');
        await request(at.stack, 'GET', '/api/events?token=very-secret-token');
        await request(at.stack, 'GET', '/nothing?token=very-secret-token');
        await until(async () => {
            const paths = ['/healthz', '/push/healthz'];
            const answers = await Promise.all(paths.map((path) => request(at.stack, 'GET', path)));
            return answers.every((answer) => answer.status === 200);
        }, 'both to be back');
        await request(at.stack, 'GET', '/api/events?token=very-secret-token');
        await sleep(1500);
        for (const name of fs.readdirSync(`${at.stack.data}/run`).filter((file) => file.endsWith('.log'))) {
            assert.ok(!fs.readFileSync(`${at.stack.data}/run/${name}`, 'utf8').includes('very-secret'), name);
        }
    });

    it('the data is for its owner alone', async () => {
        await User.signUp(at.stack);
        const mode = (file) => (fs.statSync(file).mode & 0o777).toString(8);
        assert.equal(mode(at.stack.data), '700');
        const entries = fs.readdirSync(at.stack.data, { recursive: true, withFileTypes: true });
        for (const entry of entries.filter((e) => e.isFile() && /\.db/.test(e.name))) {
            assert.equal(mode(`${entry.parentPath ?? entry.path}/${entry.name}`), '600', entry.name);
        }
    });
});

for (const server of SERVERS) {
    describe(`serve.sh with ${server}`, () => {
        it('the web server comes back to a killed app, and the script to a killed pushd', async (t) => {
            const stack = await startStack(t, { server });
            process.kill(stack.pid('cubby-fcgi'), 'SIGKILL');
            await until(async () => (await request(stack, 'GET', '/healthz')).status === 200, 'the app');
            process.kill(stack.pid('cubby-pushd'), 'SIGKILL');
            await until(async () => (await request(stack, 'GET', '/push/healthz')).status === 200, 'pushd');
        });

        it('a pid file holds a whole number whenever it is read', async (t) => {
            const stack = await startStack(t, { server });
            for (let round = 0; round < 3; round++) {
                const pid = stack.pid('cubby-pushd');
                process.kill(pid, 'SIGKILL');
                const end = Date.now() + 10000;
                while (stack.pid('cubby-pushd') === pid && Date.now() < end); // pid() fails on half a file
                assert.notEqual(stack.pid('cubby-pushd'), pid);
            }
        });

        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
            it(`${signal} ends every process, open streams or not`, async (t) => {
                const stack = await startStack(t, { server });
                const user = await User.signUp(stack);
                const stream = await EventReader.open(stack, { headers: { authorization: `Bearer ${user.token}` } });
                await stream.next();
                const start = Date.now();
                await stack.stop(signal);
                assert.ok(Date.now() - start < 10000);
                await stream.end();
            });
        }

        it('what is being written when it stops is answered', async (t) => {
            const stack = await startStack(t, { server });
            const user = await User.signUp(stack);
            const writes = Array.from({ length: 12 }, (_, i) => user.bearer('POST', '/api/login', {
                body: { email: user.email, password: 'correct horse battery' },
                headers: { 'x-number': String(i) },
            }).catch((error) => error));
            await sleep(150);
            await stack.stop();
            const answers = await Promise.all(writes);
            const answered = answers.filter((answer) => answer.status === 200).length;
            const failed = answers.filter((answer) => ![200, 503].includes(answer.status));
            assert.ok(answered > 0);
            assert.deepEqual(failed.map((answer) => answer.status ?? answer.code), []);
        });

        it('killing the script itself leaves no process behind', async (t) => {
            const stack = await startStack(t, { server });
            stack.process.kill('SIGKILL');
            await stack.exited;
            await until(() => processesOf(stack.data).length === 0, `the end of ${processesOf(stack.data)}`);
            stack.process = null;
            fs.rmSync(stack.data, { recursive: true, force: true });
        });
    });
}

describe('serve.sh', () => {
    const run = (env, ...args) => spawnSync('apache-conf/serve.sh', args, {
        cwd: ROOT, env: { ...process.env, ...env }, encoding: 'utf8',
    });
    const programs = [process.env.CUBBY_TEST_APP ?? 'build/gcc/cubby.fcgi',
        process.env.CUBBY_TEST_PUSHD ?? 'build/gcc/cubby-pushd'];

    it('starts in the background, says where, keeps its secret, and is stopped from elsewhere', async () => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        const env = { DATA: data, PORT: String(await freePort()), SERVER: 'lighttpd' };
        const started = run(env, 'start', ...programs);
        assert.equal(started.status, 0, started.stderr);
        assert.ok(started.stdout.includes(`http://127.0.0.1:${env.PORT}/`));
        const secret = fs.readFileSync(`${data}/jwt_secret`, 'utf8');
        assert.equal((fs.statSync(`${data}/jwt_secret`).mode & 0o777).toString(8), '600');
        assert.ok(secret.trim().length >= 32);
        const again = run(env, 'start', ...programs);
        assert.notEqual(again.status, 0);
        assert.match(again.stderr, /runs already/);
        const user = await User.signUp({ port: env.PORT });
        assert.equal(run(env, 'stop').status, 0);
        assert.deepEqual(processesOf(data), []);
        assert.equal(run(env, 'stop').status, 0);
        assert.equal(run(env, 'start', ...programs).status, 0);
        assert.equal((await user.bearer('GET', '/api/me')).status, 200, 'the token is still good');
        assert.equal(run(env, 'stop').status, 0);
        assert.equal(fs.readFileSync(`${data}/jwt_secret`, 'utf8'), secret);
        fs.rmSync(data, { recursive: true });
    });

    it('says so when the port is taken', async () => {
        const server = net.createServer().listen(0, '127.0.0.1');
        await until(() => server.listening, 'a taken port');
        const data = fs.mkdtempSync('/tmp/cubby-');
        const child = spawn('apache-conf/serve.sh', ['run', ...programs], {
            cwd: ROOT, env: { ...process.env, DATA: data, PORT: String(server.address().port) },
        });
        let said = '';
        child.stderr.on('data', (chunk) => (said += chunk));
        const code = await new Promise((resolve) => child.on('exit', resolve));
        server.close();
        assert.notEqual(code, 0);
        assert.match(said, new RegExp(`port ${server.address()?.port ?? '\\d+'} is in use`));
        assert.deepEqual(processesOf(data), []);
        fs.rmSync(data, { recursive: true });
    });

    it('a wrong setting stops the start with its name', async () => {
        const data = fs.mkdtempSync('/tmp/cubby-');
        const env = { DATA: data, PORT: String(await freePort()), CUBBY_MAX_BODY: 'much' };
        const failed = run(env, 'run', ...programs);
        assert.notEqual(failed.status, 0);
        assert.match(failed.stderr, /MAX_BODY/);
        assert.deepEqual(processesOf(data), []);
        fs.rmSync(data, { recursive: true });
    });
});
