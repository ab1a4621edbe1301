// The pages of www/ in a browser, for the tests in tests/e2e/page_*.mjs: windows of people who sign up
// and in by hand, pictures for a person to look at (build/screenshots), and axe.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { startBrowser } from './browser.mjs';
import { PASSWORD, User, freshEmail } from './http.mjs';
import { ROOT, Stack } from './stack.mjs';

const PICTURES = `${ROOT}/build/screenshots`;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
// A browser's own words for answers that a test has asked for.
const EXPECTED = /status of (401|404|412|50\d)|ERR_|net::|WebSocket connection to/;

export class Desk {
    // To be called in a describe(): a stack and a browser while its tests run.
    static forTests(options = {}) {
        const desk = new Desk();
        before(async () => {
            fs.mkdirSync(PICTURES, { recursive: true });
            desk.stack = await new Stack(typeof options === 'function' ? await options() : options).start();
            desk.browser = await startBrowser();
        });
        after(async () => {
            await desk.browser?.close();
            await desk.stack?.stop();
        });
        return desk;
    }

    // A window with cookies of its own; what it complains about ends up in page.complaints.
    async open({ path = '/', origin = this.stack.origin, cookies = {}, ...options } = {}) {
        const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
        context.setDefaultTimeout(20000);
        await context.addCookies(Object.entries(cookies).map(([name, value]) => ({ name, value, url: origin })));
        context.on('page', (page) => this.#watch(page));
        const page = await context.newPage();
        await page.goto(`${origin}${path}`);
        return page;
    }

    #watch(page) {
        page.complaints = [];
        page.on('pageerror', (error) => page.complaints.push(error.stack ?? String(error)));
        page.on('console', (message) => {
            if (message.type() === 'error' && !EXPECTED.test(message.text())) page.complaints.push(message.text());
        });
    }

    // Another tab of the same person.
    async tab(page, path = '/') {
        const tab = await page.context().newPage();
        await tab.goto(new URL(path, page.url()).href);
        await this.live(tab);
        return tab;
    }

    live(page) {
        return page.locator('#connection[data-state=live]').waitFor();
    }

    // mode: "Sign in" or "Sign up".
    async enter(page, mode, email, password = PASSWORD) {
        await page.getByRole('radio', { name: mode }).check();
        await page.locator('#account-email').fill(email);
        await page.locator('#account-password').fill(password);
        await page.locator('#account-submit').click();
    }

    async signUp(page, email = freshEmail()) {
        await this.enter(page, 'Sign up', email);
        await this.live(page);
        return email;
    }

    // A person at a desk of their own, signed up by the API: page.user acts beside the page.
    async someone(options) {
        const user = await User.signUp(this.stack);
        const page = await this.open({ cookies: user.jar, ...options });
        await this.live(page);
        return Object.assign(page, { user, email: user.email });
    }

    async publish(page, title, content = 'Some lines') {
        await page.locator('#post-title').fill(title);
        await page.locator('#post-content').fill(content);
        await page.getByRole('button', { name: 'Publish' }).click();
        await this.post(page, title).waitFor();
    }

    post(page, title) {
        return page.locator('#post-list > li').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
    }

    async setKey(page, key, value) {
        await page.locator('#kv-key').fill(key);
        await page.locator('#kv-value').fill(value);
        await page.locator('#kv-form button[type=submit]').click();
        await page.locator('.pairs dt').getByText(key, { exact: true }).waitFor();
    }

    async picture(page, name) {
        // Toasts and folding rows come to rest.
        await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
        await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {}))));
        await page.screenshot({ path: `${PICTURES}/${name}.png` });
    }

    // Fails with what axe finds, best practices included.
    async accessible(page, what) {
        if (!(await page.evaluate(() => 'axe' in window))) {
            // Past the page's policy, which lets no script in but the site's own.
            await page.evaluate(fs.readFileSync(AXE, 'utf8'));
        }
        await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {}))));
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        const found = violations.map(({ id, help, nodes }) =>
            `${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`);
        assert.deepEqual(found, [], what);
    }

    // In light and in dark.
    async accessibleInBoth(page, what) {
        for (const colorScheme of ['dark', 'light']) {
            await page.emulateMedia({ colorScheme });
            await this.accessible(page, `${what}, ${colorScheme}`);
        }
    }

    async close(page) {
        assert.deepEqual(page.context().pages().flatMap((one) => one.complaints ?? []), []);
        await page.context().close();
    }
}
