// `make demo`: the script behind it serves, says where, and fills in two users, once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { it } from 'node:test';
import { User } from '../lib/http.mjs';
import { APP, PUSHD, ROOT, freePort, processesOf, until } from '../lib/stack.mjs';

it('serves two users with data, the second time too, and ends whole', { timeout: 60000 }, async (test) => {
    const data = fs.mkdtempSync('/tmp/cubby-demo-');
    test.after(() => fs.rmSync(data, { recursive: true, force: true }));
    const port = await freePort();
    const env = { ...process.env, PORT: String(port), DATA: data };
    for (const name of Object.keys(env)) if (name.startsWith('CUBBY_')) delete env[name];
    for (const time of ['first', 'second']) {
        const demo = spawn(`${ROOT}/apache-conf/demo.sh`, [APP, PUSHD], { cwd: ROOT, env });
        test.after(() => demo.kill('SIGTERM'));
        let said = '';
        for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (said += chunk));
        const ended = new Promise((resolve) => demo.on('exit', resolve));
        await until(() => said.includes('Ctrl-C'), `the ${time} demo to be ready: ${said}`, 30000);
        assert.match(said, new RegExp(`The demo is at http://localhost:${port}/\n`));
        const [, password] = /password +(.+)/.exec(said);
        for (const [email, posts] of [['ada@example.org', 4], ['grace@example.org', 1]]) {
            const user = new User({ port });
            assert.ok(said.includes(email));
            const { json } = await user.request('POST', '/api/login', { body: { email, password } });
            assert.equal(json.user.email, email);
            user.token = json.token;
            assert.equal((await user.ok('GET', '/api/posts/count')).count, posts, time);
        }
        demo.kill('SIGTERM');
        await ended;
        assert.deepEqual(processesOf(data), [], 'no process left');
    }
});
