// The browser client: accounts, key-value pairs, rows and events, as existing applications call them;
// and who is signed in, over all tabs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { eventually, isLive, isSafe, newContext, openTab, reload, rowsOf, signIn, signUp } from '../lib/client.mjs';
import { PASSWORD, User, freshEmail } from '../lib/http.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { Stack, until } from '../lib/stack.mjs';
import { codeOf } from '../lib/totp.mjs';

describe('the client: accounts and data', { timeout: 240000 }, () => {
    let stack, browser, context;

    before(async () => {
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    // A tab in a context of its own, with a user when wanted; further tabs by openTab(context, stack).
    async function enter(t, { options, at = stack, anonymous } = {}) {
        context = await newContext(browser);
        t.after(((mine) => () => mine.close())(context));
        const page = await openTab(context, at, options);
        const user = anonymous ? null : await signUp(page, at);
        return { page, user };
    }

    it('signs up, out and in, and tells who listens', async (t) => {
        const { page } = await enter(t, { anonymous: true });
        const email = freshEmail();
        const seen = await page.evaluate(async ([address, password]) => {
            const states = [];
            const hear = (user) => states.push(user && user.email);
            const quiet = () => states.push('never');
            client.onAuthStateChanged(hear);
            client.onAuthStateChanged(quiet);
            states.length = 0;
            client.offAuthStateChanged(quiet);
            const answers = [];
            answers.push(await client.signup(address, password));
            answers.push(await client.me());
            answers.push(client.user);
            await client.logout();
            answers.push(await client.me(), client.user, client.ws);
            answers.push(await failed(client.login(address, 'not the password')));
            answers.push(await failed(client.signup(address, password)));
            answers.push(await failed(client.signup('no address', password)));
            answers.push(await client.login(address, password));
            return { answers, states, events: heard.map(({ event }) => event).filter((name) => /^auth/.test(name)) };
        }, [email, PASSWORD]);
        const [up, me, user, out, nobody, socket, wrong, taken, bad, back] = seen.answers;
        assert.equal(up.ok, true);
        assert.equal(up.user.email, email);
        assert.ok(up.token && up.refreshToken);
        assert.equal(me.id, up.user.id);
        assert.equal(user.id, up.user.id);
        assert.deepEqual([out, nobody, socket], [null, null, null]);
        assert.deepEqual(wrong, {
            name: 'CubbyError', message: 'Invalid credentials', status: 401, code: 'invalid_credentials',
        });
        assert.equal(taken.message, 'Email already registered');
        assert.equal(taken.status, 409);
        assert.equal(bad.status, 400);
        assert.equal(back.user.id, up.user.id);
        assert.deepEqual(seen.states.filter((one, i, all) => one !== all[i - 1]), [email, null, email]);
        assert.deepEqual(seen.events, ['auth:login', 'auth:logout', 'auth:login']);
    });

    it('asks for the second factor', async (t) => {
        const { page, user } = await enter(t);
        const { secret } = await user.ok('POST', '/api/totp', { password: PASSWORD });
        const codes = await user.ok('POST', '/api/totp/confirm', { code: codeOf(secret) });
        const seen = await page.evaluate(async ([email, password, recovery]) => {
            await client.logout();
            const refusal = await client.login(email, password).catch((error) => error);
            const { loginToken, methods } = refusal.body;
            const wrong = await failed(client.secondFactor(loginToken, '000000'));
            const session = await client.secondFactor(loginToken, recovery, 'recovery');
            return { code: refusal.code, methods, wrong, session, user: client.user };
        }, [user.email, PASSWORD, codes.recoveryCodes[0]]);
        assert.equal(seen.code, 'second_factor_required');
        assert.deepEqual(seen.methods, ['totp', 'recovery']);
        assert.equal(seen.wrong.status, 401);
        assert.equal(seen.session.user.id, user.id);
        assert.equal(seen.user.id, user.id);
    });

    it('keeps values, tells of their changes, and a deleted one is null', async (t) => {
        const { page } = await enter(t);
        await isLive(page);
        const other = await openTab(context, stack);
        await isLive(other);
        await other.evaluate(() => {
            window.colours = [];
            client.onChange('colour', (value) => colours.push(value));
            window.kept = client.value('colour');
            kept.subscribe(() => {});
        });
        const answers = await page.evaluate(async () => [
            await client.get('colour'), await client.set('colour', { red: [1, 'κόσμε'] }), await client.get('colour'),
            await client.set('flag', false), await client.get('flag'), await client.delete('colour'),
            await client.get('colour'), await failed(client.set('__reserved', 1)),
        ]);
        assert.deepEqual(answers.slice(0, 7), [null, { ok: true }, { red: [1, 'κόσμε'] }, { ok: true }, false,
            { ok: true }, null]);
        assert.equal(answers[7].status, 400);
        await eventually(other, () => colours.length === 2, 'both changes');
        assert.deepEqual(await other.evaluate(() => colours), [{ red: [1, 'κόσμε'] }, null]);
        await page.evaluate(() => client.set('colour', 'blue'));
        await eventually(other, () => kept.value === 'blue', 'the value to follow');
        assert.deepEqual(other.complaints, []);
    });

    it('makes, finds, changes, asks for and deletes rows', async (t) => {
        const { page, user } = await enter(t);
        const seen = await page.evaluate(async () => {
            const todos = client.collection('todos');
            const rows = [];
            for (const title of ['cherry', 'apple', 'banana', '<b>date</b>']) rows.push(await todos.create({ title }));
            const changed = await todos.update(rows[1].id, { completed: true });
            const query = () => todos.query();
            return {
                rows, changed, found: await todos.findById(rows[1].id), nothing: await todos.findById('none'),
                gone: await todos.delete(rows[3].id), again: await failed(todos.delete(rows[3].id)),
                bad: await failed(todos.create({ title: 7 })),
                sorted: names({ value: await query().orderBy('title', 'desc').get() }),
                done: names({ value: await query().where('completed', '==', true).get() }),
                two: names({ value: await query().orderBy('title').limit(2).get() }),
                rest: names({ value: await query().orderBy('title').limit(2).offset(2).get() }),
                count: await query().where('completed', '==', false).count(),
                words: names({ value: await client.collection('posts').query().search('none').get() }),
            };
        });
        assert.deepEqual(Object.keys(seen.rows[0]).sort(),
            ['completed', 'createdAt', 'id', 'title', 'updatedAt', 'userId', 'version']);
        assert.equal(seen.changed.version, 2);
        assert.deepEqual(seen.found, seen.changed);
        assert.equal(seen.nothing, null);
        assert.deepEqual(seen.gone, { ok: true });
        assert.equal(seen.again.status, 404);
        assert.equal(seen.bad.status, 400);
        assert.deepEqual(seen.sorted, ['cherry', 'banana', 'apple']);
        assert.deepEqual(seen.done, ['apple']);
        assert.deepEqual(seen.two, ['apple', 'banana']);
        assert.deepEqual(seen.rest, ['cherry']);
        assert.equal(seen.count, 2);
        assert.deepEqual(seen.words, []);
        assert.equal((await rowsOf(user)).length, 3);
    });

    it('raises every event by name, by table, by pattern and to those who want all', async (t) => {
        const { page, user } = await enter(t);
        await isLive(page);
        await page.evaluate(() => {
            window.said = [];
            const say = (what) => (data) => said.push([what, data.title ?? data.key ?? data.id]);
            client.on('table:todos:create', say('on'));
            client.on('kv:*', say('pattern'));
            client.on('table:posts:*', () => said.push('never'));
            client.onTableEvent('todos', (type, data) => said.push(['table', type, data.id]));
            client.collection('todos').onChange(({ type, data }) => said.push(['change', type, data.id]));
            const once = say('never');
            client.on('table:todos:create', once);
            client.off('table:todos:create', once);
            client.on('table:todos:create', () => said.push('never'))();
        });
        const { data: row } = await user.ok('POST', '/api/todos', { title: 'one' });
        await user.ok('POST', '/data', { key: 'k', value: 1 });
        await user.ok('DELETE', `/api/todos/${row.id}`);
        await eventually(page, () => heard.some(({ event }) => event === 'table:todos:delete'), 'the last event');
        assert.deepEqual(await page.evaluate(() => said), [
            ['on', 'one'], ['table', 'create', row.id], ['change', 'create', row.id], ['pattern', 'k'],
            ['table', 'delete', row.id], ['change', 'delete', row.id],
        ]);
        const events = await page.evaluate(() => heard.filter(({ event }) => /^(table|kv)/.test(event)));
        assert.deepEqual(events.map(({ event }) => event), ['table:todos:create', 'kv:set', 'table:todos:delete']);
        for (const { id, timestamp } of events) assert.ok(id && timestamp > 1e12);
        assert.deepEqual(events[2].data, { id: row.id, userId: user.id });
    });

    it('connects and disconnects as told, and ws shows it in every tab', async (t) => {
        const { page } = await enter(t);
        await isLive(page);
        const other = await openTab(context, stack);
        await isLive(other);
        for (const tab of [page, other]) {
            assert.deepEqual(await tab.evaluate(() => [client.isConnected, client.ws.readyState]), [true, 1]);
        }
        assert.match(await page.evaluate(() => client.ws.url), /^ws:.*\/api\/ws/);
        await page.evaluate(() => {
            window.held = client.ws;
            client.disconnectRealtime();
        });
        await eventually(page, () => !client.isConnected && client.ws.readyState !== 1, 'to be disconnected');
        assert.equal(await page.evaluate(() => held.readyState !== 1), true, 'live on the object that was held');
        assert.equal(await other.evaluate(() => client.isConnected), true);
        await page.evaluate(() => client.connectRealtime());
        await isLive(page);
        assert.equal(await page.evaluate(() => heard.some(({ event }) => event === 'realtime:disconnected')), true);
    });

    it('an application for UserDO finds its names, and its address of the WebSocket', async (t) => {
        const { page } = await enter(t, { anonymous: true });
        const seen = await page.evaluate(async ([email, password]) => {
            client.close();
            const address = `${location.origin.replace('http', 'ws')}/api/ws`;
            const old = new cubby.UserDOClient('/api', { websocketUrl: address });
            await old.signup(email, password);
            old.connectRealtime();
            const same = cubby.UserDOClient === cubby.CubbyClient && cubby.default === cubby.CubbyClient;
            return { same, url: old.ws.url, address };
        }, [freshEmail(), PASSWORD]);
        assert.equal(seen.same, true);
        assert.equal(seen.url, seen.address);
    });

    it('tells of every call, for who wants to show them', async (t) => {
        const { page } = await enter(t);
        const calls = await page.evaluate(async () => {
            const all = [];
            const off = client.onRequest((call) => all.push(call));
            await client.request('GET', '/sessions');
            await failed(client.request('GET', '/nowhere'));
            off();
            await client.request('GET', '/sessions');
            return all;
        });
        assert.deepEqual(calls.map(({ method, path, status }) => `${method} ${path} ${status}`),
            ['GET /sessions 200', 'GET /nowhere 404']);
        assert.equal(calls[0].answer.sessions.length, 1);
        assert.ok(calls[0].ms > 0);
    });

    it('knows who is signed in over a reload, without asking first', async (t) => {
        const { page, user } = await enter(t);
        await reload(page);
        assert.equal(await page.evaluate(() => client.user?.id), user.id);
        await isLive(page);
        await context.clearCookies({ name: 'token' });
        await reload(page);
        await isLive(page);
        assert.equal(await page.evaluate(async () => (await client.me()).id), user.id);
    });

    it('a log-out in one tab is one in all', async (t) => {
        const { page } = await enter(t);
        const other = await openTab(context, stack);
        await isLive(other);
        await other.evaluate(() => {
            window.states = [];
            client.onAuthStateChanged((user) => states.push(user));
        });
        await page.evaluate(() => client.logout());
        await eventually(other, () => client.user === null && client.ws === null && !client.isConnected, 'to be out');
        assert.equal(await other.evaluate(() => states.at(-1)), null);
        assert.equal(await other.evaluate(() => heard.some(({ event }) => event === 'auth:logout')), true);
        assert.equal(await other.evaluate(async () => (await failed(client.set('k', 1))).status), 401);
    });

    it('a session that is ended elsewhere is noticed in all tabs', async (t) => {
        const { page, user } = await enter(t);
        const other = await openTab(context, stack);
        await isLive(page);
        await isLive(other);
        const elsewhere = new User(stack);
        await elsewhere.request('POST', '/api/login', { body: { email: user.email, password: PASSWORD } });
        await elsewhere.request('POST', '/api/logout?all=1');
        for (const tab of [page, other]) await eventually(tab, () => client.user === null, 'to be signed out');
        for (const tab of [page, other]) {
            assert.equal(await tab.evaluate(() => heard.filter(({ event }) => event === 'auth:logout').length), 1);
        }
    });

    it('what one user could not send waits for him, and is not sent as the next', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const { page, user } = await enter(t, { at: proxy });
        await isLive(page);
        await page.evaluate(() => {
            client.online = false;
            client.collection('todos').create({ title: 'mine alone' }).catch(() => {});
        });
        await eventually(page, () => client.pending.value.length === 1, 'the write to wait');
        proxy.rule('POST /api/todos', 'swallow');
        await page.evaluate(() => (client.online = true));
        await page.evaluate(() => client.logout());
        proxy.heal();
        const second = await signUp(page, proxy);
        await isLive(page);
        await page.evaluate(() => client.collection('todos').create({ title: 'of the second' }));
        assert.deepEqual((await rowsOf(second)).map(({ title }) => title), ['of the second']);
        assert.deepEqual(await rowsOf(await again(user)), []);
        assert.equal(await page.evaluate(() => client.pending.value.length), 0);
        await page.evaluate(() => client.logout());
        await signIn(page, user.email);
        await isSafe(page);
        assert.deepEqual((await rowsOf(await again(user))).map(({ title }) => title), ['mine alone']);
        assert.equal((await rowsOf(await again(second))).length, 1);
    });

    it('lists and values of one user are gone with him', async (t) => {
        const { page } = await enter(t);
        await isLive(page);
        await page.evaluate(async () => {
            window.list = watch(client.collection('todos').live());
            window.kept = client.value('secret');
            kept.subscribe(() => {});
            window.notes = client.notes();
            notes.subscribe(() => {});
            await client.collection('todos').create({ title: 'of the first' });
            await client.set('secret', 'of the first');
            await notes.create('of the first');
        });
        const counts = () => [list.value.length, kept.value && 1, notes.value.length].join();
        await until(async () => await page.evaluate(counts) === '1,1,1', 'all three');
        await page.evaluate(() => client.logout());
        await until(async () => await page.evaluate(counts) === '0,,0', 'nothing to be left');
        await signUp(page, stack);
        await isLive(page);
        await page.evaluate(async () => {
            list.states.length = 0;
            await client.collection('todos').create({ title: 'of the second' });
        });
        await eventually(page, () => names(list).join() === 'of the second', 'the second’s list');
        const shown = await page.evaluate(() => list.states.flat().map(({ title }) => title));
        assert.ok(!shown.includes('of the first'));
        assert.equal(await page.evaluate(counts), '1,,0');
    });

    it('stores keep the contracts of Svelte and of React', async (t) => {
        const { page, user } = await enter(t);
        await isLive(page);
        const seen = await page.evaluate(async () => {
            const live = client.collection('todos').live();
            const states = [];
            let nested;
            const stop = live.subscribe((rows) => states.push(rows));
            const atOnce = states.length;
            const other = live.subscribe(() => (nested ??= live.getSnapshot() === live.value));
            const { subscribe, getSnapshot } = live; // neither needs its object
            const third = subscribe(() => {});
            const same = getSnapshot() === getSnapshot();
            for (const end of [stop, stop, other, third, third]) end();
            return { atOnce, same, nested, left: client.lives.size };
        });
        assert.deepEqual(seen, { atOnce: 1, same: true, nested: true, left: 0 });
        await page.evaluate(() => {
            window.list = watch(client.collection('todos').live());
            window.frames = 0;
            requestAnimationFrame(function frame() {
                frames++;
                requestAnimationFrame(frame);
            });
        });
        await eventually(page, () => !list.loading, 'the list');
        const before = await page.evaluate(() => [list.states.length, frames]);
        await user.ok('POST', '/api/batch', {
            operations: Array.from({ length: 100 }, (_, i) => ({
                method: 'POST', path: '/api/todos', body: { title: `row ${i}` },
            })),
        });
        await eventually(page, () => list.value.length === 100, 'a hundred rows');
        const now = await page.evaluate(() => [list.states.length, frames]);
        assert.ok(now[0] - before[0] <= now[1] - before[1] + 2, 'at most once a frame');
    });

    // The same user by another session.
    async function again({ email }) {
        const user = new User(stack);
        const answer = await user.request('POST', '/api/login', { body: { email, password: PASSWORD } });
        return Object.assign(user, { token: answer.json.token });
    }

    it('by bearer token, on another origin, everything goes without cookies', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const cors = await new Stack({ env: { CUBBY_CORS_ORIGINS: proxy.origin } }).start();
        t.after(() => cors.stop());
        await enter(t, { anonymous: true });
        const page = await openTab(context, proxy, {}, '/blank-open');
        const seen = await page.evaluate(async ([base, email, password]) => {
            client.close();
            window.client = new cubby.CubbyClient(`${base}/api`);
            client.onAnyEvent((event) => heard.push({ event }));
            window.session = await client.signup(email, password);
            await client.collection('todos').create({ title: 'from afar' });
            const counted = await client.counter('afar').increment();
            return { me: await client.me(), counted: counted.value };
        }, [cors.origin, freshEmail(), PASSWORD]);
        assert.ok(seen.me.id);
        assert.equal(seen.counted, 1);
        await isLive(page);
        await page.evaluate(() => client.set('k', 1));
        await eventually(page, () => heard.some(({ event }) => event === 'kv:set'), 'an event from afar');
        // A token that is no longer good is renewed by what is read, once for all.
        const read = await page.evaluate(async () => {
            client.useSession({ ...session, token: 'no longer good' });
            const [{ data }, again] = await Promise.all(['/todos', '/me'].map((path) => client.request('GET', path)));
            return { titles: data.map(({ title }) => title), id: again.user.id };
        });
        assert.deepEqual(read, { titles: ['from afar'], id: seen.me.id });
    });
});
