// Passkeys in a real browser, with the authenticator that Chromium has for tests.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { PASSWORD, User, assertFailure } from '../lib/http.mjs';
import { Stack, freePort } from '../lib/stack.mjs';

// Runs in the page, as a page of ours would do it; browsers that have parse…OptionsFromJSON and
// toJSON need none of the conversions.
async function ceremony({ path, kind, body }) {
    const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const text = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer)))
        .replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
    const ask = async (where, what) => (await fetch(where, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what),
    })).json();
    const { options } = await ask(`${path}/options`, body);
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const one of options.excludeCredentials ?? []) one.id = bytes(one.id);
    let made;
    try {
        made = await navigator.credentials[kind]({ publicKey: options });
    } catch (error) {
        return { error: error.name };
    }
    const { response } = made;
    const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
    const sent = names.filter((name) => response[name]);
    const parts = Object.fromEntries(sent.map((name) => [name, text(response[name])]));
    const credential = { id: made.id, rawId: text(made.rawId), type: made.type,
        response: { ...parts, transports: response.getTransports?.() } };
    return { credential, answer: await ask(path, { credential }) };
}

describe('passkeys, in a browser', { timeout: 120000 }, () => {
    let browser, stack;
    before(async () => {
        const port = await freePort();
        stack = await new Stack({ port, env: { CUBBY_PUBLIC_URL: `http://localhost:${port}` } }).start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    // A browser of one's own, with an authenticator in it.
    async function open({ verifies = true, host = 'localhost' } = {}) {
        const context = await browser.newContext();
        const page = await context.newPage();
        const cdp = await context.newCDPSession(page);
        await cdp.send('WebAuthn.enable');
        const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
            protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
            isUserVerified: verifies, automaticPresenceSimulation: true,
        } });
        await page.goto(`http://${host}:${stack.port}/`);
        return { context, page, cdp, authenticatorId };
    }

    async function openAs(user, options) {
        const at = await open(options);
        await at.context.addCookies(['token', 'refreshToken'].map((name) =>
            ({ name, value: user.jar[name], url: `http://${options?.host ?? 'localhost'}:${stack.port}` })));
        return at;
    }

    const add = ({ page }, body = { password: PASSWORD }) =>
        page.evaluate(ceremony, { path: '/api/passkeys', kind: 'create', body });
    const signIn = ({ page }) =>
        page.evaluate(ceremony, { path: '/api/login/passkey', kind: 'get', body: {} });
    const me = ({ page }) => page.evaluate(async () => (await fetch('/api/me')).json());

    it('one is made, and signs in without a name or password', async () => {
        const user = await User.signUp(stack);
        const at = await openAs(user);
        const made = await add(at);
        assert.equal(made.answer.ok, true, JSON.stringify(made));
        assert.equal(made.answer.passkey.id, made.credential.id);
        await at.page.evaluate(() => fetch('/api/logout', { method: 'POST', body: '' }));
        assert.equal((await me(at)).code, 'unauthorized');

        for (let i = 0; i < 2; i++) {
            const { answer } = await signIn(at);
            assert.equal(answer.user?.id, user.id, JSON.stringify(answer));
            assert.equal((await me(at)).user.email, user.email, 'the cookies are set');
            user.token = answer.token;
        }
        const { data: [listed] } = await user.ok('GET', '/api/passkeys');
        assert.ok(listed.lastUsedAt);
        assert.equal((await add(at)).error, 'InvalidStateError', 'one authenticator makes no second');

        await user.ok('DELETE', `/api/passkeys/${listed.id}`);
        assert.equal((await signIn(at)).answer.code, 'invalid_credentials');
    });

    it('a copy of a passkey shows by its counter', async () => {
        const user = await User.signUp(stack);
        const at = await openAs(user);
        await add(at);
        const { credentials: [copy] } =
            await at.cdp.send('WebAuthn.getCredentials', { authenticatorId: at.authenticatorId });
        assert.equal((await signIn(at)).answer.ok, true);
        const other = await open();
        await other.cdp.send('WebAuthn.addCredential', { authenticatorId: other.authenticatorId, credential: copy });
        assert.equal((await signIn(other)).answer.code, 'invalid_credentials');
    });

    it('who is not verified makes none', async () => {
        const user = await User.signUp(stack);
        const at = await openAs(user, { verifies: false });
        assert.equal((await add(at)).error, 'NotAllowedError');
        assert.deepEqual((await user.ok('GET', '/api/passkeys')).data, []);
    });

    it('the browser itself makes none for an address that is not ours', async () => {
        const user = await User.signUp(stack);
        const at = await openAs(user, { host: '127.0.0.1' });
        const answer = await user.bearer('POST', '/api/passkeys/options', { body: { password: PASSWORD } });
        assert.equal(answer.json.options.rp.id, 'localhost');
        const error = await at.page.evaluate(async () => {
            const publicKey = { rp: { id: 'localhost', name: 'x' }, challenge: new Uint8Array(16),
                user: { id: new Uint8Array(8), name: 'x', displayName: 'x' },
                pubKeyCredParams: [{ type: 'public-key', alg: -7 }] };
            return navigator.credentials?.create({ publicKey }).then(() => 'made', ({ name }) => name);
        });
        assert.equal(error, 'SecurityError');
        const foreign = await user.request('POST', '/api/passkeys/options',
            { body: { password: PASSWORD }, headers: { origin: stack.origin } });
        assertFailure(foreign, 403, 'cross_site');
    });
});
