// The pages that links in mails lead to, in a real browser, from the mail to the sign-in.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { PASSWORD, User, freshEmail, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { Stack } from '../lib/stack.mjs';

const NEW = 'quite another phrase';

describe('links in mails', { timeout: 120000 }, () => {
    const mails = new MailFolder();
    let stack;
    let browser;

    before(async () => {
        stack = await new Stack({ env: mails.env }).start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function open(path) {
        const page = await (await browser.newContext()).newPage();
        page.setDefaultTimeout(10000);
        await page.goto(`${stack.origin}${path}`);
        return page;
    }

    const logIn = (email, password) => request(stack, 'POST', '/api/login', { body: { email, password } });

    it('a forgotten password is set anew', async () => {
        const user = await User.signUp(stack);
        const page = await open('/');
        await page.getByRole('link', { name: 'Forgot your password?' }).click();
        await page.getByLabel('E-mail address').fill(user.email);
        await page.getByRole('button', { name: 'Send the link' }).click();
        await page.getByText('is on its way').waitFor();
        const token = await mails.token(user.email, /set a new password/);
        const linked = await open(`/reset-password.html#${token}`);
        await linked.getByLabel('New password').fill(NEW);
        assert.doesNotMatch(linked.url(), /#/, 'the token does not stay in the address');
        await linked.getByRole('button', { name: 'Set the password' }).click();
        await linked.getByText('The new password is set').waitFor();
        assert.equal((await logIn(user.email, NEW)).status, 200);
        assert.equal((await logIn(user.email, PASSWORD)).status, 401);
        const again = await open(`/reset-password.html#${token}`);
        await again.getByLabel('New password').fill(NEW);
        await again.getByRole('button', { name: 'Set the password' }).click();
        await again.getByRole('alert').getByText('invalid, used or expired').waitFor();
    });

    it('an address is confirmed by a click', async () => {
        const [user, email] = [await User.signUp(stack), freshEmail('new')];
        await user.ok('POST', '/api/email', { newEmail: email, password: PASSWORD });
        const page = await open(`/verify-email.html#${await mails.token(email, /confirm/i)}`);
        assert.equal((await user.ok('GET', '/api/me')).user.email, user.email, 'not before');
        await page.getByRole('button', { name: 'Confirm' }).click();
        await page.getByText(`${email} is confirmed.`).waitFor();
        assert.equal((await user.ok('GET', '/api/me')).user.email, email);
    });
});
