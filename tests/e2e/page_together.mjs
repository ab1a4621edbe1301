// Several people at once: the lobby of the desk, and the page /organizations.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Desk } from '../lib/desk.mjs';
import { freshEmail, request } from '../lib/http.mjs';
import { MailFolder } from '../lib/mailfolder.mjs';
import { freePort, until } from '../lib/stack.mjs';

describe('the lobby', { timeout: 300000 }, () => {
    const desk = Desk.forTests();
    const nameOf = (page) => page.email.split('@')[0];

    it('shows who is here, who types, what is said and what is selected', async () => {
        const [ada, grace] = [await desk.someone(), await desk.someone()];
        const people = grace.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
        await people.getByText(`${nameOf(grace)} (you)`).waitFor();
        await people.getByText(nameOf(ada), { exact: true }).waitFor();
        await ada.getByText('2 here').waitFor();
        await ada.getByLabel('Say something').pressSequentially('Hel');
        await grace.getByText(`${nameOf(ada)} is typing…`).waitFor();
        await ada.getByLabel('Say something').pressSequentially('lo');
        await ada.getByLabel('Say something').press('Enter');
        await grace.locator('#talk').getByText(`${nameOf(ada)} Hello`).waitFor();
        await grace.locator('#typing').getByText(/./).waitFor({ state: 'detached' });
        await ada.locator('#room-text').focus();
        await ada.keyboard.press('Control+Home');
        for (let i = 0; i < 5; i++) await ada.keyboard.press('Shift+ArrowRight');
        await grace.getByText(`${nameOf(ada)} has selected “Every”`).waitFor();
        assert.equal(await grace.locator('#room-mirror mark').textContent(), 'Every');
        const late = await desk.someone();
        await late.getByText(`${nameOf(ada)} has selected “Every”`).waitFor();
        await ada.context().close();
        await people.getByText(nameOf(ada), { exact: true }).waitFor({ state: 'detached' });
        await grace.getByText(/has selected/).waitFor({ state: 'detached' });
        await desk.close(grace);
        await desk.close(late);
    });

    it('what somebody’s program sends is not trusted', async () => {
        const [page, other] = [await desk.someone(), await desk.someone()];
        await page.getByText('2 here').waitFor();
        await other.evaluate(() => {
            const say = (event, data) => window.userDOClient.broadcast(event, data, 'room:lobby');
            say('app:hello', { name: { toString: 1 }, start: 'x', end: [] });
            say('app:selection', { start: -5, end: 1e9 });
            say('app:selection', { start: null });
            say('app:message', { text: { html: '<b>' } });
            say('app:typing', { on: 'always' });
            say('app:hello', { name: 'x'.repeat(5000), start: 1.5, end: 3 });
            say('app:message', { text: 'still here' });
        });
        await page.locator('#talk').getByText('still here').waitFor();
        await until(async () => (await page.locator('#people').textContent()).length < 200, 'a short name');
        await desk.close(page);
        await desk.close(other);
    });
});

describe('organizations', { timeout: 300000 }, () => {
    const mails = new MailFolder();
    const desk = Desk.forTests(async () => {
        const port = await freePort();
        const origin = `http://127.0.0.1:${port}`;
        return { port, env: { ...mails.env, CUBBY_PUBLIC_URL: origin, CUBBY_ORG_AUTO_ACCEPT: 'off' } };
    });

    // Somebody with a verified address, at the page.
    async function member() {
        const page = await desk.someone();
        const token = await mails.token(page.email, /confirm/i);
        assert.equal((await request(desk.stack, 'POST', '/api/email/verify', { body: { token } })).status, 200);
        await page.getByRole('link', { name: 'Organizations' }).click();
        await desk.live(page);
        return page;
    }
    const members = (page) => page.getByRole('list', { name: 'Members' }).getByRole('listitem');
    const tasks = (page) => page.getByRole('list', { name: 'Tasks' }).getByRole('listitem');

    it('who is not signed in is asked to, and comes back', async () => {
        const page = await desk.open({ path: '/organizations' });
        await page.getByRole('link', { name: 'Sign in' }).click();
        await desk.enter(page, 'Sign up', freshEmail());
        await page.getByText('None yet.').waitFor();
        assert.equal(new URL(page.url()).pathname, '/organizations');
        await desk.close(page);
    });

    it('one is made, somebody invited, accepts, works with it, and is removed: all live', async () => {
        const [ada, grace] = [await member(), await member()];
        await ada.getByLabel('Name of a new organization').fill('Analytical <b>Engines</b>');
        await ada.getByRole('button', { name: 'Create' }).click();
        await ada.getByRole('heading', { name: 'Analytical <b>Engines</b>' }).waitFor();
        await ada.getByLabel('Invite an address').fill(grace.email);
        await ada.getByRole('button', { name: 'Invite', exact: true }).click();
        await members(ada).filter({ hasText: grace.email }).getByText('invited').waitFor();
        const { text } = await mails.find(grace.email, /Analytical/);
        assert.match(text, /\/organizations\b/);
        await grace.getByRole('button', { name: /^Accept/ }).click();
        await grace.getByRole('heading', { name: 'Analytical <b>Engines</b>' }).waitFor();
        await members(ada).filter({ hasText: grace.email }).getByText('member, here now').waitFor();
        await members(grace).filter({ hasText: ada.email }).getByText('owner, here now').waitFor();
        await grace.getByLabel('New task').fill('Order brass wheels');
        await grace.getByRole('button', { name: 'Add', exact: true }).click();
        await tasks(ada).getByText('Order brass wheels').click();
        await until(() => tasks(grace).getByRole('checkbox').isChecked(), 'the task to be done');
        await ada.getByRole('button', { name: `Remove ${grace.email}` }).click();
        await grace.getByText('None yet.').waitFor();
        await grace.locator('#organization').waitFor({ state: 'hidden' });
        await members(ada).filter({ hasText: grace.email }).waitFor({ state: 'detached' });
        ada.on('dialog', (dialog) => dialog.accept());
        await ada.getByRole('button', { name: 'Delete the organization' }).click();
        await ada.getByText('None yet.').waitFor();
        for (const page of [ada, grace]) await desk.close(page);
    });

    it('a form makes one too, and comes back to the page', async () => {
        const page = await member();
        await page.evaluate(() => {
            const make = (name, attributes) => Object.assign(document.createElement(name), attributes);
            const form = make('form', { method: 'post', action: '/api/organizations' });
            form.append(make('input', { name: 'name', value: 'By form' }));
            document.body.append(form);
            form.submit();
        });
        await page.getByRole('link', { name: 'By form' }).click();
        await page.getByRole('heading', { name: 'By form' }).waitFor();
        assert.equal(new URL(page.url()).pathname, '/organizations');
        await desk.close(page);
    });
});
