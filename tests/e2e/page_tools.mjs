// What looks into the desk: the event log, the calls as lines of curl, the console; and texts of every
// kind, which stay texts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { PASSWORD } from '../lib/http.mjs';
import { until } from '../lib/stack.mjs';

const MARKUP = '<img src=x onerror="window.bad=1"><b>bold</b> & “quotes” \u202eevil \u{1f9c1}';

describe('the tools of the desk', { timeout: 300000 }, () => {
    const desk = Desk.forTests();
    const line = (page, event) => page.locator('#event-list b').getByText(event, { exact: true });

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
        const shown = await lines.filter({ hasText: '"key":"it’s"' }).first().textContent();
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
