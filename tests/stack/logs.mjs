// What the programs write about what they do: one request followed from the web server to the bus
// and pushd, JSON that is JSON, and nothing in it that is nobody's business.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { User, request } from '../lib/http.mjs';
import { startStack, throughEachServer, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const PROGRAMS = ['cubby-fcgi', 'cubby-pushd'];
const GIVEN = 'from-the-test_1.a:b@c';

throughEachServer('request ids', { CUBBY_LOG_LEVEL: 'debug' }, (at) => {
    it('one that came is answered, logged, and goes with the change to pushd', async () => {
        const user = await User.signUp(at.stack);
        const events = await EventReader.open(at.stack, { headers: { authorization: `Bearer ${user.token}` } });
        await events.next();
        const answer = await user.bearer('POST', '/data',
            { body: { key: 'k', value: 1 }, headers: { 'x-request-id': GIVEN } });
        assert.equal(answer.headers['x-request-id'], GIVEN);
        for (const program of PROGRAMS)
            await until(() => at.stack.log(program).includes(`request=${GIVEN} `), `${program} to know it`);
        assert.match(at.stack.log('cubby-pushd'), new RegExp(`request=${GIVEN} bus kind=1 `));
        events.close();
    });

    it('a new one is made where none came, or one that would have to be escaped', async () => {
        for (const path of ['/healthz', '/push/healthz', '/api/nothing', '/api/events']) {
            const seen = new Set();
            for (const given of [undefined, 'a b', '"', 'x'.repeat(65), 'a;level=error']) {
                const headers = given === undefined ? {} : { 'x-request-id': given };
                const id = (await request(at.stack, 'GET', path, { headers })).headers['x-request-id'];
                assert.match(id, /^[0-9a-f]{32}$/, path);
                seen.add(id);
            }
            assert.equal(seen.size, 5);
        }
    });
});

describe('logs', () => {
    it('a line for each request when asked for, as JSON, without secrets', async (t) => {
        const stack = await startStack(t, { env: { CUBBY_LOG_FORMAT: 'json', CUBBY_LOG_REQUESTS: 'on' } });
        const user = await User.signUp(stack);
        await user.ok('POST', '/data', { key: 'hidden-key', value: 'hidden-value' });
        await user.ok('GET', '/data?key=hidden-key');
        await user.ok('GET', '/api/posts?q=hidden-words');
        await user.bearer('GET', '/api/todos/hidden-id');
        await request(stack, 'GET', `/api/events?token=${user.token}x&lastEventId=hidden-event`);
        // A line is written after its answer.
        await until(() => stack.log('cubby-pushd').includes('/api/events'), 'the last line');
        await until(() => stack.log('cubby-fcgi').includes('/api/{c}/{id}'), 'the last line of the app');
        const lines = PROGRAMS.flatMap((name) => stack.log(name).trim().split('\n'));
        const said = lines.map((line) => JSON.parse(line));
        for (const line of said) {
            for (const member of ['time', 'program', 'level']) assert.equal(typeof line[member], 'string');
        }
        const find = (wanted) => said.find((line) => Object.entries(wanted).every(([k, v]) => line[k] === v));
        const row = find({ method: 'GET', route: '/api/{c}/{id}', status: 404, code: 'not_found' });
        assert.ok(row.request && row.us >= 0, JSON.stringify(row));
        assert.ok(find({ method: 'POST', route: '/data', status: 200 }));
        assert.ok(find({ program: 'cubby-pushd', route: '/api/events', code: 'unauthorized' }));
        const text = lines.join('\n');
        for (const secret of [user.token, user.refreshToken, user.email, user.id, 'hidden-', '127.0.0.1:'])
            assert.ok(!text.includes(secret), secret);
    });

    it('there is none of them otherwise', async (t) => {
        const stack = await startStack(t);
        await request(stack, 'GET', '/healthz');
        await request(stack, 'GET', '/push/healthz');
        for (const program of PROGRAMS) assert.doesNotMatch(stack.log(program), /route=/);
    });
});
