// How the pages look and can be reached: pictures of the main states (build/screenshots), axe in light
// and dark with everything open, every width, fingers, the keyboard, and that nothing jumps.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { until } from '../lib/stack.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

describe('the looks', { timeout: 300000 }, () => {
    const desk = Desk.forTests();

    async function fill(page) {
        const { user } = page;
        await user.ok('POST', '/api/posts', { title: 'A first post', content: 'With a few lines.\nAnd another one.' });
        await user.ok('POST', '/api/posts', {
            title: 'A much longer title that goes on and on, to see where it breaks',
            content: 'averyveryverylongwordwithoutanybreak'.repeat(4),
        });
        await user.ok('POST', '/data', { key: 'settings', value: { theme: 'dark', sizes: [1, 2, 3] } });
        for (const text of ['buy milk', 'call the dentist']) await user.ok('POST', '/api/notes', { text });
        for (const amount of [3, 4, 1]) {
            await user.ok('POST', '/rpc/counter.increment', { name: 'global-counter', amount });
        }
        const { organization } = await user.ok('POST', '/api/organizations', { name: 'Analytical Engines' });
        for (const title of ['Order brass wheels', 'Write the notes']) {
            await user.ok('POST', `/api/tasks?org=${organization.id}`, { title });
        }
        await user.ok('POST', `/api/organizations/${organization.id}/members`, { email: 'grace@example.org' });
        await desk.post(page, 'A first post').waitFor();
        await page.getByText('call the dentist').or(page.locator('#note-list textarea')).nth(1).waitFor();
        await page.getByRole('img', { name: /The last/ }).waitFor();
    }

    const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

    for (const [name, options] of Object.entries({
        'wide-light': {}, 'wide-dark': { colorScheme: 'dark' },
        'phone-light': PHONE, 'phone-dark': { ...PHONE, colorScheme: 'dark' },
    })) {
        it(`${name}: axe finds nothing, whatever is open, and nothing is cut off`, async () => {
            let page = await desk.open(options);
            // Of what is open the colours are the same in all sizes.
            const isFull = ['wide-light', 'phone-dark'].includes(name);
            const check = async (state) => {
                assert.ok(await overflow(page) <= 0, `${name} ${state}: ${await overflow(page)} px too wide`);
                if (isFull || state === 'desk') await desk.accessible(page, `${name} ${state}`);
                await desk.picture(page, `${name}-${state}`);
            };
            await page.locator('#account-email').waitFor();
            await check('welcome');
            await desk.signUp(page);
            await desk.close(page);
            page = await desk.someone(options);
            await fill(page);
            await check('desk');
            await page.locator('#bell').click();
            await page.locator('.note').first().waitFor();
            await check('notifications');
            await page.keyboard.press('Escape');
            await page.getByRole('button', { name: 'curl' }).click();
            await check('curl');
            await page.locator('#calls .close').click();
            await page.getByRole('button', { name: 'Your account' }).click();
            await page.getByText('With it, a password alone').waitFor();
            await check('account');
            for (const tab of isFull ? ['Sessions', 'Activity', 'Data'] : []) {
                await page.getByRole('tab', { name: tab }).click();
                await page.getByRole('tabpanel').getByRole('heading').first().waitFor();
                await desk.accessible(page, `${name} account ${tab}`);
            }
            await page.keyboard.press('Escape');
            await page.getByRole('link', { name: 'Organizations' }).click();
            await page.getByRole('link', { name: 'Analytical Engines' }).click();
            await page.getByText('Order brass wheels').waitFor();
            await page.getByRole('listitem').filter({ hasText: 'grace@example.org' }).waitFor();
            await check('organizations');
            await desk.close(page);
        });
    }

    it('fits every width, with controls that fingers can hit', async () => {
        const page = await desk.someone(PHONE);
        await fill(page);
        const controls = 'button, input:not([type=radio]), textarea, nav a';
        const small = await page.evaluate((selector) => [...document.querySelectorAll(selector)]
            .filter((control) => control.checkVisibility())
            .map((control) => [control, control.getBoundingClientRect()])
            .filter(([, { width, height }]) => width < 44 || height < 44)
            .map(([control, { width, height }]) => `${control.outerHTML.slice(0, 90)} ${width}×${height}`), controls);
        assert.equal(small.join('\n'), '');
        for (const width of [320, 400, 600, 740, 900, 1100, 1190, 1600]) {
            await page.setViewportSize({ width, height: 800 });
            assert.ok(await overflow(page) <= 0, `${width}: ${await overflow(page)} px too wide`);
        }
        await desk.close(page);
    });

    it('works by keyboard, and every control has a name', async () => {
        const page = await desk.someone();
        await desk.publish(page, 'Keyboard');
        await page.getByRole('button', { name: '0 waiting' }).waitFor();
        const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, textarea')]
            .filter((control) => control.checkVisibility())
            .filter((control) => !(control.labels?.length || control.ariaLabel || control.textContent.trim()))
            .map((control) => control.outerHTML));
        assert.deepEqual(nameless, []);
        const focused = () => page.evaluate(() => {
            const { ariaLabel, value, textContent } = document.activeElement;
            return value || ariaLabel || textContent.trim();
        });
        await page.getByRole('button', { name: 'Edit Keyboard' }).press('Enter');
        await until(async () => (await focused()) === 'Keyboard', 'the focus to be in the editor');
        await page.keyboard.press('Escape');
        await until(async () => (await focused()) === 'Edit Keyboard', 'the focus to be back');
        await page.getByRole('button', { name: 'Delete Keyboard' }).press('Enter');
        const isIn = (selector) => page.evaluate((of) => document.activeElement.closest(of) !== null, selector);
        await until(() => isIn('#posts'), 'the focus to stay near');
        await page.getByRole('button', { name: 'Your account' }).press('Enter');
        await page.getByRole('tab', { name: 'Security' }).focus();
        await page.keyboard.press('ArrowRight');
        assert.equal(await focused(), 'Sessions');
        await page.keyboard.press('Escape');
        await until(() => isIn('#account-button'), 'the focus to be back');
        await page.getByRole('button', { name: 'curl' }).press('Enter');
        await page.locator('#calls .close').press('Escape');
        await page.locator('#calls').waitFor({ state: 'hidden' });
        await until(async () => (await focused()) === 'curl', 'the focus to be back');
        await desk.close(page);
    });

    it('does not jump while it loads, and does not move for those who want that', async () => {
        const page = await desk.someone();
        await fill(page);
        await page.addInitScript(() => {
            window.shifts = 0;
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
            }).observe({ type: 'layout-shift', buffered: true });
        });
        await page.reload();
        await desk.post(page, 'A first post').waitFor();
        await page.getByRole('img', { name: /The last/ }).waitFor();
        await page.locator('#note-list textarea').nth(1).waitFor();
        const shifts = await page.evaluate(() => window.shifts);
        assert.ok(shifts < 0.05, `layout shift ${shifts}`);
        await page.emulateMedia({ reducedMotion: 'reduce' });
        await page.reload();
        await desk.post(page, 'A first post').waitFor();
        await page.getByRole('button', { name: 'Delete A first post' }).click();
        assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
        await desk.close(page);
    });
});
