// The second factor, in the account's dialog: an authenticator app, and codes for when it is lost.

import { client, explain } from './client.js';
import { button, element, onSubmit, toast, username } from './dom.js';

export function totpPanel() {
    const body = element('div', { class: 'part' });
    const state = element('span', { class: 'aside' });
    const node = element('section', { 'aria-labelledby': 'totp-heading' },
        element('h3', { id: 'totp-heading', tabindex: '-1' }, 'Authenticator app ', state), body);

    const hint = (text) => element('p', { class: 'hint' }, text);
    const field = (name, label, attributes) => [element('label', { for: `totp-${name}` }, label),
        element('input', { id: `totp-${name}`, name, required: true, ...attributes })];
    const own = username();
    const password = () => [own, ...field('password', 'Your password',
        { type: 'password', autocomplete: 'current-password', required: false })];
    const code = (label) => field('code', label,
        { class: 'digits', inputmode: 'numeric', autocomplete: 'one-time-code' });

    function form(submit, work, ...fields) {
        const made = element('form', {}, ...fields, element('p', { class: 'problem', role: 'alert' }),
            element('div', { class: 'row' }, element('button', { type: 'submit' }, submit)));
        onSubmit(made, work);
        return made;
    }

    function show(...content) {
        body.replaceChildren(...content);
        body.querySelector('input:not([hidden])')?.focus();
    }

    function showOff() {
        state.textContent = 'off';
        body.replaceChildren(
            hint('With it, a password alone opens nothing: an app on your phone gives a new code every 30 seconds.'),
            button('Set up an authenticator app', '', { onclick: begin }));
    }

    function begin() {
        show(form('Go on', async (fields) => {
            const { secret, uri } = await client.request('POST', '/totp', { password: fields.get('password') });
            showSecret(secret, uri);
        }, ...password()));
    }

    function showSecret(secret, uri) {
        const spaced = secret.match(/.{1,4}/g).join(' ');
        show(hint('Enter this secret in the app, or open the link on the device that has it. Then type the code.'),
            element('p', { class: 'secret' }, element('code', { id: 'totp-secret' }, spaced)),
            element('p', { class: 'secret' }, element('a', { href: uri }, uri)),
            form('Turn it on', async (fields) => {
                const { recoveryCodes } = await client.request('POST', '/totp/confirm', { code: fields.get('code') });
                showCodes(recoveryCodes);
            }, ...code('Code of the app')));
    }

    function showCodes(codes) {
        state.textContent = 'on';
        const list = element('ol', { class: 'codes', 'aria-label': 'Recovery codes', tabindex: '0' },
            ...codes.map((text) => element('li', {}, element('code', {}, text))));
        show(hint('These recovery codes let you in without the app, each once. They are not shown again: keep them.'),
            list, element('div', { class: 'row' },
                button('Copy the codes', 'second', { onclick: () => copy(codes, list) }),
                button('I have kept them', '', { onclick: load })));
        list.focus();
    }

    async function copy(codes, list) {
        try {
            await navigator.clipboard.writeText(codes.join('\n'));
            toast('Copied.');
        } catch {
            getSelection().selectAllChildren(list);
        }
    }

    function showOn(left) {
        state.textContent = 'on';
        const ask = (submit, work) => () => show(form(submit, (fields) => work(Object.fromEntries(fields)),
            ...password(), ...code('Code of the app, or a recovery code')));
        const renew = async (proof) => {
            const { recoveryCodes } = await client.request('POST', '/totp/recovery-codes', proof);
            showCodes(recoveryCodes);
        };
        const turnOff = async (proof) => {
            await client.request('DELETE', '/totp', proof);
            await load();
        };
        body.replaceChildren(hint(`${left} recovery codes left.`), element('div', { class: 'row' },
            button('New recovery codes', 'second', { onclick: ask('Make new codes', renew) }),
            button('Turn it off', 'second danger', { onclick: ask('Turn it off', turnOff) })));
    }

    async function load() {
        try {
            const { enabled, recoveryCodesLeft } = await client.request('GET', '/totp');
            if (enabled) showOn(recoveryCodesLeft);
            else showOff();
        } catch (error) {
            body.replaceChildren(element('p', { class: 'problem' }, explain(error)));
        }
    }
    return { node, load };
}
