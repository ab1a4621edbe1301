// cubbyctl's accounts and tokens, beside a stack that runs.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ctl, done, refused, start } from '../lib/ctl.mjs';
import { PASSWORD, User, assertFailure, freshEmail, request } from '../lib/http.mjs';
import { Stack, sleep, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

describe('cubbyctl: accounts', () => {
    let stack;
    before(async () => (stack = await new Stack().start()));
    after(() => stack.stop());
    const login = (email, password = PASSWORD) =>
        request(stack, 'POST', '/api/login', { body: { email, password } });

    it('an account made here can be signed in to', async () => {
        const email = freshEmail('made');
        const made = await done(stack, ['user', 'create', ` ${email.toUpperCase()} `, '--password-stdin', '--verified'],
            { input: `${PASSWORD}\n` });
        assert.equal(made.user.email, email);
        assert.equal(made.user.emailVerified, true);
        const answer = await login(email);
        assert.equal(answer.status, 200);
        assert.equal(answer.json.user.id, made.user.id);
        const lines = await request(stack, 'GET', '/api/account/activity',
            { headers: { authorization: `Bearer ${answer.json.token}` } });
        assert.deepEqual(lines.json.data.map((line) => line.kind), ['login', 'signup']);
    });

    it('a taken address, a bad one and a bad password are refused with the reason', async () => {
        const user = await User.signUp(stack);
        await refused(stack, ['user', 'create', user.email, '--no-password'], /already registered/);
        await refused(stack, ['user', 'create', 'nobody', '--no-password'], /not a valid email address/);
        await refused(stack, ['user', 'create', freshEmail(), '--password-stdin'], /at least 8 characters/,
            { input: 'short\n' });
        await refused(stack, ['user', 'create', freshEmail()], /--password-stdin/);
    });

    it('list and show know everybody, by address and by id', async () => {
        const user = await User.signUp(stack);
        const { users } = await done(stack, ['user', 'list']);
        assert.ok(users.some(({ id, email }) => id === user.id && email === user.email));
        for (const name of [user.id, user.email]) {
            const shown = (await done(stack, ['user', 'show', name])).user;
            assert.equal(shown.id, user.id);
            assert.equal(shown.sessions.length, 1);
            assert.ok(shown.bytes > 0);
        }
        await refused(stack, ['user', 'show', 'nobody@example.org'], /no account has this address or id/);
        const plain = await ctl(stack, ['user', 'list']);
        assert.match(plain.out, new RegExp(`^${user.id} .* ${user.email}$`, 'm'));
    });

    it('a disabled account has no session, no stream and no way in, until it is enabled', async () => {
        const user = await User.signUp(stack);
        const stream = await EventReader.open(stack, { headers: { authorization: `Bearer ${user.token}` } });
        await until(() => stream.events.length > 0, 'the stream to begin');
        const { user: shown } = await done(stack, ['user', 'disable', user.email]);
        assert.ok(shown.disabledAt);
        assertFailure(await user.bearer('GET', '/api/me'), 401);
        assertFailure(await request(stack, 'POST', '/api/refresh',
            { headers: { cookie: `refreshToken=${user.refreshToken}` } }), 401);
        await until(() => stream.ended, 'the stream to end', 5000);
        const right = await login(user.email);
        assert.equal(right.status, 403, right.text);
        assert.equal(right.json.code, 'disabled');
        assert.deepEqual(right.cookies, {});
        const wrong = await login(user.email, 'not the password');
        assert.equal(wrong.status, 401);
        assert.equal(wrong.json.code, 'invalid_credentials');
        await done(stack, ['user', 'enable', user.email]);
        const again = await login(user.email);
        assert.equal(again.status, 200);
        const lines = await request(stack, 'GET', '/api/account/activity',
            { headers: { authorization: `Bearer ${again.json.token}` } });
        assert.deepEqual(lines.json.data.slice(0, 4).map((line) => line.kind),
            ['login', 'account_enabled', 'login_failed', 'account_disabled']);
    });

    it('a deleted account is gone with its file, and only with --yes', async () => {
        const user = await User.signUp(stack);
        const file = `${stack.data}/users/${user.id.slice(0, 2)}/${user.id}.db`;
        await refused(stack, ['user', 'delete', user.email], /--yes/);
        assert.ok(fs.existsSync(file));
        await done(stack, ['user', 'delete', user.email, '--yes']);
        assert.ok(!fs.existsSync(file));
        assertFailure(await login(user.email), 401);
        assertFailure(await user.bearer('GET', '/api/me'), 401);
    });

    it('who owns an organization with members is not deleted', async () => {
        const owner = await User.signUp(stack);
        const org = await owner.ok('POST', '/api/organizations', { name: 'Theirs' });
        const id = (org.data ?? org.organization).id;
        await owner.ok('POST', `/api/organizations/${id}/members`, { email: freshEmail(), role: 'member' });
        await refused(stack, ['user', 'delete', owner.id, '--yes'], /owns an organization/);
        const shown = await done(stack, ['user', 'show', owner.id]);
        assert.equal(shown.user.id, owner.id);
    });

    it('an impersonation acts as the account, for a while, and leaves a line', async () => {
        const user = await User.signUp(stack);
        const { token, expiresIn } = await done(stack, ['user', 'impersonate', user.email, '--expires', '60']);
        assert.equal(expiresIn, 60);
        const answer = await request(stack, 'GET', '/api/account/activity',
            { headers: { authorization: `Bearer ${token}` } });
        assert.equal(answer.status, 200);
        assert.equal(answer.json.data[0].kind, 'impersonated');
        await refused(stack, ['user', 'impersonate', user.email, '--expires', '0'], /--expires/);
    });

    it('token mints what --mint-token does', async () => {
        const user = await User.signUp(stack);
        const { token } = await done(stack, ['token', JSON.stringify({ userId: user.id }), '--expires=60']);
        const answer = await request(stack, 'GET', '/api/account/activity',
            { headers: { authorization: `Bearer ${token}` } });
        assert.equal(answer.status, 200);
        await refused(stack, ['token', 'no json'], /cubbyctl token: ./);
        await refused(stack, ['token', '{"userId":"x","sid":"y"}'], /./);
    });

    it('tail prints events as they happen', async (test) => {
        const user = await User.signUp(stack);
        const other = await User.signUp(stack);
        const child = start(stack, ['tail', user.email, '--json']);
        test.after(() => child.kill('SIGKILL'));
        let out = '';
        child.stdout.on('data', (chunk) => (out += chunk));
        await until(async () => {
            await user.ok('POST', '/data', { key: 'mine', value: 'x' });
            await other.ok('POST', '/data', { key: 'theirs', value: 'y' });
            await sleep(100);
            return out.includes('\n');
        }, 'an event');
        await user.ok('POST', '/data', { key: 'large', value: 'z'.repeat(20000) });
        await until(() => out.includes('"large"'), 'the event that does not fit on the bus');
        child.kill('SIGTERM');
        const [code] = await new Promise((resolve) => child.on('close', (...all) => resolve(all)));
        assert.equal(code, 0);
        const events = out.trim().split('\n').map((line) => JSON.parse(line));
        assert.ok(events.every((event) => event.id === user.id && event.name === 'kv:set'));
    });

    it('stats, migrate and vacuum go over all files', async () => {
        const stats = await done(stack, ['stats']);
        assert.ok(stats.accounts >= 1);
        assert.equal(stats.files.main.count, 1);
        const migrated = await done(stack, ['migrate']);
        const user = await User.signUp(stack);
        for (let i = 0; i < 20; i++) await user.ok('POST', '/data', { key: 'big', value: `${i}`.padEnd(100000, 'x') });
        await user.ok('DELETE', '/data?key=big');
        assert.ok(migrated.files >= stats.accounts);
        const all = await done(stack, ['vacuum']);
        assert.ok(all.files > migrated.files);
        await done(stack, ['vacuum', user.email]);
        await user.ok('POST', '/data', { key: 'after', value: 1 });
    });
});

describe('cubbyctl: the command line', () => {
    it('help, per command too, and completion of everything in it', async () => {
        const help = await ctl(null, ['--help']);
        assert.equal(help.code, 0);
        const names = [...help.out.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)].map((match) => match[1]);
        assert.ok(names.length > 10);
        const completion = (await ctl(null, ['completion'])).out;
        for (const name of names) {
            const one = await ctl(null, [...name.split(' '), '--help']);
            assert.equal(one.code, 0, name);
            assert.match(one.out, new RegExp(`^usage: cubbyctl ${name}`));
            assert.ok(completion.includes(`'${name}'*)`), name);
        }
    });

    it('bad usage ends with 2, bad settings with 1 and the reason', async () => {
        for (const words of [[], ['nothing'], ['user'], ['user', 'show'], ['backup', '/tmp/x', 'y'],
            ['stats', '--wrong'], ['restore', 'x', '--user'], ['stats', '--json=yes']])
            assert.equal((await ctl(null, words)).code, 2, words.join(' '));
        await refused('/nonexistent/cubby', ['stats'], /\/nonexistent\/cubby.*data_dir/);
        await refused('/tmp', ['stats'], /BUSY_TIMEOUT/i, { env: { CUBBY_BUSY_TIMEOUT: 'soon' } });
        if (process.getuid() === 0) {
            const foreign = fs.mkdtempSync('/tmp/cubby-foreign-');
            fs.chownSync(foreign, 12345, 12345);
            await refused(foreign, ['stats'], /another user.*sudo -u '#12345'/);
            fs.rmSync(foreign, { recursive: true });
        }
        const failure = await ctl('/nonexistent/cubby', ['stats', '--json']);
        assert.equal(failure.json.ok, false);
    });
});
