// Clients that others wrote, each through each web server: Python's `websockets` and the `eventsource`
// package. (`ws` has its part in deflate.mjs, Chromium in tests/e2e/streams.mjs.)

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it } from 'node:test';
import { EventSource } from 'eventsource';
import { User } from '../lib/http.mjs';
import { ROOT, throughEachServer, until } from '../lib/stack.mjs';

throughEachServer('foreign clients', { CUBBY_TEST_ENDPOINTS: 'on' }, (at) => {
    it("Python's websockets", async () => {
        const user = await User.signUp(at.stack);
        // Debian's Python, whose package it is.
        const args = ['tests/foreign/echo.py', `${at.stack.port}`, user.token];
        const python = spawn('/usr/bin/python3', args, { cwd: ROOT });
        let [out, errors] = ['', ''];
        python.stdout.on('data', (chunk) => (out += chunk));
        python.stderr.on('data', (chunk) => (errors += chunk));
        const exited = new Promise((resolve) => python.on('exit', resolve));
        await until(() => out.includes('ready\n') || python.exitCode !== null, 'python', 30000);
        await user.ok('POST', '/data', { key: 'from', value: 'κόσμε '.repeat(30) });
        assert.equal(await exited, 0, errors);
        const { changes: [[greeting, change], code], ...seen } = JSON.parse(out.split('\n').at(-2));
        const deflate = [['permessage-deflate']];
        assert.deepEqual(seen, {
            plain: [], deflate, no_takeover: deflate, small_windows: deflate, too_big: 1009,
        });
        assert.equal(greeting, 'connected');
        assert.equal(change.event, 'kv:from');
        assert.equal(change.data, 'κόσμε '.repeat(30));
        assert.equal(code, 4000);
    });

    it('eventsource: events come, and after a break those that were missed', async () => {
        const user = await User.signUp(at.stack);
        const sent = [];
        const source = new EventSource(`${at.stack.origin}/api/events`, {
            fetch: (url, init) => {
                sent.push(init.headers['Last-Event-ID'] ?? null);
                return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${user.token}` } });
            },
        });
        const seen = [];
        let opened = 0;
        source.addEventListener('open', () => opened++);
        source.addEventListener('kv:set', (event) => seen.push([event.lastEventId, JSON.parse(event.data)]));
        await until(() => opened === 1, 'the stream');
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await until(() => seen.length === 1, 'the first event');
        process.kill(at.stack.pid('cubby-pushd'), 'SIGKILL');
        await user.ok('POST', '/data', { key: 'k', value: 2 });
        await until(() => opened === 2, 'the stream again', 15000);
        await user.ok('POST', '/data', { key: 'k', value: 3 });
        await until(() => seen.length >= 3, 'the events missed and new', 15000);
        source.close();
        assert.deepEqual(seen.map(([, event]) => event.data.value), [1, 2, 3]);
        assert.equal(sent[0], null);
        assert.equal(sent.at(-1), seen[0][0]);
    });
});
