// The export of an account, through each web server: whole, however large; bounded in memory.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { it } from 'node:test';
import { PASSWORD, User, assertFailure, request } from '../lib/http.mjs';
import { APP, sleep, throughEachServer } from '../lib/stack.mjs';

const ROWS = 200000;
// More than before; the document has 78 MB. Sanitizers keep freed memory, to see who uses it.
const MEMORY_KB = /-san-/.test(APP) ? 32 * 1024 : 8 * 1024;

const peak = (pid) => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// An export whose answer has begun; it is read by who asked.
function begin(at, token) {
    return new Promise((resolve, reject) => {
        http.get({
            host: '127.0.0.1', port: at.stack.port, path: '/api/account/export', agent: false,
            headers: { authorization: `Bearer ${token}` },
        }, resolve).on('error', reject);
    });
}

// Rows as the app would have stored them.
function seed(at, user) {
    const file = `${at.stack.data}/users/${user.id.slice(0, 2)}/${user.id}.db`;
    execFileSync('sqlite3', ['-cmd', '.timeout 10000', '-cmd', 'PRAGMA wal_autocheckpoint=0', file, `
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
        INSERT INTO c_todos(id, data, created_at, updated_at, version)
        SELECT printf('00000000-0000-7000-8000-%012x', i),
            printf('{"title":"%0180d","completed":false}', i), 1800000000000, 1800000000000, 1 FROM n`]);
}

throughEachServer('the export', {}, (at) => {
    let user;

    it('has all of 200,000 rows, and the app hardly grows', async (test) => {
        user = await User.signUp(at.stack);
        await user.ok('POST', '/data', { key: 'k', value: 1.5 });
        seed(at, user);
        const pid = at.stack.pid('cubby-fcgi');
        fs.writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the highest so far is forgotten
        const before = peak(pid);
        const answer = await user.bearer('GET', '/api/account/export', { timeout: 120000 });
        const grown = peak(pid) - before;
        test.diagnostic(`${(answer.text.length / 1e6).toFixed(0)} MB, memory +${grown} KiB`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-disposition'], /attachment/);
        const document = answer.json;
        assert.equal(document.account.email, user.email);
        assert.deepEqual(document.data, { k: 1.5 });
        assert.equal(document.collections.todos.length, ROWS);
        assert.equal(new Set(document.collections.todos.map((row) => row.id)).size, ROWS);
        assert.ok(grown < MEMORY_KB, `${grown} KiB`);
    });

    it('keeps neither the user nor others from working', async () => {
        const other = await User.signUp(at.stack);
        const slow = await begin(at, user.token);
        slow.pause();
        for (let i = 0; i < 20; i++) {
            await user.ok('POST', '/data', { key: 'k', value: i });
            await other.ok('GET', '/api/me');
        }
        slow.destroy();
    });

    it('clients that go away leave nothing behind', async () => {
        for (let i = 0; i < 10; i++) {
            const response = await begin(at, user.token);
            await new Promise((resolve) => response.once('data', resolve));
            response.destroy();
        }
        await sleep(200);
        const poll = await user.bearer('GET', '/api/changes?wait=1');
        assert.equal(poll.status, 200);
    });

    it('breaks off when its session ends, and nobody takes the rest for the whole', async (test) => {
        const body = { email: user.email, password: PASSWORD };
        const other = await request(at.stack, 'POST', '/api/login', { body });
        const headers = { authorization: `Bearer ${other.json.token}` };
        const whole = request(at.stack, 'GET', '/api/account/export', { headers }).then(({ text }) => {
            assert.ok(text.length < 70e6, 'it was over before the session');
            JSON.parse(text);
        });
        whole.catch(() => {});
        await sleep(100);
        await request(at.stack, 'POST', '/api/logout', { headers });
        await assert.rejects(whole, (error) => {
            test.diagnostic(error.message);
            return error instanceof SyntaxError || error.code === 'ECONNRESET';
        });
    });

    it('HEAD has the head alone, and errors are JSON', async () => {
        const head = await user.bearer('HEAD', '/api/account/export');
        assert.equal(head.status, 200);
        assert.equal(head.text, '');
        assert.match(head.headers['content-type'], /^application\/json/);
        assertFailure(await request(at.stack, 'GET', '/api/account/export'), 401, 'unauthorized');
        assertFailure(await user.bearer('POST', '/api/account/export', { body: {} }), 405);
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (const path of ['/api/me', '/api/account/export', '/api/me']) {
            const answer = await user.bearer('GET', path, { via: { agent }, timeout: 120000 });
            assert.equal(answer.status, 200);
            JSON.parse(answer.text);
        }
        agent.destroy();
    });
});
