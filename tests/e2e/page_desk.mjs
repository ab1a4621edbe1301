// The parts of the desk, each by what a person sees: posts, notifications, keys, notes, the counter,
// the event log, the calls, and what the console has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { PASSWORD } from '../lib/http.mjs';
import { until } from '../lib/stack.mjs';

const MARKUP = '<img src=x onerror="window.bad=1"><b>bold</b> & “quotes” \u202eevil \u{1f9c1}';

describe('the desk', { timeout: 120000 }, () => {
    const desk = Desk.forTests();
    const line = (page, event) => page.locator('#event-list b').getByText(event, { exact: true });

    it('shows a post in every tab the moment it is published, changed and deleted', async () => {
        const page = await desk.someone();
        const other = await desk.tab(page);
        await desk.publish(page, 'Hello');
        await desk.post(other, 'Hello').waitFor();
        await line(other, 'table:posts:create').waitFor();
        await other.getByRole('button', { name: 'Edit Hello' }).click();
        await other.locator('.editor').getByRole('textbox', { name: 'Title' }).fill('Changed');
        await other.getByRole('button', { name: 'Save' }).click();
        await desk.post(page, 'Changed').getByText('edited').waitFor();
        await page.getByRole('button', { name: 'Delete Changed' }).click();
        await other.getByText('No posts yet').waitFor();
        assert.equal(await other.locator('#post-list > li:not(.leaving)').count(), 0);
        await desk.close(page);
    });

    it('shows what one writes at once, and takes back what is refused', async () => {
        const page = await desk.someone();
        let release;
        const held = new Promise((resolve) => (release = resolve));
        await page.route('**/api/posts', async (route) => {
            if (route.request().method() === 'POST') await held;
            await route.continue();
        });
        await desk.publish(page, 'At once');
        await desk.post(page, 'At once').getByText('waiting').waitFor();
        release();
        await desk.post(page, 'At once').getByText('waiting').waitFor({ state: 'detached' });
        assert.equal(await page.locator('#post-list > li').count(), 1);
        await page.locator('#post-title').evaluate((input) => (input.maxLength = 500));
        await page.locator('#post-title').fill('x'.repeat(300));
        await page.locator('#post-content').fill('too long a title');
        await page.getByRole('button', { name: 'Publish' }).click();
        await page.locator('#post-form .problem').getByText('title').waitFor();
        assert.equal((await page.locator('#post-title').inputValue()).length, 300, 'nothing typed is lost');
        const rows = page.locator('#post-list > li:not(.leaving)');
        await until(async () => await rows.count() === 1, 'it is gone from the list');
        assert.deepEqual(page.complaints.filter((text) => !/status of 400/.test(text)), []);
        await page.context().close();
    });

    it('brings older posts when asked', async () => {
        const page = await desk.someone();
        const { user } = page;
        const operations = Array.from({ length: 30 }, (_, i) =>
            ({ method: 'POST', path: '/api/posts', body: { title: `Post ${i}`, content: 'x' } }));
        await user.ok('POST', '/api/batch', { operations });
        await desk.post(page, 'Post 29').waitFor();
        await page.reload();
        await desk.post(page, 'Post 10').waitFor();
        assert.equal(await desk.post(page, 'Post 9').count(), 0);
        await page.getByRole('button', { name: 'Show older posts' }).click();
        await desk.post(page, 'Post 0').waitFor();
        assert.equal(await page.locator('#post-list > li').count(), 30);
        await desk.close(page);
    });

    it('the bell counts what is unread, in every tab, and keeps the newest ten', async () => {
        const page = await desk.someone();
        const other = await desk.tab(page);
        const { user } = page;
        const operations = Array.from({ length: 11 }, (_, i) =>
            ({ method: 'POST', path: '/api/posts', body: { title: `Post ${i}`, content: 'x' } }));
        await user.ok('POST', '/api/batch', { operations });
        await desk.publish(page, 'Post 11');
        await other.getByRole('button', { name: 'Notifications, 12 unread' }).click();
        await until(async () => await other.locator('#notification-list > li:not(.leaving)').count() === 10, 'ten');
        await other.getByRole('button', { name: 'Mark as read: New post created: "Post 11"' }).click();
        await page.getByRole('button', { name: 'Notifications, 11 unread' }).waitFor();
        await other.getByRole('button', { name: 'Mark all as read' }).click();
        await page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
        await page.reload();
        await page.getByRole('button', { name: 'Notifications', exact: true }).click();
        await page.locator('.note.read').nth(9).waitFor();
        await page.locator('#notifications').getByRole('button', { name: 'Clear' }).click();
        await page.getByText('Nothing to tell.').waitFor();
        await page.keyboard.press('Escape');
        await page.getByText('Nothing to tell.').waitFor({ state: 'hidden' });
        await desk.close(page);
    });

    it('a broadcast reaches everybody', async () => {
        const [page, stranger] = [await desk.someone(), await desk.someone()];
        await page.locator('#bell').click();
        await page.getByLabel('Broadcast to everyone').fill('Tea is ready');
        await page.getByRole('button', { name: 'Send' }).click();
        await stranger.locator('.toast').getByText('Tea is ready').waitFor();
        await page.locator('.note').getByText('📢 Broadcast: Tea is ready').waitFor();
        await desk.close(page);
        await desk.close(stranger);
    });

    it('sets, changes and deletes keys, as JSON or as text, in every tab', async () => {
        const page = await desk.someone();
        const other = await desk.tab(page);
        await desk.setKey(page, 'colour', '{"red": [1, 2]}');
        await desk.setKey(page, 'greeting', 'good morning');
        await other.locator('.pairs code').getByText('{"red":[1,2]}').waitFor();
        await other.locator('.pairs code').getByText('"good morning"').waitFor();
        await other.getByRole('button', { name: 'Edit colour' }).click();
        assert.equal(await other.locator('#kv-value').inputValue(), '{"red":[1,2]}');
        await desk.setKey(other, 'colour', '7');
        await page.locator('.pairs code').getByText('7', { exact: true }).waitFor();
        await page.getByRole('button', { name: 'Delete colour' }).click();
        await other.locator('.pairs dt').getByText('colour').waitFor({ state: 'detached' });
        await page.reload();
        await page.locator('.pairs dt').getByText('greeting').waitFor();
        assert.equal(await page.locator('.pairs dt').count(), 1);
        await page.locator('#kv-key').fill('__reserved');
        await page.locator('#kv-form button').click();
        await page.locator('#kv .problem').getByText(/./).waitFor();
        assert.deepEqual(page.complaints.filter((text) => !/status of 400/.test(text)), []);
        await page.context().close();
    });

    it('notes typed in one tab are there in the other, and what is being typed stays', async () => {
        const page = await desk.someone();
        const other = await desk.tab(page);
        await page.getByLabel('New note').fill('buy milk');
        await page.getByRole('button', { name: 'Add', exact: true }).click();
        const [mine, theirs] = [page, other].map((one) => one.getByRole('textbox', { name: 'Note', exact: true }));
        await theirs.waitFor();
        await theirs.pressSequentially(' and bread');
        await until(async () => await mine.inputValue() === 'buy milk and bread', 'the other tab to follow');
        assert.equal(await theirs.evaluate((area) => document.activeElement === area), true, 'the focus stays');
        await page.getByRole('button', { name: 'Delete note: buy milk' }).click();
        await other.getByText('No notes yet.').waitFor();
        await desk.close(page);
    });

    it('the counter is everybody’s: its value, who watches, its chart', async () => {
        const [page, stranger] = [await desk.someone(), await desk.someone()];
        await page.getByText('2 watching').waitFor();
        await page.getByRole('button', { name: 'Reset' }).click();
        const value = stranger.getByLabel('Value', { exact: true }).and(stranger.locator('output'));
        const shows = (text) => until(async () => await value.textContent() === text, `the counter to show ${text}`);
        await shows('0');
        await page.getByRole('button', { name: 'Add one' }).click();
        await page.getByRole('button', { name: 'Add one' }).click();
        await shows('2');
        await stranger.getByRole('button', { name: 'Take one' }).click();
        await shows('1');
        await page.getByLabel('New value').fill('-40');
        await page.getByRole('button', { name: 'Set', exact: true }).first().click();
        await shows('-40');
        await stranger.getByRole('img', { name: /to -40, lowest -40, highest 2/ }).waitFor();
        await stranger.reload();
        await stranger.getByRole('img', { name: /to -40, lowest -40, highest 2/ }).waitFor();
        await page.context().close();
        await stranger.getByText('1 watching').waitFor();
        await desk.close(stranger);
    });

    it('the event log filters and pauses', async () => {
        const page = await desk.someone();
        await desk.publish(page, 'One');
        await line(page, 'table:posts:create').waitFor();
        await line(page, 'table:notifications:create').waitFor();
        await page.getByLabel('Only events like').fill('table:posts:*');
        await line(page, 'table:notifications:create').waitFor({ state: 'detached' });
        assert.equal(await line(page, 'table:posts:create').count(), 1);
        await page.getByRole('button', { name: 'Pause' }).click();
        await desk.publish(page, 'Two');
        await page.getByRole('button', { name: 'Go on (2 new)' }).waitFor();
        assert.equal(await line(page, 'table:posts:create').count(), 1);
        await page.getByRole('button', { name: /Go on/ }).click();
        await until(async () => await line(page, 'table:posts:create').count() === 2, 'what came meanwhile');
        await page.getByLabel('Only events like').fill('no such thing');
        await page.getByText('No event is like that.').waitFor();
        await desk.close(page);
    });

    it('shows each call as a line of curl that does the same, without a secret in it', async () => {
        const page = await desk.open();
        await page.getByRole('button', { name: 'curl' }).click();
        await desk.signUp(page);
        await desk.setKey(page, 'it’s', "it's \\ \"quoted\" $HOME `x`");
        const lines = page.locator('#call-list pre');
        await lines.getByText('--json').first().waitFor();
        const text = (await page.locator('#calls').textContent());
        assert.match(text, /"password":"<password>"/);
        assert.doesNotMatch(text, new RegExp(PASSWORD));
        assert.doesNotMatch(text, /eyJ/, 'no token');
        const shown = await lines.filter({ hasText: '/api/data ' }).first().textContent();
        assert.equal(shown, `curl -s -b jar ${desk.stack.origin}/api/data --json `
            + `'{"key":"it’s","value":"it'\\''s \\\\ \\"quoted\\" $HOME \`x\`"}'`);
        const folder = fs.mkdtempSync('/tmp/cubby-jar-');
        const jar = (await page.context().cookies()).map(({ domain, path, name, value }) =>
            `#HttpOnly_${[domain, 'FALSE', path, 'FALSE', '0', name, value].join('\t')}\n`);
        fs.writeFileSync(`${folder}/jar`, `# Netscape HTTP Cookie File\n${jar.join('')}`);
        const run = (text) => JSON.parse(execFileSync('sh', ['-c', text], { cwd: folder }));
        assert.equal(run(shown).data.value, "it's \\ \"quoted\" $HOME `x`");
        const where = await lines.filter({ hasText: 'where=' }).first().textContent();
        assert.match(where, /-G .* --data-urlencode 'where=\["read","==",false\]' -d limit=100$/);
        assert.deepEqual(run(where).data, []);
        fs.rmSync(folder, { recursive: true });
        await page.locator('#calls').getByRole('button', { name: 'Close' }).click();
        await page.locator('#calls').waitFor({ state: 'hidden' });
        await desk.close(page);
    });

    it('texts with markup are text, everywhere', async () => {
        const [page, stranger] = [await desk.someone(), await desk.someone()];
        await desk.publish(page, MARKUP, MARKUP);
        await desk.setKey(page, MARKUP, MARKUP);
        await page.getByLabel('New note').fill(MARKUP);
        await page.getByRole('button', { name: 'Add', exact: true }).click();
        await page.getByLabel('Say something').fill(MARKUP);
        await page.getByRole('button', { name: 'Say', exact: true }).click();
        await stranger.locator('#talk').getByText('<b>bold</b>').waitFor();
        await page.getByRole('textbox', { name: 'Note', exact: true }).waitFor();
        await page.locator('#bell').click();
        await page.getByLabel('Broadcast to everyone').fill(MARKUP);
        await page.getByRole('button', { name: 'Send' }).click();
        await stranger.locator('.toast').getByText('<b>bold</b>').waitFor();
        for (const one of [page, stranger]) {
            assert.equal(await one.evaluate(() => window.bad), undefined);
            assert.equal(await one.locator('main img, .toasts img, .panel img, main b b').count(), 0);
        }
        await desk.close(page);
        await desk.close(stranger);
    });

    it('huge texts and odd Unicode stay in their place', async () => {
        const page = await desk.someone();
        const odd = '\u202e\u2067\u200f' + 'e\u0301\u0323'.repeat(40) + '\u{1f469}\u200d\u{1f680}\ufeff\u{10ffff}';
        const huge = `${odd} ${'lorem ipsum '.repeat(40000)}`;
        await page.user.ok('POST', '/api/posts', { title: odd, content: huge });
        await page.user.ok('POST', '/data', { key: odd, value: { [odd]: huge.slice(0, 100000) } });
        await page.user.ok('POST', '/api/notes', { text: huge.slice(0, 200000) });
        await desk.post(page, odd).waitFor();
        await page.locator('.pairs dt').waitFor();
        await until(async () => (await page.locator('#note-list textarea').inputValue()).length === 200000, 'the note');
        const [width, height] = await page.evaluate(() => {
            const { scrollWidth, scrollHeight } = document.documentElement;
            return [scrollWidth - innerWidth, scrollHeight];
        });
        assert.ok(width <= 0 && height < 4000, `${width} px too wide, ${height} px high`);
        await desk.accessible(page, 'huge texts');
        await desk.publish(page, 'Still quick');
        await desk.close(page);
    });

    it('the console has the client, its state, the connection and a broadcast', async () => {
        const page = await desk.someone();
        const state = await page.evaluate(() => window.debugUserDO());
        assert.equal(state.user.email, page.email);
        assert.equal(state.realtime.transport, 'websocket');
        assert.equal(await page.evaluate(() => window.userDOClient.isConnected), true);
        assert.equal(await page.evaluate(() => window.toggleRealtime()), false);
        await page.locator('#connection:not([data-state=live])').waitFor();
        assert.equal(await page.evaluate(() => window.toggleRealtime()), true);
        await desk.live(page);
        await page.evaluate(() => window.sendBroadcastMessage('from the console'));
        await page.locator('.toast').getByText('from the console').waitFor();
        await desk.close(page);
    });
});
