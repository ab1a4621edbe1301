// The admin page in a browser: in by password and code, numbers, users, events as they happen, errors;
// axe in light and dark, on a wide and on a narrow screen, and by keyboard.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { Admin } from '../lib/admin.mjs';
import { Desk } from '../lib/desk.mjs';
import { PASSWORD, User, assertFailure } from '../lib/http.mjs';
import { until } from '../lib/stack.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

describe('the admin page', { timeout: 120000 }, () => {
    const desk = Desk.forTests({ env: { CUBBY_ADMIN: 'on' } });
    const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

    async function signIn(page, admin, later) {
        await page.getByLabel('E-mail address').fill(admin.email);
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByLabel('Code of the authenticator app').fill(admin.code(later));
        await page.keyboard.press('Enter');
    }

    // Its file is damaged: what it asks for is answered with 500.
    async function breakFile(user) {
        const file = `${desk.stack.data}/users/${user.id.slice(0, 2)}/${user.id}.db`;
        fs.writeFileSync(`${file}.new`, 'no database at all '.repeat(500), { mode: 0o600 });
        for (const end of ['-wal', '-shm']) fs.rmSync(`${file}${end}`, { force: true });
        fs.renameSync(`${file}.new`, file);
        await until(async () => (await user.bearer('GET', '/api/me')).status === 500, 'the damage to be noticed');
    }

    it('shows everything to who has signed in, and acts on one user', async () => {
        const admin = await Admin.make(desk.stack);
        const user = await User.signUp(desk.stack);
        const broken = await User.signUp(desk.stack);
        await Promise.all(Array.from({ length: 20 }, () => User.signUp(desk.stack)));
        await breakFile(broken);

        const page = await desk.open({ path: '/admin' });
        await page.getByLabel('Password').waitFor();
        await desk.accessible(page, 'the sign-in');
        await desk.picture(page, 'admin-sign-in');
        await signIn(page, { email: admin.email, code: () => '000000' });
        await page.getByText('Address, password or code is wrong').waitFor();
        assert.equal(await page.locator('#inside').isVisible(), false);
        await signIn(page, admin);
        await page.getByRole('heading', { name: 'Overview' }).waitFor();
        assert.equal(await page.locator('#email').textContent(), admin.email);

        // numbers and errors
        await page.locator('#tiles').getByText('22', { exact: true }).first().waitFor();
        await page.getByRole('rowheader', { name: 'organizations' }).waitFor();
        await page.locator('#errors').getByText('500 corrupt').waitFor();

        // an event, as it happens; its data is nowhere
        await page.locator('#live-state').getByText('live', { exact: true }).waitFor();
        await user.ok('POST', '/data', { key: 'k', value: 'nobody else reads this' });
        await page.locator('#live li').filter({ hasText: 'kv:set' }).filter({ hasText: user.id }).waitFor();
        assert.doesNotMatch(await page.content(), /nobody else reads this/);
        await page.locator('#live-filter').fill('nothing like it');
        assert.equal(await page.locator('#live li').count(), 0);
        await page.locator('#live-filter').fill('');

        // users: all, the next page, one by address
        await until(async () => await page.locator('#users tr').count() === 20, 'a page of users');
        await page.getByRole('button', { name: 'More' }).click();
        await until(async () => await page.locator('#users tr').count() === 22, '').catch(async () => {
            assert.fail((await page.locator('main').innerText()).slice(0, 5000));
        });
        await page.getByLabel('Part of an address').fill(user.email);
        await page.keyboard.press('Enter');
        const row = page.locator('#users tr').filter({ hasText: user.email });
        await until(async () => await page.locator('#users tr').count() === 1, 'the one');
        await desk.accessibleInBoth(page, 'the page');
        await desk.picture(page, 'admin-wide');
        await page.screenshot({ path: 'build/screenshots/admin-whole.png', fullPage: true });

        await row.getByRole('button').click();
        const dialog = page.getByRole('dialog');
        await dialog.getByText('signup').waitFor();
        await desk.accessible(page, 'a user');
        await desk.picture(page, 'admin-user');
        await dialog.getByRole('button', { name: 'Disable' }).click();
        await dialog.getByRole('button', { name: 'Enable' }).waitFor();
        assertFailure(await user.bearer('GET', '/api/me'), 401);
        await page.keyboard.press('Escape');
        await row.getByText('disabled').waitFor();
        await until(() => row.getByRole('button').evaluate((button) => button === document.activeElement), 'the focus');

        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByLabel('Password').waitFor();
        assert.equal((await page.context().cookies()).length, 0);
        await desk.close(page);
    });

    it('fits a phone, in the dark, and asks again when its session has ended', async () => {
        const admin = await Admin.make(desk.stack);
        const page = await desk.open({ path: '/admin', ...PHONE, colorScheme: 'dark' });
        await signIn(page, admin);
        await page.locator('#users tr').first().waitFor();
        assert.ok(await overflow(page) <= 0, `${await overflow(page)} px too wide`);
        await desk.accessible(page, 'phone');
        const small = await page.evaluate(() => [...document.querySelectorAll('button, input')]
            .filter((one) => one.offsetHeight > 0 && one.offsetHeight < 44).map((one) => one.outerHTML));
        assert.deepEqual(small, []);
        await page.screenshot({ path: 'build/screenshots/admin-phone.png', fullPage: true });
        [{ value: admin.cookie }] = await page.context().cookies();
        admin.cookie = `adminSession=${admin.cookie}`;
        await admin.ok('POST', 'logout');
        await page.getByRole('button', { name: 'Search' }).click();
        await page.getByLabel('Password').waitFor();
        await desk.close(page);
    });
});
