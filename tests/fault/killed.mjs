// kill -9 of any process of a Cubby that serve.sh runs, while somebody writes and listens: it is back,
// and nothing that was acknowledged is lost or there twice. tests/stack/host.mjs does it to the units.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { it } from 'node:test';
import { request } from '../lib/http.mjs';
import { startLasting } from '../lib/lasting.mjs';
import { SERVERS, startStack, until } from '../lib/stack.mjs';

const children = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ').filter(Boolean).map(Number);

for (const server of SERVERS) {
    it(`killed at any moment, through ${server}`, async (t) => {
        const stack = await startStack(t, { server });
        const lasting = await startLasting(t, stack);
        const well = async () => {
            const paths = ['/healthz', '/push/healthz'];
            const answers = await Promise.all(paths.map((path) => request(stack, 'GET', path).catch(() => ({}))));
            return answers.every(({ status }) => status === 200);
        };
        const kill = async (what, pid) => {
            assert.ok(pid > 1);
            process.kill(pid, 'SIGKILL');
            const start = performance.now();
            await until(well, `${what} to be back`);
            t.diagnostic(`${what}: back after ${Math.round(performance.now() - start)} ms`);
        };
        for (const program of ['cubby-fcgi', 'cubby-pushd', 'cubby-pushd', 'cubby-fcgi'])
            await kill(program, stack.pid(program));
        if (server !== 'lighttpd') // which has no workers
            await kill(`a worker of ${server}`, children(stack.pid(server)).pop());
        const { acknowledged, pause, opened } = await lasting.stop();
        t.diagnostic(`${acknowledged} writes, ${pause} ms without one at most; the stream opened ${opened} times`);
        assert.ok(opened > 1);
    });
}
