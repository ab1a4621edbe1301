// The examples of docs/examples/embed, as they are, behind their own web server: a static page, and an application
// with React that is built by Vite from the client as it would be published. (The PHP page: live.mjs.)

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { METRICS, metric } from '../lib/client.mjs';
import { PASSWORD, freshEmail, request } from '../lib/http.mjs';
import { ROOT, Stack, freePort, until } from '../lib/stack.mjs';

const EXAMPLES = `${ROOT}/docs/examples/embed`;
const MODULES = `${ROOT}/tests/node_modules`;

// The application with its packages where npm would put them; nothing is fetched.
function build(folder) {
    const app = `${folder}/react`;
    const modules = `${app}/node_modules`;
    fs.cpSync(`${EXAMPLES}/react`, app, { recursive: true });
    fs.rmSync(modules, { recursive: true, force: true });
    fs.mkdirSync(`${modules}/cubby-client`, { recursive: true });
    execFileSync('npm', ['pack', '--ignore-scripts', '--offline', '--pack-destination', folder],
        { cwd: `${ROOT}/www`, stdio: 'ignore' });
    const [packed] = fs.readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['xzf', `${folder}/${packed}`, '--strip-components=1', '-C', `${modules}/cubby-client`]);
    for (const name of ['react', 'react-dom', 'vite']) fs.symlinkSync(`${MODULES}/${name}`, `${modules}/${name}`);
    execFileSync(process.execPath, [`${MODULES}/vite/bin/vite.js`, 'build', '--logLevel', 'warn'],
        { cwd: app, stdio: ['ignore', 'inherit', 'inherit'] });
    return `${app}/dist`;
}

describe('the embed examples', { timeout: 180000 }, () => {
    let stack, browser, folder;
    const sites = [];

    before(async () => {
        folder = fs.mkdtempSync('/tmp/cubby-embed-');
        [stack, browser] = await Promise.all([new Stack({ env: METRICS }).start(), startBrowser()]);
    });
    after(async () => {
        await browser?.close();
        for (const site of sites) {
            site.kill('SIGTERM');
            await new Promise((resolve) => site.on('exit', resolve));
        }
        await stack?.stop();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    // The examples' web server with a folder of pages; resolves to its address.
    async function serve(root) {
        const port = await freePort();
        const run = fs.mkdtempSync(`${folder}/run-`);
        sites.push(spawn('/usr/sbin/lighttpd', ['-D', '-f', `${EXAMPLES}/lighttpd.conf`], {
            env: {
                ...process.env, SITE_PORT: String(port), SITE_ROOT: root, SITE_RUN: run, CUBBY_PORT: String(stack.port),
            },
            stdio: 'ignore',
        }));
        const answer = () => request({ port }, 'GET', '/cubby.js').catch(() => ({}));
        await until(async () => (await answer()).status === 200, 'the site');
        return `http://127.0.0.1:${port}`;
    }

    async function open(context, url) {
        const page = await context.newPage();
        page.setDefaultTimeout(15000);
        page.complaints = [];
        page.on('pageerror', (error) => page.complaints.push(String(error)));
        await page.goto(url);
        return page;
    }

    async function enter(page, email) {
        await page.getByPlaceholder('E-mail').fill(email);
        await page.getByPlaceholder('Password').fill(PASSWORD);
        await page.getByText('Sign in, or up').click();
        await page.getByPlaceholder('What is to be done').waitFor();
    }

    async function add(page, title) {
        await page.getByPlaceholder('What is to be done').fill(title);
        await page.getByRole('button', { name: 'Add' }).click();
    }

    const shows = (page, ...wanted) => until(async () =>
        (await page.locator('li').allTextContents()).map((text) => text.replace(/×$/, '')).join() === wanted.join(),
    `the list to be ${wanted}`);

    // Two browsers of one user: what one adds, the other sees; also what was added without a network.
    async function share(t, url) {
        const email = freshEmail('e');
        const [ann, far] = [await browser.newContext(), await browser.newContext()];
        t.after(() => Promise.all([ann.close(), far.close()]));
        const [page, other] = [await open(ann, url), await open(far, url)];
        await enter(page, email);
        await enter(other, email);
        await add(page, '<b>milk</b>');
        for (const each of [page, other]) await shows(each, '<b>milk</b>');
        await ann.setOffline(true);
        await add(page, 'bread');
        await shows(page, 'bread', '<b>milk</b>');
        await shows(other, '<b>milk</b>');
        await ann.setOffline(false);
        for (const each of [page, other]) await shows(each, 'bread', '<b>milk</b>');
        await page.reload();
        await shows(page, 'bread', '<b>milk</b>');
        return { page, other, context: ann };
    }

    it('a static page of twenty lines', async (t) => {
        assert.ok(fs.readFileSync(`${EXAMPLES}/todo.html`, 'utf8').trim().split('\n').length <= 20);
        const { page, other } = await share(t, `${await serve(EXAMPLES)}/todo.html`);
        for (const each of [page, other]) assert.deepEqual(each.complaints, []);
    });

    it('an application with React, built by Vite', async (t) => {
        const url = `${await serve(build(folder))}/`;
        await until(async () => await metric(stack, 'streams') === 0, 'the streams of other tests to end');
        const { page, other, context } = await share(t, url);
        const second = await open(context, url);
        await second.getByText('Live, all is saved').waitFor();
        await page.getByText('Live, all is saved').waitFor();
        await page.getByRole('checkbox', { name: 'bread' }).click();
        await until(() => other.getByRole('checkbox', { name: 'bread' }).isChecked(), 'the mark');
        await other.getByRole('button', { name: 'Delete bread' }).click();
        for (const each of [page, other, second]) await shows(each, '<b>milk</b>');
        await page.getByText('👏').click();
        for (const each of [page, other, second]) await each.getByText('👏 1').waitFor();
        // Each browser has one line, in a worker of its own file; each tab its counter's socket.
        assert.equal(await metric(stack, 'streams'), 2 + 3);
        for (const each of [page, other, second]) assert.deepEqual(each.complaints, []);
    });
});
