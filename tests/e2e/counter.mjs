// The page /counter in a real browser: every open window follows, whoever counts.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { mint, request } from '../lib/http.mjs';
import { Stack, sleep, until } from '../lib/stack.mjs';

describe('the counter page', { timeout: 120000 }, () => {
    let stack;
    let browser;
    let errors;

    before(async () => {
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function open() {
        const page = await (await browser.newContext()).newPage();
        page.setDefaultTimeout(10000);
        errors = [];
        page.on('pageerror', (error) => errors.push(String(error)));
        page.on('console', (message) => {
            if (message.type() === 'error' && !/net::|status of 50/.test(message.text())) errors.push(message.text());
        });
        await page.goto(`${stack.origin}/counter`);
        return page;
    }

    const shows = (page, value) => until(async () => await page.locator('output').textContent() === String(value),
        `the page to show ${value}`);
    const count = (op, body) => request(stack, 'POST', `/rpc/counter.${op}`, {
        body: { name: 'global-counter', ...body },
    });

    it('a press shows in every window, and leaves none', async () => {
        await count('setValue', { value: 10 });
        const [one, two] = [await open(), await open()];
        await shows(two, 10);
        await one.getByRole('button', { name: 'Add one' }).click();
        await shows(one, 11);
        await shows(two, 11);
        await two.getByRole('button', { name: 'Take one' }).click();
        await two.getByRole('button', { name: 'Take one' }).click();
        await shows(one, 9);
        assert.equal(new URL(one.url()).pathname, '/counter');
        assert.equal(new URL(two.url()).pathname, '/counter');
        assert.deepEqual(errors, []);
    });

    it('it follows what other programs count, at any speed', async () => {
        await count('reset');
        const page = await open();
        await Promise.all(Array.from({ length: 60 }, () => count('increment')));
        await shows(page, 60);
        await sleep(200);
        await shows(page, 60);
        assert.deepEqual(errors, []);
    });

    it('a render without html fetches the page again', async () => {
        const page = await open();
        const token = mint({ userId: 'backend', iat: Math.floor(Date.now() / 1000) });
        const render = async (key) => {
            const answer = await request(stack, 'POST', '/live/render', {
                body: { key }, headers: { authorization: `Bearer ${token}` },
            });
            assert.equal(answer.status, 200, answer.text);
            return answer.json.clientCount;
        };
        await until(() => render('/counter'), 'the page to listen');
        await sleep(500);
        await page.evaluate(() => (document.querySelector('output').textContent = 'old'));
        await render('/other');
        await sleep(200);
        assert.equal(await page.locator('output').textContent(), 'old');
        assert.ok(await render('/counter') > 0);
        await until(async () => await page.locator('output').textContent() !== 'old', 'the page to be fetched');
        assert.deepEqual(errors, []);
    });

    it('what was counted while nothing came through is there after the stream has come back', async () => {
        await count('setValue', { value: 70 });
        const page = await open();
        await shows(page, 70);
        process.kill(stack.pid('cubby-pushd'), 'SIGKILL');
        await count('increment');
        await shows(page, 71);
    });
});
