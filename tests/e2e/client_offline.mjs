// The browser client without a server: writes wait in order, survive reloads and closed browsers, are done
// once, show at once, and give way to what others wrote only when the user says so.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startBrowser, startBrowserIn } from '../lib/browser.mjs';
import { eventually, isLive, isSafe, load, newContext, openTab, reload, rowsOf, signUp } from '../lib/client.mjs';
import { PASSWORD } from '../lib/http.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { Stack, until } from '../lib/stack.mjs';

const CALLS = / \/(api|data|rpc)\b/;

describe('the client: offline', { timeout: 240000 }, () => {
    let stack, browser;

    before(async () => {
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    // A signed-in tab with a live list of todos, behind a proxy.
    async function enter(t, options) {
        const proxy = await Proxy.start(t, stack);
        const context = await newContext(browser);
        t.after(() => context.close());
        const page = await openTab(context, proxy, options);
        const user = await signUp(page, proxy);
        await isLive(page);
        await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
        return { proxy, context, page, user };
    }

    // Pages load, calls and streams do not.
    function cutOff(proxy) {
        proxy.rule(CALLS, 'cut');
        Object.assign(proxy, { webSocket: 'refuse', sse: 'refuse' });
        proxy.cut();
    }

    const titles = async (user) => (await rowsOf(user)).map(({ title }) => title);
    const writes = (proxy) => proxy.calls(/^(POST|PUT|DELETE) \/(api\/todos|api\/data|data)/);
    const waits = (page, count) =>
        eventually(page, (n) => client.pending.value.length === n, `${count} writes to wait`, count);
    const shows = (page, wanted) => eventually(page, (all) => JSON.stringify(names(list)) === JSON.stringify(all),
        `the list to be ${wanted}`, wanted);
    const create = (page, ...all) => page.evaluate((made) => {
        for (const title of made) client.collection('todos').create({ title }).catch(() => {});
    }, all);

    it('what is written without a server shows at once, waits, and is sent in order', async (t) => {
        const { proxy, page, user } = await enter(t);
        await create(page, 'first');
        await isSafe(page);
        await proxy.refuse();
        await create(page, 'second', 'third');
        await page.evaluate(() => {
            client.set('k', 1).catch(() => {});
            client.set('k', 2).catch(() => {});
            client.collection('todos').update(list.value.find(({ title }) => title === 'first').id, { completed: true })
                .catch(() => {});
        });
        await shows(page, ['third', 'second', 'first']);
        const pending = () => page.evaluate(() => list.value.map(({ $pending }) => $pending ?? null));
        assert.deepEqual(await pending(), [true, true, true]);
        assert.equal(await page.evaluate(() => client.get('k')), 2);
        await waits(page, 5);
        const before = writes(proxy).length;
        await proxy.accept();
        await isSafe(page);
        await shows(page, ['third', 'second', 'first']);
        assert.deepEqual(await pending(), [null, null, null]);
        const sent = writes(proxy).slice(before);
        const subject = ({ title, value }) => title ?? value ?? '';
        assert.deepEqual(sent.map(({ method, body }) => `${method} ${subject(JSON.parse(body))}`),
            ['POST second', 'POST third', 'POST 1', 'POST 2', 'PUT ']);
        assert.equal(new Set(sent.map(({ headers }) => headers['idempotency-key'])).size, 5);
        assert.deepEqual(await titles(user), ['third', 'second', 'first']);
        assert.deepEqual(page.complaints, []);
    });

    for (const [act, what] of [['loseAnswer', 'is lost'], ['halfAnswer', 'breaks off'],
        ['htmlAnswer', 'becomes a page']]) {
        it(`a write whose answer ${what} after it was done is done once`, async (t) => {
            const { proxy, page, user } = await enter(t);
            const rule = proxy.rule('POST /api/todos', act, { times: 3 });
            const row = await page.evaluate(() => client.collection('todos').create({ title: 'once' }));
            assert.equal(row.title, 'once');
            assert.equal(rule.hits, 3);
            assert.deepEqual(await titles(user), ['once']);
            const keys = writes(proxy).map(({ headers }) => headers['idempotency-key']);
            assert.equal(keys.length, 4);
            assert.equal(new Set(keys).size, 1);
            await shows(page, ['once']);
            assert.equal((await rowsOf(user, 'todos'))[0].id, row.id);
        });
    }

    it('a server that is busy is asked again, when it said', async (t) => {
        const { proxy, page, user } = await enter(t);
        const more = { status: 503, headers: { 'retry-after': '1', 'content-type': 'application/json' },
            body: '{"error":"Busy","code":"busy"}' };
        proxy.rule('POST /api/todos', 'status', { times: 2, ...more });
        await page.evaluate(() => client.collection('todos').create({ title: 'patient' }));
        assert.deepEqual(await titles(user), ['patient']);
    });

    it('the queue survives a reload, and the list is there without a server', async (t) => {
        const { proxy, page, user } = await enter(t);
        await create(page, 'kept');
        await isSafe(page);
        await eventually(page, () => !list.loading && names(list).length === 1, 'the list');
        await page.evaluate(() => list.refresh());
        cutOff(proxy);
        await create(page, 'one', 'two');
        await waits(page, 2);
        await reload(page);
        await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
        await waits(page, 2);
        await shows(page, ['two', 'one', 'kept']);
        assert.deepEqual(await titles(user), ['kept']);
        await create(page, 'three');
        await proxy.heal();
        await isSafe(page);
        await shows(page, ['three', 'two', 'one', 'kept']);
        assert.deepEqual(await titles(user), ['three', 'two', 'one', 'kept']);
    });

    it('what is kept of lists goes at sign-out, and has a bound', async (t) => {
        const { page } = await enter(t);
        const kept = () => page.evaluate(async () => {
            const [{ name }] = (await indexedDB.databases()).filter((one) => one.name.includes(window.user));
            const database = await new Promise((resolve, reject) =>
                Object.assign(indexedDB.open(name), { onsuccess() { resolve(this.result); }, onerror: reject }));
            const asked = database.transaction('kept').objectStore('kept').count();
            await new Promise((resolve) => (asked.onsuccess = resolve));
            database.close();
            return asked.result;
        });
        await page.evaluate(() => (window.user = client.user.id));
        await until(async () => await kept() > 0, 'the list to be kept');
        await page.evaluate(async () => {
            for (let limit = 1; limit <= 150; limit++) await client.collection('todos').live(limit).refresh();
        });
        await until(async () => await kept() <= 100, 'the oldest to go');
        await page.evaluate(() => client.logout());
        await until(async () => await kept() === 0, 'nothing to be left');
    });

    it('the queue survives a closed browser', async (t) => {
        const folder = fs.mkdtempSync('/tmp/cubby-browser-');
        const proxy = await Proxy.start(t, stack);
        let context = await newContext(null, () => startBrowserIn(folder));
        t.after(async () => {
            await context.close();
            fs.rmSync(folder, { recursive: true, force: true });
        });
        let page = await openTab(context, proxy);
        const user = await signUp(page, proxy);
        await isLive(page);
        cutOff(proxy);
        await create(page, 'before the night');
        await eventually(page, () => client.pending.value[0]?.n > 0, 'the write to be stored');
        await context.close();
        await proxy.heal();
        assert.deepEqual(await titles(user), []);
        context = await newContext(null, () => startBrowserIn(folder));
        page = await openTab(context, proxy);
        await until(async () => (await titles(user)).length === 1, 'the write to be sent');
        assert.equal(await page.evaluate(() => client.user.id), user.id);
        await isSafe(page);
        assert.deepEqual(await titles(user), ['before the night']);
    });

    it('rows are changed and deleted before the server knows them', async (t) => {
        const { proxy, page, user } = await enter(t);
        const held = proxy.rule('POST /api/todos', 'hold');
        await create(page, 'draft', 'mistake', 'third');
        await shows(page, ['third', 'mistake', 'draft']);
        await page.evaluate(() => {
            const todos = client.collection('todos');
            const [, mistake, draft] = list.value.map(({ id }) => id);
            window.results = Promise.all([todos.update(draft, { title: 'final' }), todos.delete(mistake),
                todos.update(draft, { completed: true })]);
        });
        await shows(page, ['third', 'final']);
        assert.deepEqual(await titles(user), []);
        held.drop();
        const [final, gone, done] = await page.evaluate(() => results);
        assert.equal(final.title, 'final');
        assert.deepEqual(gone, { ok: true });
        assert.equal(done.completed, true);
        await isSafe(page);
        await shows(page, ['third', 'final']);
        assert.deepEqual((await rowsOf(user)).map(({ title, completed }) => [title, completed]),
            [['third', false], ['final', true]]);
        assert.ok(writes(proxy).every(({ path }) => !/local/.test(path)), 'ids of the server only');
        assert.equal(await page.evaluate(() => client.conflicts.value.length), 0);
    });

    it('rows that were made offline are changed after a reload', async (t) => {
        const { proxy, page, user } = await enter(t);
        cutOff(proxy);
        await create(page, 'draft');
        await waits(page, 1);
        await reload(page);
        await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
        await shows(page, ['draft']);
        await page.evaluate(() => {
            client.collection('todos').update(list.value[0].id, { title: 'final' }).catch(() => {});
        });
        await shows(page, ['final']);
        await waits(page, 2);
        await proxy.heal();
        await isSafe(page);
        assert.deepEqual(await titles(user), ['final']);
        await shows(page, ['final']);
    });

    it('a row that was opened before the server knew it is changed by its old name', async (t) => {
        const { page, user } = await enter(t);
        const title = await page.evaluate(async () => {
            const todos = client.collection('todos');
            const made = todos.create({ title: 'draft' });
            const [{ id }] = list.value;
            await made;
            return (await todos.update(id, { title: 'final' })).title;
        });
        assert.equal(title, 'final');
        assert.deepEqual(await titles(user), ['final']);
    });

    it('what waits for one user is not sent when the browser turns out to be another’s', async (t) => {
        const { proxy, page, user } = await enter(t);
        cutOff(proxy);
        await create(page, 'of the first');
        await waits(page, 1);
        await page.goto('about:blank');
        await proxy.heal();
        // Somebody else signs in without this client, as by a link in a mail.
        const context = page.context();
        const email = `second.${Date.now()}@example.org`;
        await context.request.post(`${proxy.origin}/api/signup`, { data: { email, password: PASSWORD } });
        await page.goto(`${proxy.origin}/blank`);
        await load(page);
        await eventually(page, (address) => client.user?.email === address, 'the second user', email);
        await isLive(page);
        await page.evaluate(() => client.flush());
        const mine = await page.evaluate(async () => (await client.request('GET', '/todos')).data);
        assert.deepEqual([mine, await titles(user)], [[], []]);
        assert.equal(await page.evaluate(() => client.pending.value.length), 0);
    });

    it('a value that was set stays so without a connection', async (t) => {
        const { page, user } = await enter(t);
        await page.evaluate(async () => {
            client.disconnectRealtime();
            window.seen = [];
            window.kept = client.value('colour');
            kept.subscribe((value) => seen.push(value));
            await client.set('colour', 'red');
        });
        await isSafe(page);
        assert.equal(await page.evaluate(() => kept.value), 'red');
        await user.ok('POST', '/data', { key: 'colour', value: 'blue' });
        await page.evaluate(() => client.set('other', 1));
        await page.evaluate(() => client.connectRealtime());
        await eventually(page, () => kept.value === 'blue', 'the newer value');
        const changes = await page.evaluate(() => seen.filter((value, i) => value !== seen[i - 1]));
        assert.deepEqual(changes, [null, 'red', 'blue']);
    });

    it('tabs share one queue, in the order of their writes', async (t) => {
        const { proxy, context, page, user } = await enter(t);
        const other = await openTab(context, proxy);
        await isLive(other);
        await other.evaluate(() => (window.list = watch(client.collection('todos').live())));
        await proxy.refuse();
        const order = [];
        for (let i = 0; i < 4; i++) {
            for (const [name, tab] of [['a', page], ['b', other]]) {
                await create(tab, `${name}${i}`);
                order.unshift(`${name}${i}`);
                for (const each of [page, other]) await waits(each, order.length);
            }
        }
        await shows(page, order);
        await shows(other, order);
        await proxy.accept();
        for (const tab of [page, other]) await isSafe(tab);
        assert.deepEqual(await titles(user), order);
        for (const tab of [page, other]) await shows(tab, order);
    });

    it('what a closed tab left is sent by another one', async (t) => {
        const { proxy, context, page, user } = await enter(t);
        const other = await openTab(context, proxy);
        await isLive(other);
        cutOff(proxy);
        await create(page, 'left behind');
        await waits(page, 1);
        await waits(other, 1);
        await page.close();
        await proxy.heal();
        await isSafe(other);
        assert.deepEqual(await titles(user), ['left behind']);
    });

    it('what the server refuses is taken back', async (t) => {
        const { proxy, page, user } = await enter(t);
        const row = await page.evaluate(() => client.collection('todos').create({ title: 'good' }));
        await shows(page, ['good']);
        await page.evaluate(() => {
            window.told = [];
            client.on('write:failed', ({ write, error }) => told.push([write.method, error.status, error.code]));
        });
        const holds = ['POST', 'PUT', 'DELETE'].map((method) => proxy.rule(`${method} /api/todos`, 'hold'));
        await page.evaluate((id) => {
            const todos = client.collection('todos');
            window.results = Promise.all([failed(todos.create({ title: 'x'.repeat(501) })),
                failed(todos.update(id, { title: '' })), failed(todos.update(id, { title: 'stale' }, { ifMatch: 77 })),
                failed(todos.delete(id, { ifMatch: 77 }))]);
        }, row.id);
        await eventually(page, () => list.value.length === 1 && list.value[0].title.length === 501, 'the changes');
        for (const hold of holds) hold.drop();
        const refused = await page.evaluate(() => results);
        assert.deepEqual(refused.map(({ status }) => status), [400, 400, 412, 412]);
        await shows(page, ['good']);
        assert.deepEqual(await page.evaluate(() => told.map(([method, status]) => `${method} ${status}`)),
            ['POST 400', 'PUT 400', 'PUT 412', 'DELETE 412']);
        assert.equal(await page.evaluate(() => list.value[0].$pending), undefined);
        await isSafe(page);
        const stored = await rowsOf(user);
        assert.deepEqual([stored.length, stored[0].title, stored[0].version], [1, 'good', 1]);
        assert.equal(await page.evaluate(() => client.conflicts.value.length), 0);
    });

    // A row that was changed here, without a server, and meanwhile by somebody else.
    async function conflict(t, mine = { title: 'mine' }, theirs = { title: 'theirs' }) {
        const at = await enter(t);
        const { proxy, page, user } = at;
        const row = await page.evaluate(() => client.collection('todos').create({ title: 'base' }));
        await shows(page, ['base']);
        await page.evaluate(() => client.on('conflict', (told) => (window.told = told)));
        cutOff(proxy);
        await page.evaluate(([id, fields]) => {
            const todos = client.collection('todos');
            window.outcome = failed(fields ? todos.update(id, fields) : todos.delete(id));
        }, [row.id, mine]);
        // Writes that go out at once are merged; this one was tried and has to wait.
        await eventually(page, () => client.pending.value[0]?.late, 'the write to wait');
        await user.ok('PUT', `/api/todos/${row.id}`, theirs);
        await proxy.heal();
        await eventually(page, () => client.conflicts.value.length === 1, 'the conflict');
        return { ...at, row, stored: async () => (await rowsOf(user))[0] };
    }

    it('a change that met a newer row says so, and waits', async (t) => {
        const { page, row, stored } = await conflict(t);
        const told = await page.evaluate(() => JSON.parse(JSON.stringify(window.told)));
        const listed = await page.evaluate(() => JSON.parse(JSON.stringify(client.conflicts.value[0])));
        for (const one of [told, listed]) {
            assert.equal(one.method, 'PUT');
            assert.deepEqual(one.mine, { title: 'mine' });
            assert.equal(one.theirs.title, 'theirs');
            assert.equal(one.theirs.version, 2);
            assert.equal(one.base.title, 'base');
            assert.equal(one.theirs.id, row.id);
        }
        assert.equal((await stored()).title, 'theirs');
        assert.equal(await page.evaluate(() => client.pending.value[0].conflict), true);
        await page.evaluate(() => client.collection('todos').create({ title: 'goes past it' }));
    });

    for (const [method, mine, theirs, expected] of [
        ['keepMine', { title: 'mine' }, { title: 'theirs', completed: true },
            { title: 'mine', completed: true, version: 3 }],
        ['useTheirs', { title: 'mine' }, { title: 'theirs' }, { title: 'theirs', completed: false, version: 2 }],
        ['merge', { title: 'mine' }, { title: 'theirs' }, { title: 'both', completed: true, version: 3 }],
    ]) {
        it(`a conflict ends by ${method}, after a reload too`, async (t) => {
            for (const again of [false, true]) {
                const { page, stored } = await conflict(t, mine, theirs);
                if (again) {
                    await reload(page);
                    await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
                    await eventually(page, () => client.conflicts.value.length === 1, 'the conflict again');
                }
                const found = await page.evaluate(async (name) => {
                    const [one] = client.conflicts.value;
                    const seen = JSON.parse(JSON.stringify(one));
                    await one[name]({ title: 'both', completed: true });
                    return seen;
                }, method);
                assert.deepEqual(found.mine, mine);
                assert.equal(found.theirs.title, 'theirs');
                assert.equal(found.base.title, 'base');
                await isSafe(page);
                assert.equal(await page.evaluate(() => client.conflicts.value.length), 0);
                const { title, completed, version } = await stored();
                assert.deepEqual({ title, completed, version }, expected);
                await shows(page, [expected.title]);
                if (!again) assert.equal(await page.evaluate(() => outcome), null, 'the call resolves in the end');
            }
        });
    }

    it('a deletion that met a newer row asks, too', async (t) => {
        const { page, user } = await conflict(t, null);
        const listed = await page.evaluate(() => JSON.parse(JSON.stringify(client.conflicts.value[0])));
        assert.deepEqual([listed.method, listed.mine, listed.theirs.title], ['DELETE', null, 'theirs']);
        await page.evaluate(() => client.conflicts.value[0].keepMine());
        await isSafe(page);
        assert.deepEqual(await titles(user), []);
        await shows(page, []);
    });

    it('a conflict that is met by yet another change asks again', async (t) => {
        const { page, user, row, stored } = await conflict(t);
        await user.ok('PUT', `/api/todos/${row.id}`, { title: 'theirs again' });
        await page.evaluate(() => client.conflicts.value[0].keepMine());
        await eventually(page, () => client.conflicts.value[0]?.theirs.title === 'theirs again', 'the next conflict');
        await page.evaluate(() => client.conflicts.value[0].keepMine());
        await isSafe(page);
        assert.equal((await stored()).title, 'mine');
    });

    it('several changes of one row by the same hand are no conflict', async (t) => {
        const { proxy, page, user } = await enter(t);
        const row = await page.evaluate(() => client.collection('todos').create({ title: 'v1' }));
        await shows(page, ['v1']);
        cutOff(proxy);
        await page.evaluate((id) => {
            const todos = client.collection('todos');
            window.results = Promise.all([todos.update(id, { title: 'v2' }), todos.update(id, { title: 'v3' }),
                todos.update(id, { completed: true })]);
        }, row.id);
        await eventually(page, () => client.pending.value.filter(({ late }) => late).length === 3, 'all to wait');
        await proxy.heal();
        await isSafe(page);
        const [stored] = await rowsOf(user);
        assert.deepEqual([stored.title, stored.completed, stored.version], ['v3', true, 4]);
        assert.equal(await page.evaluate(async () => (await results).length), 3);
        assert.equal(await page.evaluate(() => client.conflicts.value.length), 0);
    });

    it('switched off, nothing is sent and nothing heard; switched on, all of it', async (t) => {
        const { proxy, page, user } = await enter(t);
        await page.evaluate(() => (client.online = false));
        await eventually(page, () => !client.isConnected, 'to be off');
        await create(page, 'mine');
        await user.ok('POST', '/api/todos', { title: 'theirs' });
        await waits(page, 1);
        await shows(page, ['mine']);
        assert.equal(writes(proxy).length, 0);
        await page.evaluate(() => (client.online = true));
        await isSafe(page);
        await isLive(page);
        await shows(page, ['mine', 'theirs']);
    });

    it('without a queue, a write fails at once where no server is reached', async (t) => {
        const { proxy, page, user } = await enter(t, { offline: false });
        cutOff(proxy);
        const error = await page.evaluate(() => failed(client.collection('todos').create({ title: 'x' })));
        assert.deepEqual([error.code, error.status], ['offline', 0]);
        assert.equal(await page.evaluate(() => client.pending.value.length), 0);
        await shows(page, []);
        await proxy.heal();
        await page.evaluate(() => client.collection('todos').create({ title: 'y' }));
        assert.deepEqual(await titles(user), ['y']);
    });

    it('the queue has an end', async (t) => {
        const { proxy, page, user } = await enter(t);
        cutOff(proxy);
        const errors = await page.evaluate(async () => {
            const all = Array.from({ length: 1002 }, (_, i) => failed(client.set(`k${i % 10}`, i)));
            return Promise.all(all.slice(1000));
        });
        assert.deepEqual(errors.map((error) => error?.code), ['queue_full', 'queue_full']);
        await waits(page, 1000);
        await proxy.heal();
        await eventually(page, () => client.pending.value.length === 0, 'a thousand answers', null, 60000);
        assert.equal((await user.ok('GET', '/data?key=k9')).data, 999);
    });

    it('a browser without IndexedDB keeps writes as long as the page', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const context = await newContext(browser);
        t.after(() => context.close());
        await context.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }));
        const page = await openTab(context, proxy);
        const user = await signUp(page, proxy);
        await isLive(page);
        await proxy.refuse();
        await create(page, 'in memory');
        await waits(page, 1);
        await proxy.accept();
        await isSafe(page);
        assert.deepEqual(await titles(user), ['in memory']);
    });
});
