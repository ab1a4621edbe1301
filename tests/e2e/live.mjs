// The worked examples of docs/examples/live, as they are, in a real browser: a PHP page and a shell
// script become live with one call. Nothing is loaded again: each window keeps a mark.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startBrowser } from '../lib/browser.mjs';
import { request } from '../lib/http.mjs';
import { ROOT, SECRET, Stack, freePort, sleep, until } from '../lib/stack.mjs';

const EXAMPLES = `${ROOT}/docs/examples/live`;
const run = promisify(execFile);

// The example's web server, with a folder of the example's pages.
class Site {
    async start(stack) {
        this.folder = fs.mkdtempSync('/tmp/cubby-site-');
        this.root = `${this.folder}/www`;
        fs.mkdirSync(this.root);
        for (const file of ['guestbook.php', 'live.php']) {
            fs.copyFileSync(`${EXAMPLES}/${file}`, `${this.root}/${file}`);
        }
        this.port = await freePort();
        this.env = {
            ...process.env, SITE_PORT: String(this.port), SITE_ROOT: this.root, SITE_RUN: this.folder,
            CUBBY_PORT: String(stack.port), CUBBY_URL: stack.origin, CUBBY_JWT_SECRET: SECRET,
            GUESTBOOK_FILE: `${this.folder}/entries`,
        };
        this.process = spawn('/usr/sbin/lighttpd', ['-D', '-f', `${EXAMPLES}/lighttpd.conf`],
            { env: this.env, stdio: 'ignore' });
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        await until(async () => (await request(this, 'GET', '/guestbook.php').catch(() => ({}))).status === 200,
            'the site');
        return this;
    }

    get origin() {
        return `http://127.0.0.1:${this.port}`;
    }

    // Runs the script as cron would; what it prints.
    async uptime() {
        const { stdout } = await run(`${EXAMPLES}/uptime.sh`, [`${this.root}/uptime.html`], { env: this.env });
        return stdout;
    }

    async stop() {
        this.process.kill('SIGTERM');
        await this.exited;
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

describe('live pages', { timeout: 120000 }, () => {
    let stack, site, browser;

    before(async () => {
        stack = await new Stack().start();
        site = await new Site().start(stack);
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await site?.stop();
        await stack?.stop();
    });

    // Two people's windows, both listening. `check` fails if either was loaded again, or complained.
    async function open(url) {
        const errors = [];
        const pages = await Promise.all([1, 2].map(async () => {
            const context = await browser.newContext();
            context.setDefaultTimeout(10000);
            const page = await context.newPage();
            page.on('pageerror', (error) => errors.push(String(error)));
            page.on('console', (message) => {
                if (message.type() !== 'error' || message.location().url.endsWith('/favicon.ico')) return;
                errors.push(message.text());
            });
            const listening = page.waitForResponse((response) => response.url().includes('/realtime?key='));
            await page.goto(url);
            assert.equal((await listening).status(), 200);
            await page.evaluate(() => (window.mark = 1));
            return page;
        }));
        const check = async () => {
            for (const page of pages) assert.equal(await page.evaluate(() => window.mark), 1, 'loaded once');
            assert.deepEqual(errors, []);
            await Promise.all(pages.map((page) => page.context().close()));
        };
        return [...pages, check];
    }

    const shows = (page, selector, text) => until(async () =>
        (await page.locator(selector).innerText().catch(() => '')).includes(text), `${selector}: ${text}`);

    it('the PHP guestbook: what one writes, the other sees', async () => {
        const [ann, bob, check] = await open(`${site.origin}/guestbook.php`);
        await ann.getByLabel('Name').fill('Ann');
        const text = '<b onclick=alert(1)>Grüße</b> & "so on"';
        await ann.getByLabel('Text').fill(text);
        await ann.getByRole('button').click();
        for (const page of [ann, bob]) await shows(page, '[data-live=entries]', `Ann: ${text}`);
        await bob.getByLabel('Name').fill('Bob');
        await bob.getByLabel('Text').fill('Hello');
        await bob.getByRole('button').click();
        for (const page of [ann, bob]) await shows(page, 'li:first-child', 'Bob: Hello');
        assert.equal(await ann.locator('[data-live=entries] li').count(), 2);
        assert.equal(await bob.getByLabel('Text').inputValue(), '', 'ready for the next entry');
        await check();
    });

    it('the PHP guestbook: many at once are shown in the order of the file', async () => {
        const [ann, bob, check] = await open(`${site.origin}/guestbook.php`);
        await Promise.all(Array.from({ length: 12 }, (_, i) => request(site, 'POST', '/guestbook.php', {
            headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `name=n&text=entry+${i}.`,
        })));
        const newest = fs.readFileSync(`${site.folder}/entries`, 'utf8').trim().split('\n').reverse()
            .map((line) => `${JSON.parse(line).name}: ${JSON.parse(line).text}`);
        for (const page of [ann, bob]) {
            await until(async () => {
                const shown = await page.locator('[data-live=entries] li').allInnerTexts();
                return JSON.stringify(shown) === JSON.stringify(newest);
            }, 'all entries, in their order');
        }
        await check();
    });

    it('the shell script: a static page is written again, and changes', async () => {
        assert.equal(await site.uptime(), '{"ok":true,"clientCount":0}\n');
        const [ann, bob, check] = await open(`${site.origin}/uptime.html`);
        const before = await ann.locator('time').innerText();
        await sleep(1100);
        assert.equal(await site.uptime(), '{"ok":true,"clientCount":2}\n');
        const [, now] = /<time>(.*)<\/time>/.exec(fs.readFileSync(`${site.root}/uptime.html`, 'utf8'));
        assert.notEqual(now, before);
        for (const page of [ann, bob]) await shows(page, 'time', now);
        await check();
    });

    it('the shell script fails in words when Cubby does not know it', async () => {
        const env = { ...site.env, CUBBY_JWT_SECRET: 'another secret, of more than 32 bytes' };
        await assert.rejects(run(`${EXAMPLES}/uptime.sh`, [`${site.root}/uptime.html`], { env }),
            (error) => /401/.test(error.stderr) && error.code !== 0);
    });
});
