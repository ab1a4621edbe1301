// Signing in with an OpenID provider in a real browser: there, back, and what the page says of it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { freshEmail } from '../lib/http.mjs';
import { OpenId } from '../lib/openid.mjs';
import { Stack } from '../lib/stack.mjs';

describe('signing in with a provider, in a browser', { timeout: 120000 }, () => {
    let browser, provider, stack;
    before(async () => {
        provider = await OpenId.start();
        stack = await new Stack({ env: provider.env('test') }).start();
        provider.register(`${stack.origin}/api/auth/oauth/test/callback`);
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
        await provider?.stop();
    });

    // Through the provider and back to the page.
    async function arrive() {
        const page = await (await browser.newContext()).newPage();
        await page.goto(`${stack.origin}/api/auth/oauth/test`);
        await page.waitForURL(`${stack.origin}/`);
        return page;
    }

    it('has a button of its own, which leads there and back', async () => {
        const email = freshEmail();
        provider.person('b', { email, email_verified: true });
        const page = await (await browser.newContext()).newPage();
        await page.goto(`${stack.origin}/`);
        await page.getByRole('button', { name: 'Sign in with The test' }).click();
        await page.locator('#email').getByText(email).waitFor();
        assert.equal(page.url(), `${stack.origin}/`);
    });

    it('opens the page as that person', async () => {
        const email = freshEmail();
        provider.person('p', { email, email_verified: true });
        const page = await arrive();
        await page.locator('#email').getByText(email).waitFor();
    });

    it('says what went wrong, once', async () => {
        provider.denies();
        const page = await arrive();
        await page.getByText('The sign-in was ended at the provider.').waitFor();
        assert.equal(page.url(), `${stack.origin}/`);
        assert.equal(await page.getByRole('radio', { name: 'Sign up' }).count(), 1);
    });
});
