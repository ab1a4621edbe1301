// www/cubby-react.js with the real React, in strict mode: what the hooks show, and that nothing is followed any
// more once the components are gone.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { build } from 'vite';
import { startBrowser } from '../lib/browser.mjs';
import { METRICS, eventually, isLive, metric, newContext, openTab, rowsOf, signUp } from '../lib/client.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { ROOT, Stack, until } from '../lib/stack.mjs';

const MODULES = `${ROOT}/tests/node_modules`;

// As an application bundles it, with the checks that React makes in development.
async function bundle() {
    const { output } = await build({
        root: `${ROOT}/tests/e2e/react`, configFile: false, logLevel: 'error', mode: 'development', publicDir: false,
        define: { 'process.env.NODE_ENV': '"development"' },
        esbuild: { jsx: 'automatic', jsxDev: false },
        resolve: {
            alias: [
                { find: 'cubby-client/react', replacement: `${ROOT}/www/cubby-react.js` },
                ...['react-dom', 'react'].map((find) => ({ find, replacement: `${MODULES}/${find}` })),
            ],
        },
        build: {
            write: false, minify: false,
            lib: { entry: `${ROOT}/tests/e2e/react/app.jsx`, formats: ['es'], fileName: 'app' },
        },
    }).then((results) => [results].flat()[0]);
    return output[0].code;
}

describe('the hooks for React', { timeout: 180000 }, () => {
    let stack, browser, code;

    before(async () => {
        [stack, browser, code] = await Promise.all([new Stack({ env: METRICS }).start(), startBrowser(), bundle()]);
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function enter(t) {
        const proxy = await Proxy.start(t, stack);
        const context = await newContext(browser);
        t.after(() => context.close());
        await context.route('**/react-app.js', (route) =>
            route.fulfill({ contentType: 'text/javascript', body: code }));
        const page = await openTab(context, proxy);
        page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type()) && !/net::|status of/.test(message.text())) {
                page.complaints.push(message.text());
            }
        });
        await page.evaluate(() => import('/react-app.js'));
        const user = await signUp(page, proxy);
        await isLive(page);
        return { proxy, context, page, user };
    }

    const show = (page, ...kinds) => page.evaluate((all) => window.show(...all), kinds);
    const reads = (page, selector, ...wanted) => until(async () =>
        JSON.stringify(await page.locator(selector).allTextContents()) === JSON.stringify(wanted),
    `${selector} to read ${wanted}`);
    const titles = (page) => (...wanted) => reads(page, 'li span', ...wanted);

    it('a list follows, shows what is on its way, and takes back what was refused', async (t) => {
        const { proxy, page, user } = await enter(t);
        await user.ok('POST', '/api/todos', { title: 'first' });
        await show(page, ['Todos', {}]);
        const list = titles(page);
        await list('first');
        await user.ok('POST', '/api/todos', { title: 'theirs' });
        await list('theirs', 'first');
        const held = proxy.rule('POST /api/todos', 'hold');
        await page.getByText('Make', { exact: true }).click();
        await list('made', 'theirs', 'first');
        assert.equal(await page.locator('li[data-pending=true]').count(), 1);
        held.drop();
        await page.locator('li[data-pending=true]').waitFor({ state: 'detached' });
        await page.getByText('Change').first().click();
        await list('made!', 'theirs', 'first');
        await page.getByText('Delete').nth(1).click();
        await list('made!', 'first');
        await until(async () => (await rowsOf(user)).map((row) => row.title).join() === 'made!,first', 'the rows');
        await page.getByText('Make none').click();
        await until(async () => (await page.locator('.problem').textContent()).length > 5, 'the refusal');
        await list('made!', 'first');
        assert.ok(await page.evaluate(() => renders) < 60, 'no more drawing than there was to draw');
        assert.deepEqual(page.complaints, []);
    });

    it('a query of its own, longer when asked, another one when its words change', async (t) => {
        const { page, user } = await enter(t);
        for (const title of ['pear', 'apple', 'fig']) await user.ok('POST', '/api/todos', { title });
        const list = titles(page);
        await show(page, ['Todos', { options: { limit: 2, orderBy: ['title'] } }]);
        await list('apple', 'fig');
        await page.getByText('More').click();
        await list('apple', 'fig', 'pear');
        await show(page, ['Todos', { options: { where: [['title', '>', 'b']], orderBy: [['title', 'desc']] } }]);
        await list('pear', 'fig');
        await user.ok('POST', '/api/todos', { title: 'zucchini' });
        await list('zucchini', 'pear', 'fig');
        await user.ok('POST', '/api/todos', { title: 'aubergine' });
        await list('zucchini', 'pear', 'fig');
        await eventually(page, () => client.lives.size === 1, 'the first query to be left alone');
        assert.deepEqual(page.complaints, []);
    });

    it('components that ask the same share the answer', async (t) => {
        const { proxy, page, user } = await enter(t);
        await user.ok('POST', '/api/todos', { title: 'one' });
        await show(page, ...Array.from({ length: 5 }, () => ['Todos', {}]));
        await titles(page)('one', 'one', 'one', 'one', 'one');
        assert.equal(await page.evaluate(() => client.lives.size), 1);
        assert.equal(proxy.calls(/^GET \/api\/todos/).length, 1);
    });

    it('nothing is followed once the components are gone', async (t) => {
        const { page } = await enter(t);
        const all = [['Todos', {}], ['Value', { name: 'k' }], ['State', {}], ['Notes', {}],
            ['Counter', { name: 'leak' }]];
        const before = await page.evaluate(() => client.listeners);
        for (let i = 0; i < 5; i++) {
            await show(page, ...all);
            await page.locator('.counter:enabled').waitFor();
            await page.evaluate(() => hide());
        }
        await eventually(page, () => client.lives.size === 0 && client.channels.size === 0, 'nothing to be followed');
        assert.equal(await page.evaluate(() => client.listeners), before);
        await until(async () => await metric(stack, 'streams') === 1, 'one stream to be left');
        assert.deepEqual(page.complaints, []);
    });

    it('a counter, a value, notes and the state', async (t) => {
        const { context, page, user } = await enter(t);
        const other = await openTab(context, { origin: new URL(page.url()).origin });
        await isLive(other);
        await show(page, ['Counter', { name: 'clicks' }], ['Value', { name: 'name' }], ['State', {}], ['Notes', {}]);
        await reads(page, '.state', `${user.email} websocket 0`);
        await page.locator('.counter:enabled').click();
        await reads(page, '.counter', '1');
        await other.evaluate(() => client.counter('clicks').increment(4));
        await reads(page, '.counter', '5');
        await page.locator('.counter[data-viewers="1"]').waitFor();
        await page.locator('input').fill('Ann');
        await until(() => other.evaluate(async () => await client.get('name') === 'Ann'), 'the value to be stored');
        await other.evaluate(() => client.set('name', 'Bob'));
        await until(async () => await page.locator('input').inputValue() === 'Bob', 'the value to follow');
        await page.locator('.notes').click();
        await reads(page, '.notes', 'a note');
        assert.deepEqual(page.complaints, []);
        await page.evaluate(() => client.logout());
        await reads(page, '.state', 'nobody off 0');
        await reads(page, '.notes', '');
    });
});
