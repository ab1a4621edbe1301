// The browser client where there is no stream and no program that stays: it polls plain CGI.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { eventually, isLive, newContext, openTab, rowsOf, signUp } from '../lib/client.mjs';
import { Stack } from '../lib/stack.mjs';

describe('the client: by polling plain CGI', { timeout: 120000 }, () => {
    let stack, browser;
    before(async () => {
        stack = await new Stack({ env: { INTERFACE: 'cgi' }, pushd: null }).start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    it('a list is live: what others write shows, what is written here arrives', async () => {
        const page = await openTab(await newContext(browser), stack, { transports: ['poll'] });
        const user = await signUp(page, stack);
        await isLive(page, 'poll');
        await page.evaluate(() => (window.list = watch(client.collection('todos').live(100))));
        await eventually(page, () => !list.loading, 'the list');
        await user.ok('POST', '/api/todos', { title: 'from elsewhere' });
        await eventually(page, () => names(list).includes('from elsewhere'), 'what others write');
        await page.evaluate(() => client.collection('todos').create({ title: 'from here' }));
        await eventually(page, () => names(list).includes('from here'), 'what is written here');
        assert.deepEqual((await rowsOf(user)).map((row) => row.title).sort(), ['from elsewhere', 'from here']);
        await eventually(page, () => heard.filter(({ event }) => event === 'table:todos:create').length === 2,
            'the events of both');
    });
});
