// The first page in a real browser. Screenshots go to build/screenshots.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { PASSWORD, User, freshEmail } from '../lib/http.mjs';
import { ROOT, Stack, until } from '../lib/stack.mjs';

const PICTURES = `${ROOT}/build/screenshots`;
const MARKUP = '<img src=x onerror="window.bad=1"><b>bold</b> & “quotes”';

describe('the page', { timeout: 120000 }, () => {
    let stack;
    let browser;
    let errors;

    before(async () => {
        fs.mkdirSync(PICTURES, { recursive: true });
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    // A window of its own, with its own cookies; what it complains about ends up in `errors`.
    async function open(options = {}) {
        const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
        context.setDefaultTimeout(10000);
        errors = [];
        const page = await context.newPage();
        watch(page);
        await page.goto(stack.origin);
        return page;
    }

    function watch(page) {
        page.on('pageerror', (error) => errors.push(String(error)));
        page.on('console', (message) => {
            if (message.type() === 'error' && !/status of 401|status of 503|ERR_|net::/.test(message.text())) {
                errors.push(message.text());
            }
        });
    }

    async function enter(page, mode, email) {
        await page.getByRole('radio', { name: mode }).check();
        await page.getByLabel('E-mail address').fill(email);
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByRole('button', { name: mode }).click();
    }

    async function signUp(page) {
        const email = freshEmail();
        await enter(page, 'Sign up', email);
        await page.locator('#connection[data-state=live]').waitFor();
        return email;
    }

    async function publish(page, title, content) {
        await page.getByLabel('Title').fill(title);
        await page.getByLabel('Content').fill(content);
        await page.getByRole('button', { name: 'Publish' }).click();
        await page.getByRole('heading', { name: title, exact: true }).waitFor();
    }

    const picture = (page, name) => page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });

    it('signs up, signs out and signs in, and a wrong password is told in words', async () => {
        const page = await open();
        await picture(page, 'welcome');
        const email = await signUp(page);
        assert.equal(await page.locator('#email').textContent(), email);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByLabel('E-mail address').fill(email);
        await page.getByLabel('Password').fill('not the password');
        await page.locator('#account-submit').click();
        await page.getByText('Invalid credentials').waitFor();
        await page.getByLabel('Password').fill(PASSWORD);
        await page.locator('#account-submit').click();
        await page.locator('#connection[data-state=live]').waitFor();
        assert.deepEqual(errors, []);
        await page.context().close();
    });

    it('shows a post in every tab the moment it is published, changed and deleted', async () => {
        const page = await open();
        await signUp(page);
        const other = await page.context().newPage();
        watch(other);
        await other.goto(stack.origin);
        await other.locator('#connection[data-state=live]').waitFor();
        await publish(page, 'Hello', 'First lines');
        await other.getByRole('heading', { name: 'Hello', exact: true }).waitFor();
        await other.getByText('New post created: "Hello"').first().waitFor();
        await other.locator('.events').getByText('table:posts:create').waitFor();
        await other.getByRole('button', { name: 'Edit Hello' }).click();
        await other.getByRole('textbox', { name: 'Title', exact: true }).last().fill('Changed');
        await other.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { name: 'Changed', exact: true }).waitFor();
        await page.getByRole('button', { name: 'Delete Changed' }).click();
        await other.getByText('No posts yet').waitFor();
        assert.deepEqual(errors, []);
        await page.context().close();
    });

    it('shows texts with markup as text', async () => {
        const page = await open();
        await signUp(page);
        await publish(page, MARKUP, MARKUP);
        await page.getByLabel('Key', { exact: true }).fill(MARKUP);
        await page.getByLabel('Value', { exact: true }).fill(MARKUP);
        await page.getByRole('button', { name: 'Set' }).click();
        await page.locator('.pairs dt').getByText(MARKUP).waitFor();
        await page.getByLabel('Broadcast to everyone').fill(MARKUP);
        await page.getByRole('button', { name: 'Send' }).click();
        await page.locator('.toast').getByText(MARKUP).first().waitFor();
        assert.equal(await page.evaluate(() => window.bad), undefined);
        assert.equal(await page.locator('main img[src="x"], .toasts img').count(), 0);
        assert.deepEqual(errors, []);
        await page.context().close();
    });

    it('marks notifications as read, in every tab, and keeps it so', async () => {
        const page = await open();
        await signUp(page);
        const other = await page.context().newPage();
        await other.goto(stack.origin);
        await publish(page, 'One', '1');
        await publish(page, 'Two', '2');
        await page.getByText('2 unread').waitFor();
        await page.getByRole('button', { name: 'Mark as read: New post created: "One"' }).click();
        await other.getByText('1 unread').waitFor();
        await page.getByRole('button', { name: 'Mark all as read' }).click();
        await other.locator('#unread').waitFor({ state: 'hidden' });
        await page.reload();
        await page.locator('.note.read').nth(1).waitFor();
        await page.getByRole('button', { name: 'Clear' }).click();
        await other.getByText('Nothing to tell.').waitFor();
        await page.context().close();
    });

    it('sets, changes and deletes keys, as JSON or as text', async () => {
        const page = await open();
        await signUp(page);
        const set = async (key, value) => {
            await page.getByLabel('Key', { exact: true }).fill(key);
            await page.getByLabel('Value', { exact: true }).fill(value);
            await page.getByRole('button', { name: 'Set' }).click();
            await page.locator('.pairs dt').getByText(key, { exact: true }).waitFor();
        };
        await set('colour', '{"red": [1, 2]}');
        await set('greeting', 'good morning');
        assert.equal(await page.locator('.pairs code').first().textContent(), '{"red":[1,2]}');
        await page.locator('.pairs code').getByText('"good morning"').waitFor();
        await page.getByRole('button', { name: 'Edit colour' }).click();
        await page.getByLabel('Value', { exact: true }).fill('7');
        await page.getByRole('button', { name: 'Set' }).click();
        await page.locator('.pairs code').getByText('7', { exact: true }).waitFor();
        await page.getByRole('button', { name: 'Delete colour' }).click();
        await page.locator('.pairs dt').getByText('colour').waitFor({ state: 'detached' });
        await page.getByLabel('Key', { exact: true }).fill('__reserved');
        await page.getByRole('button', { name: 'Set' }).click();
        await page.locator('#kv .problem').filter({ hasText: /./ }).waitFor();
        assert.deepEqual(errors.filter((text) => !/status of 400/.test(text)), []);
        await page.context().close();
    });

    it('stays signed in over a reload, and when the access token is gone', async () => {
        const page = await open();
        const email = await signUp(page);
        await publish(page, 'Kept', 'x');
        await page.reload();
        await page.getByRole('heading', { name: 'Kept', exact: true }).waitFor();
        await page.context().clearCookies({ name: 'token' });
        await page.reload();
        await page.locator('#connection[data-state=live]').waitFor();
        assert.equal(await page.locator('#email').textContent(), email);
        await page.context().close();
    });

    it('comes back by itself when pushd is killed, with what happened meanwhile', async () => {
        const page = await open();
        const email = await signUp(page);
        const user = new User(stack);
        const login = await user.request('POST', '/api/login', { body: { email, password: PASSWORD } });
        user.token = login.json.token;
        const pid = stack.pid('cubby-pushd');
        process.kill(pid, 'SIGKILL');
        await page.locator('#connection:not([data-state=live])').waitFor();
        await user.ok('POST', '/api/posts', { title: 'Meanwhile', content: 'x' });
        await until(() => stack.pid('cubby-pushd') !== pid, 'a new pushd');
        await page.getByRole('heading', { name: 'Meanwhile', exact: true }).waitFor();
        await page.locator('#connection[data-state=live]').waitFor();
        await user.ok('POST', '/api/posts', { title: 'Afterwards', content: 'x' });
        await page.getByRole('heading', { name: 'Afterwards', exact: true }).waitFor();
        assert.equal(await page.locator('#post-list > li').count(), 2, 'each once');
        await page.context().close();
    });

    it('notices that its session was ended elsewhere', async () => {
        const page = await open();
        const email = await signUp(page);
        const user = new User(stack);
        await user.request('POST', '/api/login', { body: { email, password: PASSWORD } });
        await user.request('POST', '/api/logout?all=1');
        await page.getByText('You have been signed out.').waitFor();
        await page.getByLabel('E-mail address').waitFor();
        await page.context().close();
    });

    it('works by keyboard, and every control has a name', async () => {
        const page = await open();
        await signUp(page);
        await publish(page, 'Keyboard', 'x');
        const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, textarea')]
            .filter((control) => control.checkVisibility())
            .filter((control) => !(control.labels?.length || control.ariaLabel || control.textContent.trim()))
            .map((control) => control.outerHTML));
        assert.deepEqual(nameless, []);
        await page.getByRole('button', { name: 'Edit Keyboard' }).press('Enter');
        const focused = () => page.evaluate(() => document.activeElement.value || document.activeElement.textContent);
        assert.equal(await focused(), 'Keyboard');
        await page.keyboard.press('Escape');
        await until(async () => (await focused()) === 'Edit', 'the focus to be back on Edit');
        await page.context().close();
    });

    it('fits screens of all widths, light and dark', async () => {
        for (const [name, width, colorScheme] of [['wide-light', 1200, 'light'], ['wide-dark', 1200, 'dark'],
            ['narrow-light', 360, 'light'], ['narrow-dark', 360, 'dark']]) {
            const page = await open({ viewport: { width, height: 800 }, colorScheme });
            await picture(page, `${name}-welcome`);
            await signUp(page);
            await publish(page, 'A first post', 'With a few lines of text.\nAnd another one.');
            await publish(page, 'A much longer title that goes on and on, to see where it breaks',
                'averyveryverylongwordwithoutanybreak'.repeat(4));
            await page.getByLabel('Key', { exact: true }).fill('settings');
            await page.getByLabel('Value', { exact: true }).fill('{"theme":"dark","sizes":[1,2,3]}');
            await page.getByRole('button', { name: 'Set' }).click();
            await page.locator('.pairs dt').getByText('settings').waitFor();
            await page.getByRole('button', { name: /^Mark as read/ }).last().click();
            await page.getByText('1 unread').waitFor();
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
            await picture(page, name);
            await page.context().close();
        }
    });
});
