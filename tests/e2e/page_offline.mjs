// The page without a server, or with a bad one: the queue, conflicts and their three ends, what is said
// when nothing, nonsense, or something late is answered, and that it recovers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { until } from '../lib/stack.mjs';

describe('the desk, offline', { timeout: 300000 }, () => {
    const desk = Desk.forTests();
    const toggle = (page) => page.getByRole('switch', { name: 'Online' }).click();
    const waiting = (page, count) => page.getByRole('button', { name: `${count} waiting`, exact: true }).waitFor();
    const title = (page) => page.locator('.editor').getByRole('textbox', { name: 'Title' });

    async function edit(page, from, to) {
        await page.getByRole('button', { name: `Edit ${from}`, exact: true }).click();
        await title(page).fill(to);
        await page.getByRole('button', { name: 'Save' }).click();
    }

    it('keeps what is written offline over a reload, and sends it in order', async () => {
        const page = await desk.someone();
        const { user } = page;
        await desk.publish(page, 'Before');
        await toggle(page);
        await page.locator('#connection').getByText('Offline').waitFor();
        await desk.publish(page, 'While away');
        await edit(page, 'While away', 'While away, edited');
        await desk.setKey(page, 'colour', 'blue');
        await page.getByRole('button', { name: 'Delete Before' }).click();
        await waiting(page, 4);
        const queue = page.getByRole('list', { name: 'Waiting to be sent' }).getByRole('listitem');
        assert.match((await queue.allTextContents()).join(' '),
            /New in posts: While away.*Change in posts: While away, edited.*Set the key colour.*Delete from posts/);
        await desk.accessibleInBoth(page, 'offline with a queue');
        await desk.picture(page, 'offline-queue');
        assert.equal((await user.ok('GET', '/api/posts')).data[0].title, 'Before', 'nothing was sent');
        await page.route('**/api/**', (route) => route.abort()); // the page comes back, but no answer
        await page.reload();
        await desk.post(page, 'While away, edited').waitFor();
        await waiting(page, 4);
        await page.unroute('**/api/**');
        await waiting(page, 0);
        await desk.live(page);
        const { data } = await user.ok('GET', '/api/posts');
        assert.deepEqual(data.map((post) => post.title), ['While away, edited']);
        assert.equal((await user.ok('GET', '/api/data?key=colour')).data, 'blue');
        assert.equal(await page.locator('#post-list > li:not(.leaving)').count(), 1);
        await desk.close(page);
    });

    // Two write the same post, one of them offline: the dialog.
    async function conflict(page, user) {
        await desk.publish(page, 'Both', 'base words');
        await toggle(page);
        await edit(page, 'Both', 'Mine');
        await waiting(page, 1);
        const [post] = (await user.ok('GET', '/api/posts?limit=1')).data;
        await user.ok('PUT', `/api/posts/${post.id}`, { title: 'Theirs', content: 'their words' });
        await toggle(page);
        const dialog = page.getByRole('dialog', { name: 'Two versions' });
        await dialog.waitFor();
        return { dialog, stored: async () => (await user.ok('GET', `/api/posts/${post.id}`)).data };
    }

    it('asks which shall stand when two wrote the same: mine, theirs, or both merged', async () => {
        const page = await desk.someone();
        const { user } = page;
        const first = await conflict(page, user);
        const field = first.dialog.getByRole('group', { name: 'title' });
        for (const words of ['Both', 'Mine', 'Theirs']) {
            await field.locator('dd').getByText(words, { exact: true }).waitFor();
        }
        await desk.accessibleInBoth(page, 'conflict');
        await desk.picture(page, 'conflict');
        await first.dialog.getByRole('button', { name: 'Keep mine' }).click();
        await first.dialog.waitFor({ state: 'detached' });
        await until(async () => (await first.stored()).title === 'Mine', 'mine to be stored');
        await desk.post(page, 'Mine').waitFor();

        const second = await conflict(page, user);
        await second.dialog.getByRole('button', { name: 'Use theirs' }).click();
        await desk.post(page, 'Theirs').waitFor();
        assert.equal((await second.stored()).title, 'Theirs');
        await waiting(page, 0);

        const third = await conflict(page, user);
        await third.dialog.getByRole('button', { name: 'Later' }).click();
        await page.getByRole('button', { name: 'Resolve a conflict' }).click();
        assert.equal(await third.dialog.getByLabel('Merged title').inputValue(), 'Mine');
        const suggested = await third.dialog.getByLabel('Merged content').inputValue();
        assert.equal(suggested, 'their words', 'theirs alone changed it');
        await third.dialog.getByLabel('Merged title').fill('Mine and theirs');
        await third.dialog.getByRole('button', { name: 'Save merged' }).click();
        await desk.post(page, 'Mine and theirs').waitFor();
        await waiting(page, 0); // it shows before it is stored
        const { title: stored, content } = await third.stored();
        assert.deepEqual([stored, content], ['Mine and theirs', 'their words']);
        await desk.close(page);
    });

    it('comes back by itself when pushd is killed, with what happened meanwhile', async () => {
        const page = await desk.someone();
        const { user } = page;
        const pid = desk.stack.pid('cubby-pushd');
        process.kill(pid, 'SIGKILL');
        await page.locator('#connection:not([data-state=live])').waitFor();
        await user.ok('POST', '/api/posts', { title: 'Meanwhile', content: 'x' });
        await until(() => desk.stack.pid('cubby-pushd') !== pid, 'a new pushd');
        await desk.post(page, 'Meanwhile').waitFor();
        await desk.live(page);
        await user.ok('POST', '/api/posts', { title: 'Afterwards', content: 'x' });
        await desk.post(page, 'Afterwards').waitFor();
        assert.equal(await page.locator('#post-list > li').count(), 2, 'each once');
        await desk.close(page);
    });

    it('says so when the server is slow, answers nonsense or nothing, and recovers', async (test) => {
        const proxy = await Proxy.start(test, desk.stack);
        const page = await desk.open({ origin: proxy.origin });
        const problem = page.locator('#account-form .problem');
        const late = proxy.rule('POST /api/login', 'hold');
        await desk.enter(page, 'Sign in', 'nobody@example.org');
        await problem.getByText('The server takes its time…').waitFor();
        late.drop();
        await problem.getByText('Invalid credentials').waitFor();
        for (const [act, options, words] of [
            ['html', {}, 'The server’s answer makes no sense. Try again in a moment.'],
            ['cut', {}, 'The server cannot be reached. Try again in a moment.'],
            ['status', { status: 502, body: '<h1>Bad Gateway</h1>' }, 'The server is not well (502).'],
        ]) {
            const rule = proxy.rule('POST /api/login', act, options);
            await page.locator('#account-submit').click();
            await problem.getByText(words).waitFor();
            rule.drop();
        }
        await desk.signUp(page);
        await proxy.refuse();
        await page.locator('#connection:not([data-state=live])').waitFor();
        await desk.publish(page, 'Into the void');
        await waiting(page, 1);
        await page.getByRole('button', { name: 'Add one' }).click();
        await page.locator('.toast').getByText('The server cannot be reached.').waitFor();
        await proxy.accept();
        const broken = proxy.rule(/GET .api.(data|posts)/, 'html');
        await page.reload();
        await page.locator('#kv-problem').getByText('makes no sense').waitFor();
        await page.locator('#post-problem').getByText('makes no sense').waitFor();
        broken.drop();
        await page.locator('#kv-problem').getByText('makes no sense').waitFor({ state: 'detached' });
        await page.locator('#post-problem').getByText('makes no sense').waitFor({ state: 'detached' });
        await waiting(page, 0);
        await desk.live(page);
        await desk.post(page, 'Into the void').getByText('waiting').waitFor({ state: 'detached' });
        await desk.close(page);
    });

    it('says so when no server is there in the beginning, and goes on when it is', async (test) => {
        const proxy = await Proxy.start(test, desk.stack);
        const html = proxy.rule('GET /api/me', 'html');
        const page = await desk.open({ origin: proxy.origin });
        await page.locator('.toast').getByText('makes no sense').waitFor();
        const late = proxy.rule('GET /api/me', 'hold');
        html.drop();
        await page.locator('.toast').getByText('The server takes its time…').waitFor();
        assert.equal(await page.locator('#account-email').isVisible(), false);
        late.drop();
        await page.locator('#account-email').waitFor();
        await desk.close(page);
    });
});
