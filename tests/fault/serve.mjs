// What serve.sh sees to: pushd behind a unix socket, and folders that the web server may not read.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { User } from '../lib/http.mjs';
import { PUSHD, ROOT, SERVERS, freePort, startStack } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const isRoot = process.getuid() === 0;

describe('pushd on a unix socket', () => {
    for (const server of SERVERS) {
        it(`serves behind ${server}`, async (t) => {
            const folder = fs.mkdtempSync('/tmp/cubby-unix-');
            t.after(() => fs.rmSync(folder, { recursive: true }));
            // Apache, started by root, works as www-data: the socket inherits the folder's group.
            if (isRoot) execFileSync('/bin/sh', ['-c', 'chgrp www-data "$0" && chmod 2750 "$0"', folder]);
            const stack = await startStack(t, { server, env: { CUBBY_PUSH_LISTEN: `unix:${folder}/push.sock` } });
            const user = await User.signUp(stack);
            const headers = { authorization: `Bearer ${user.token}` };
            const events = await EventReader.open(stack, { headers });
            const socket = await SocketReader.open(stack, '/api/ws', {
                headers: { cookie: user.cookie, origin: stack.origin },
            });
            assert.equal((await events.next()).name, 'realtime:connected');
            assert.equal((await socket.next()).event, 'connected');
            await user.ok('POST', '/data', { key: 'k', value: 1 });
            assert.equal((await events.next()).name, 'kv:set');
            assert.equal((await socket.next()).event, 'kv:k');
            events.close();
            socket.close();
        });
    }
});

describe('Apache started by root', { skip: !isRoot }, () => {
    it('in a folder that only root may enter: what and where is said before anything starts', async (t) => {
        const folder = fs.mkdtempSync('/tmp/cubby-closed-'); // mode 0700
        t.after(() => fs.rmSync(folder, { recursive: true }));
        for (const part of ['apache-conf', 'www'])
            fs.cpSync(`${ROOT}/${part}`, `${folder}/${part}`, { recursive: true });
        const { status, stderr } = spawnSync(`${folder}/apache-conf/serve.sh`, ['run', PUSHD], {
            env: { ...process.env, SERVER: 'apache', DATA: `${folder}/data`, PORT: String(await freePort()) },
            encoding: 'utf8', timeout: 20000,
        });
        assert.equal(status, 1);
        assert.match(stderr, /works as www-data, who cannot read the folder \/tmp\/cubby-closed-\w+\/: move this tree/);
        assert.deepEqual(fs.readdirSync(`${folder}/data/run`).filter((name) => name.endsWith('.log')), []);
    });
});
