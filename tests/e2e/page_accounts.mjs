// Getting in and looking after the account, by hand in a real browser: passwords, the second factor,
// passkeys, codes by mail, sessions, activity, export and deletion.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { PASSWORD, User, freshEmail } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { freePort, until } from '../lib/stack.mjs';
import { codeOf } from '../lib/totp.mjs';

const mails = new MailFolder();

describe('the account', { timeout: 300000 }, () => {
    const desk = Desk.forTests(async () => {
        const port = await freePort();
        return { port, env: { ...mails.env, CUBBY_PUBLIC_URL: `http://localhost:${port}` } };
    });
    const origin = () => `http://localhost:${desk.stack.port}`;
    const open = (options) => desk.open({ origin: origin(), ...options });

    const someone = () => desk.someone({ origin: origin() });

    async function openAccount(page, tab = 'Security') {
        await page.getByRole('button', { name: 'Your account' }).click();
        await page.getByRole('tab', { name: tab }).click();
    }

    const signOut = (page) => page.getByRole('button', { name: 'Sign out', exact: true }).click();

    async function turnOnFactor(page) {
        await openAccount(page);
        await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
        await page.locator('#totp-password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Go on' }).click();
        const secret = (await page.locator('#totp-secret').textContent()).replaceAll(' ', '');
        const link = await page.locator('.secret a').getAttribute('href');
        assert.match(link, new RegExp(`^otpauth://totp/.*secret=${secret}`));
        const code = codeOf(secret, Date.now() - 30000); // so that the next one is good at once
        await page.locator('#totp-code').fill(code);
        await page.getByRole('button', { name: 'Turn it on' }).click();
        const list = page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
        await list.nth(9).waitFor();
        const codes = await list.allTextContents();
        assert.equal(codes.length, 10);
        return { secret, codes };
    }

    it('signs up, signs out and signs in, and a wrong password is told in words', async () => {
        const page = await open();
        const email = await desk.signUp(page);
        assert.equal(await page.locator('#email').textContent(), email);
        await signOut(page);
        await desk.enter(page, 'Sign in', email, 'not the password');
        await page.locator('#account-form .problem').getByText('Invalid credentials').waitFor();
        await page.locator('#account-password').fill(PASSWORD);
        await page.locator('#account-submit').click();
        await desk.live(page);
        await desk.close(page);
    });

    it('stays signed in over a reload, and when the access token is gone', async () => {
        const page = await someone();
        await desk.publish(page, 'Kept');
        await page.getByRole('button', { name: '0 waiting' }).waitFor();
        await page.reload();
        await desk.post(page, 'Kept').waitFor();
        await page.context().clearCookies({ name: 'token' });
        await page.reload();
        await desk.live(page);
        assert.equal(await page.locator('#email').textContent(), page.email);
        await desk.close(page);
    });

    it('notices that its session was ended elsewhere, and what it showed is gone', async () => {
        const page = await someone();
        await desk.publish(page, 'Secret');
        await page.user.request('POST', '/api/logout?all=1');
        await page.getByText('You have been signed out.').waitFor();
        await page.locator('#account-email').waitFor();
        assert.equal(await desk.post(page, 'Secret').count(), 0);
        await desk.close(page);
    });

    it('signs out in every tab, and in again as somebody else', async () => {
        const page = await someone();
        const other = await desk.tab(page);
        await desk.publish(page, 'Mine');
        await signOut(page);
        await other.locator('#account-email').waitFor();
        const email = await desk.signUp(other);
        await page.locator('#email').getByText(email).waitFor();
        await page.getByText('No posts yet').waitFor();
        await desk.close(page);
    });

    it('sets up the second factor, and asks for it: the app’s code, or a recovery code', async () => {
        const page = await someone();
        const { secret, codes } = await turnOnFactor(page);
        await page.getByRole('button', { name: 'I have kept them' }).click();
        await page.getByText('10 recovery codes left.').waitFor();
        await page.locator('#account').getByRole('button', { name: 'Close' }).click();
        await signOut(page);
        await desk.enter(page, 'Sign in', page.email);
        await page.getByRole('heading', { name: 'Second factor' }).waitFor();
        await desk.accessibleInBoth(page, 'second factor');
        await desk.picture(page, 'second-factor');
        await page.locator('#factor-code').fill('000000');
        await page.locator('#factor-form [type=submit]').click();
        await page.locator('#factor-form .problem').getByText(/./).waitFor();
        assert.match(await page.locator('#factor-form .problem').textContent(), /code is wrong|Invalid/);
        await page.locator('#factor-code').fill(codeOf(secret));
        await page.locator('#factor-form [type=submit]').click();
        await desk.live(page);
        await signOut(page);
        await desk.enter(page, 'Sign in', page.email);
        await page.getByRole('button', { name: 'Use a recovery code' }).click();
        await page.locator('#factor-code').fill(codes[3]);
        await page.locator('#factor-form [type=submit]').click();
        await desk.live(page);
        await openAccount(page);
        await page.getByText('9 recovery codes left.').waitFor();
        await page.getByRole('button', { name: 'Turn it off' }).click();
        await page.locator('#totp-password').fill(PASSWORD);
        await page.locator('#totp-code').fill(codes[4]);
        await page.getByRole('button', { name: 'Turn it off' }).click();
        await page.getByRole('button', { name: 'Set up an authenticator app' }).waitFor();
        await desk.close(page);
    });

    it('takes the second step of a sign-in that began elsewhere', async () => {
        const page = await someone();
        const { secret } = await turnOnFactor(page);
        const user = new User(desk.stack);
        const { json } = await user.request('POST', '/api/login', { body: { email: page.email, password: PASSWORD } });
        const arriving = await open({ path: `/#loginToken=${json.loginToken}` });
        await arriving.locator('#factor-code').fill(codeOf(secret));
        assert.equal(new URL(arriving.url()).hash, '', 'the token does not stay in the address');
        await arriving.locator('#factor-form [type=submit]').click();
        await arriving.locator('#email').getByText(page.email).waitFor();
        const late = await open({ path: '/#loginToken=x.y.z' });
        await late.locator('#factor-code').fill('123456');
        await late.locator('#factor-form [type=submit]').click();
        await late.getByText('That took too long. Sign in again.').waitFor();
        for (const one of [page, arriving]) await desk.close(one);
        await late.context().close();
    });

    it('adds a passkey, signs in with it, and removes it', async () => {
        const page = await someone();
        const cdp = await page.context().newCDPSession(page);
        await cdp.send('WebAuthn.enable');
        await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
            protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
            isUserVerified: true, automaticPresenceSimulation: true,
        } });
        await openAccount(page);
        await page.locator('#passkey-name').fill('My phone');
        await page.locator('#passkey-password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Add a passkey' }).click();
        await page.getByRole('button', { name: 'Remove My phone' }).waitFor();
        await page.keyboard.press('Escape');
        await signOut(page);
        await page.getByRole('button', { name: 'Use a passkey' }).click();
        await desk.live(page);
        assert.equal(await page.locator('#email').textContent(), page.email);
        await openAccount(page);
        await page.getByText(/, used/).waitFor();
        await page.getByRole('button', { name: 'Remove My phone' }).click();
        await page.getByText('Sign in with a fingerprint').waitFor();
        await desk.close(page);
    });

    it('signs in with a code by mail', async () => {
        const page = await someone();
        const token = await mails.token(page.email, /confirm/i);
        await new User(desk.stack).ok('POST', '/api/email/verify', { token });
        await signOut(page);
        await page.locator('#account-email').fill(page.email);
        await page.getByRole('button', { name: 'Mail me a code' }).click();
        await page.getByRole('button', { name: 'Send the code' }).click();
        const { text } = await mails.find(page.email, /code to sign in/);
        await page.getByLabel('Six digits').fill(/\b\d{6}\b/.exec(text)[0]);
        await page.locator('#code-form [type=submit]').click();
        await page.locator('#email').getByText(page.email).waitFor();
        await desk.live(page);
        await desk.close(page);
    });

    it('lists sessions, ends one and all, and tells what happened', async () => {
        const page = await someone();
        const elsewhere = await open();
        await desk.enter(elsewhere, 'Sign in', page.email);
        await desk.live(elsewhere);
        await openAccount(page, 'Sessions');
        await page.getByText('this one').waitFor();
        await page.getByRole('button', { name: /^End the session of/ }).click();
        await elsewhere.getByText('You have been signed out.').waitFor();
        await page.getByRole('button', { name: /^End the session of/ }).waitFor({ state: 'detached' });
        await page.getByRole('tab', { name: 'Activity' }).click();
        for (const line of ['Session revoked', 'Login password', 'Signup']) {
            await page.locator('#panel-activity').getByText(line).waitFor();
        }
        await page.getByRole('tab', { name: 'Activity' }).press('ArrowLeft');
        await page.getByRole('button', { name: 'Sign out everywhere' }).click();
        await page.locator('#account-email').waitFor();
        await desk.close(page);
        await desk.close(elsewhere);
    });

    it('changes the password, takes everything along, and deletes the account', async () => {
        const page = await someone();
        await desk.publish(page, 'To take along');
        await openAccount(page);
        await page.getByLabel('Password now').fill(PASSWORD);
        await page.getByLabel('New password').fill('another long phrase');
        await page.getByRole('button', { name: 'Change the password' }).click();
        await page.getByText('The password is changed.').waitFor();
        await page.getByRole('tab', { name: 'Data' }).click();
        const download = page.waitForEvent('download');
        await page.getByRole('link', { name: 'Download' }).click();
        const document = JSON.parse(fs.readFileSync(await (await download).path(), 'utf8'));
        assert.equal(document.collections.posts[0].title, 'To take along');
        await page.locator('#delete-password').fill(PASSWORD);
        await page.getByLabel('Delete everything, for good').check();
        await page.getByRole('button', { name: 'Delete the account' }).click();
        await page.locator('#panel-data .problem').getByText(/./).waitFor();
        await page.locator('#delete-password').fill('another long phrase');
        await page.getByRole('button', { name: 'Delete the account' }).click();
        await page.locator('#account-email').waitFor();
        const gone = await new User(desk.stack).request('POST', '/api/login',
            { body: { email: page.email, password: 'another long phrase' } });
        assert.equal(gone.status, 401);
        await desk.close(page);
    });

    it('every address gets the same words when a code is asked for', async () => {
        const page = await open();
        await page.getByRole('button', { name: 'Mail me a code' }).click();
        await page.locator('#code-email').fill(freshEmail('nobody'));
        await page.getByRole('button', { name: 'Send the code' }).click();
        await page.locator('#code-sent').getByText(/./).waitFor();
        await page.locator('#code-form').getByRole('button', { name: 'Back' }).click();
        await until(() => page.locator('#account-submit').isVisible(), 'the way back');
        await desk.close(page);
    });
});
