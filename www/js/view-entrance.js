// Signing in and up: password, passkey, a code by mail, OpenID providers, and the second factor where
// there is one.

import { client } from './client.js';
import { $, button, onPress, onSubmit, toast } from './dom.js';
import { askPasskey } from './passkey.js';

const SUBMIT = { login: 'Sign in', signup: 'Sign up' };
const FACTORS = {
    totp: { label: 'Code of the app', other: 'Use a recovery code',
        hint: 'Enter the six digits that your authenticator app shows now.' },
    recovery: { label: 'Recovery code', other: 'Use the app',
        hint: 'Enter one of the recovery codes that you have kept. It works once.' },
};

export function entrance({ onSignedIn }) {
    const steps = ['account', 'code-request', 'code', 'factor'];
    const forms = Object.fromEntries(steps.map((name) => [name, $(`#${name}-form`)]));
    const { account, factor } = forms;
    const password = account.elements.password;
    let loginToken = '';
    let method = 'totp';
    let email = '';

    function show(name, quietly = false) {
        for (const [each, form] of Object.entries(forms)) form.hidden = each !== name;
        if (!quietly) $('input:not([type=radio])', forms[name]).focus();
    }

    function back() {
        for (const form of Object.values(forms)) {
            form.reset();
            $('.problem', form).textContent = '';
        }
        loginToken = '';
        drawMode();
        show('account');
    }

    function done(session) {
        back();
        onSignedIn(session.user);
    }

    // Any sign-in, which may end in a question for the second factor.
    async function enter(signIn) {
        try {
            done(await signIn());
        } catch (error) {
            if (error.code !== 'second_factor_required') throw error;
            askFactor(error.body.loginToken);
        }
    }

    function askFactor(token) {
        loginToken = token;
        drawFactor('totp');
        show('factor');
    }

    function drawFactor(name) {
        method = name;
        const { label, hint, other } = FACTORS[name];
        $('#factor-label').textContent = label;
        $('#factor-hint').textContent = hint;
        $('#factor-other').textContent = other;
        factor.elements.code.value = '';
        factor.elements.code.inputMode = name === 'totp' ? 'numeric' : 'text';
    }

    function drawMode() {
        const { value } = account.elements.mode;
        $('#account-submit').textContent = SUBMIT[value];
        $('#password-hint').replaceChildren(value === 'login' ? forgotten : 'At least 8 characters.');
        password.autocomplete = value === 'login' ? 'current-password' : 'new-password';
    }
    const forgotten = $('#password-hint a');

    for (const radio of account.elements.mode) radio.addEventListener('change', drawMode);
    onSubmit(account, (fields) => enter(() =>
        client[fields.get('mode')](fields.get('email'), fields.get('password'))));
    onPress($('#passkey-login'), () => enter(async () => {
        const { options } = await client.request('POST', '/login/passkey/options', {}).catch((error) => {
            throw error.status === 404 ? new Error('Passkeys are off here: they need a site with a host name.') : error;
        });
        const session = await client.request('POST', '/login/passkey', { credential: await askPasskey(options) });
        client.useSession(session);
        return session;
    }));

    // The browser goes there and comes back: js/arrival.js. Without an answer there are no such buttons.
    const offer = ({ data }) => $('#providers').replaceChildren(...data.map(({ name, label }) =>
        button(`Sign in with ${label}`, 'second', { onclick: () => location.assign(`api/auth/oauth/${name}`) })));
    fetch('api/auth/providers').then((answer) => answer.json()).then(offer).catch(() => {});

    $('#code-login').addEventListener('click', () => {
        forms['code-request'].elements.email.value = account.elements.email.value;
        show('code-request');
    });
    onSubmit(forms['code-request'], async (fields) => {
        email = fields.get('email');
        const { message } = await client.request('POST', '/login/code/request', { email });
        $('#code-sent').textContent = `${message}.`;
        show('code');
    });
    onSubmit(forms.code, (fields) => enter(async () => {
        const session = await client.request('POST', '/login/code', { email, code: fields.get('code') });
        client.useSession(session);
        return session;
    }));

    $('#factor-other').addEventListener('click', () => {
        drawFactor(method === 'totp' ? 'recovery' : 'totp');
        factor.elements.code.focus();
    });
    onSubmit(factor, async (fields) => {
        try {
            done(await client.secondFactor(loginToken, fields.get('code'), method));
        } catch (error) {
            if (error.code !== 'invalid_token') throw error;
            back();
            toast('That took too long. Sign in again.');
        }
    });
    for (const button of document.querySelectorAll('#entrance .back')) button.addEventListener('click', back);

    return {
        askFactor,
        // On a phone a focus brings the keyboard up, over what there is to read.
        open: () => show(loginToken ? 'factor' : 'account', matchMedia('(pointer: coarse)').matches),
    };
}
