// The browser client where the server, or something on the way, answers nonsense, late, or not at all: it says
// so, nobody is signed out by it, and all is well when it is over.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { eventually, isLive, isSafe, newContext, openTab, reload, rowsOf, signUp } from '../lib/client.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { Stack, until } from '../lib/stack.mjs';

const JSON_HEAD = { 'content-type': 'application/json' };

describe('the client: nonsense', { timeout: 300000 }, () => {
    let stack, browser;

    before(async () => {
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function enter(t) {
        const proxy = await Proxy.start(t, stack);
        const context = await newContext(browser);
        t.after(() => context.close());
        const page = await openTab(context, proxy);
        const user = await signUp(page, proxy);
        await isLive(page);
        await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
        await eventually(page, () => !list.loading, 'the list');
        return { proxy, page, user };
    }

    const write = (user, title) => user.ok('POST', '/api/todos', { title });
    const shows = (page, ...wanted) => eventually(page, (all) => JSON.stringify(names(list)) === JSON.stringify(all),
        `the list to be ${wanted}`, wanted, 40000);

    it('a WebSocket that speaks something else is left for another way', async (t) => {
        const { proxy, page, user } = await enter(t);
        proxy.webSocket = 'nonsense';
        proxy.cut();
        await isLive(page, 'sse');
        await write(user, 'heard');
        await shows(page, 'heard');
        assert.deepEqual(page.complaints, []);
    });

    it('a hotel’s page in place of everything', async (t) => {
        const { proxy, page, user } = await enter(t);
        await write(user, 'before');
        await shows(page, 'before');
        await page.evaluate(() => list.refresh()); // lists are kept as they were answered
        proxy.webSocket = 'refuse';
        proxy.rule(/ \/(api|data|rpc)\b/, 'html');
        proxy.cut();
        await eventually(page, () => !client.isConnected && client.realtime.value.retryIn !== null, 'to be told');
        const error = await page.evaluate(() => failed(client.request('GET', '/sessions')));
        assert.equal(error.status, 0);
        assert.ok(error.message.length > 10);
        await page.evaluate(() => list.refresh());
        assert.equal(await page.evaluate(() => list.error?.status), 0);
        await page.evaluate(() => {
            client.collection('todos').create({ title: 'kept' }).catch(() => {});
        });
        await shows(page, 'kept', 'before');
        await reload(page);
        assert.equal(await page.evaluate(() => client.user?.id), user.id, 'nobody is signed out by a hotel');
        await page.evaluate(() => (window.list = watch(client.collection('todos').live())));
        await shows(page, 'kept', 'before');
        await proxy.heal();
        await page.evaluate(() => window.dispatchEvent(new Event('online')));
        await isSafe(page);
        await isLive(page);
        await shows(page, 'kept', 'before');
        assert.equal(await page.evaluate(() => list.error), null);
        assert.equal((await rowsOf(user)).length, 2);
        assert.deepEqual(page.complaints, []);
    });

    for (const [what, act, more] of [
        ['half a JSON', 'halfAnswer', {}],
        ['a page', 'htmlAnswer', {}],
        ['null', 'status', { status: 200, headers: JSON_HEAD, body: 'null' }],
        ['a number', 'status', { status: 200, headers: JSON_HEAD, body: '7' }],
        ['no rows', 'status', { status: 200, headers: JSON_HEAD, body: '{"ok":true}' }],
        ['rows that are none', 'status', { status: 200, headers: JSON_HEAD, body: '{"ok":true,"data":7}' }],
        ['nothing', 'status', { status: 200, headers: JSON_HEAD, body: '' }],
        ['a server error', 'status', { status: 500, headers: JSON_HEAD, body: '{"error":"x","code":"internal"}' }],
        ['a proxy’s error', 'status', { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad</h1>' }],
    ]) {
        it(`${what} in place of a list`, async (t) => {
            const { proxy, page, user } = await enter(t);
            await write(user, 'row');
            await shows(page, 'row');
            const rule = proxy.rule('GET /api/todos', act, more);
            await page.evaluate(() => {
                window.other = watch(client.collection('todos').query().orderBy('title').live());
            });
            await until(() => rule.hits > 0, 'the question');
            await eventually(page, () => other.error !== null && !other.loading, 'the list to say so');
            rule.drop();
            await page.evaluate(() => other.refresh());
            await eventually(page, () => other.error === null && names(other).join() === 'row', 'the list');
            assert.deepEqual(page.complaints, []);
        });
    }

    it('a list recovers by itself', async (t) => {
        const { proxy, page, user } = await enter(t);
        await write(user, 'row');
        proxy.rule('GET /api/todos', 'htmlAnswer', { times: 3 });
        await page.evaluate(() => {
            window.other = watch(client.collection('todos').query().orderBy('title').live());
        });
        await eventually(page, () => other.error === null && names(other).join() === 'row', 'the list', null, 40000);
    });

    it('a line with a long delay', async (t) => {
        const { proxy, page, user } = await enter(t);
        proxy.delay = 400;
        proxy.cut();
        await isLive(page);
        await page.evaluate(() => client.collection('todos').create({ title: 'slow' }));
        await write(user, 'and slow');
        await shows(page, 'and slow', 'slow');
        assert.equal((await rowsOf(user)).length, 2);
    });

    it('a server that accepts and says nothing', async (t) => {
        const { proxy, page, user } = await enter(t);
        proxy.blackHole = true;
        proxy.cut();
        await page.evaluate(() => {
            client.collection('todos').create({ title: 'kept' }).catch(() => {});
            window.question = failed(client.request('GET', '/sessions'));
        });
        await eventually(page, () => !client.isConnected, 'to be told');
        await shows(page, 'kept');
        assert.equal((await page.evaluate(() => question)).code, 'offline');
        proxy.blackHole = false;
        proxy.cut();
        await page.evaluate(() => window.dispatchEvent(new Event('online')));
        await isSafe(page);
        await isLive(page);
        assert.deepEqual((await rowsOf(user)).map(({ title }) => title), ['kept']);
    });

    it('texts of any kind come back as they were', async (t) => {
        const { page, user } = await enter(t);
        const texts = ['<script>window.bad=1</script>', '\u202Eright\u2066 to left', '👩‍👩‍👧‍👦\u0301\uFEFF',
            '" onload="x', '\u2028\u2029', 'x'.repeat(500)];
        const rows = await page.evaluate((all) => Promise.all(all.map((title) =>
            client.collection('todos').create({ title }))), texts);
        assert.deepEqual(rows.map(({ title }) => title), texts);
        await shows(page, ...[...texts].reverse());
        const huge = 'κ'.repeat(60000);
        await page.evaluate((text) => client.set('huge', [text]), huge);
        assert.deepEqual((await user.ok('GET', '/data?key=huge')).data, [huge]);
        const half = await page.evaluate(() => failed(client.collection('todos').create({ title: 'half \uD800' })));
        assert.equal(half.status, 400);
        await isSafe(page);
    });
});
