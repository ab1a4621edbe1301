// The parts of the desk, each by what a person sees: posts, notifications, keys, notes, the counter.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { until } from '../lib/stack.mjs';

describe('the desk', { timeout: 300000 }, () => {
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
        await page.getByRole('button', { name: 'Edit At once' }).click();
        const title = page.locator('.editor').getByRole('textbox', { name: 'Title' });
        await title.fill('Edited meanwhile');
        release();
        await page.getByRole('button', { name: '0 waiting' }).waitFor();
        await page.getByRole('button', { name: 'Save' }).click();
        await desk.post(page, 'Edited meanwhile').locator('.meta', { hasText: 'edited' }).waitFor();
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
});
