// docs/extending.md, done as it says: its blocks go into a copy of the sources, which is built; then
// the collection, the endpoint and the protocol are called.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { User, assertFailure, request } from '../lib/http.mjs';
import { APP, ROOT, startStack } from '../lib/stack.mjs';
import { SocketReader } from '../lib/streams.mjs';

const VARIANT = path.basename(path.dirname(APP)); // as in the Makefile: gcc, clang-san-1
const [, CC, SAN = ''] = /^(.*?)(?:-san-(.*))?$/.exec(VARIANT);

// Where a block goes is in its first line, or, for what has no comments, in the line before it.
function apply(copy) {
    const text = fs.readFileSync(`${ROOT}/docs/extending.md`, 'utf8');
    const blocks = [...text.matchAll(/(?:^`([^`]+)`:\n\n)?^```(\w+)\n(.*?)^```$/gms)];
    for (const [, named, language, block] of blocks) {
        if (language === 'json') {
            fs.writeFileSync(`${copy}/${named}`, block);
            continue;
        }
        const [, file, where, after] = /^\/\* (\S+), (new|at the end|after "(.*)") \*\/\n/.exec(block);
        const code = block.slice(block.indexOf('\n') + 1);
        if (where === 'new') {
            fs.writeFileSync(`${copy}/${file}`, code);
            continue;
        }
        const lines = fs.readFileSync(`${copy}/${file}`, 'utf8').split('\n');
        const at = after === undefined ? lines.length : lines.findIndex((line) => line.includes(after)) + 1;
        assert.ok(at > 0, `${file}: ${after}`);
        lines.splice(at, 0, code);
        fs.writeFileSync(`${copy}/${file}`, lines.join('\n'));
    }
    return blocks.length;
}

it('docs/extending.md: a collection, an endpoint and a push protocol', async (t) => {
    const copy = fs.mkdtempSync('/tmp/cubby-extending-');
    t.after(() => fs.rmSync(copy, { recursive: true, force: true }));
    const objects = `${copy}/build/${VARIANT}`;
    fs.mkdirSync(objects, { recursive: true });
    for (const part of ['lib', 'fcgi-app', 'pushd'])
        execFileSync('cp', ['-a', `${path.dirname(APP)}/${part}`, objects]);
    for (const part of ['Makefile', 'lib', 'fcgi-app', 'pushd', 'ctl'])
        if (fs.existsSync(`${ROOT}/${part}`)) execFileSync('cp', ['-a', `${ROOT}/${part}`, copy]);
    assert.equal(apply(copy), 7);
    const programs = ['cubby.fcgi', 'cubby-pushd'].map((name) => `build/${VARIANT}/${name}`);
    execFileSync('make', ['-s', `CC=${CC}`, `SAN=${SAN}`, ...programs], { cwd: copy, stdio: 'pipe' });

    const [app, pushd] = programs.map((name) => `${copy}/${name}`);
    const stack = await startStack(t, { app, pushd, env: { CUBBY_COLLECTIONS_DIR: `${copy}/fcgi-app/collections` } });
    const user = await User.signUp(stack);
    const { data } = await user.ok('POST', '/api/recipes', { name: 'Soup', steps: ['boil'] });
    assert.equal((await user.ok('GET', '/api/recipes?q=soup')).data[0].id, data.id);
    assertFailure(await user.bearer('POST', '/api/recipes', { body: {} }), 400, 'validation_failed');
    assert.ok((await request(stack, 'GET', '/api/docs')).json.paths['/api/recipes']);

    assert.deepEqual(await user.ok('GET', '/api/ping'), { ok: true, pong: true });
    assertFailure(await request(stack, 'GET', '/api/ping'), 401, 'unauthorized');

    const socket = await SocketReader.open(stack, '/shout',
        { port: stack.pushPort, headers: { authorization: `Bearer ${user.token}` } });
    assert.equal(socket.status, 101);
    socket.send({ hello: 'you' });
    assert.deepEqual(await socket.next(), { HELLO: 'YOU' });
    socket.close();
});
