// Passkeys, in the account's dialog: which there are, one more, one less.

import { client, explain } from './client.js';
import { button, element, onPress, onSubmit, time, username } from './dom.js';
import { makePasskey } from './passkey.js';

const NONE = 'Sign in with a fingerprint, a face or a key in place of a password.';
const OFF = 'Passkeys are off here: they need a site with a host name (the setting public_url).';

export function passkeysPanel() {
    const list = element('ul', { class: 'items', 'aria-labelledby': 'passkeys-heading' });
    const state = element('p', { class: 'hint' });
    const form = element('form', { class: 'pair' }, username(),
        element('div', {}, element('label', { for: 'passkey-name' }, 'Name'),
            element('input', { id: 'passkey-name', name: 'name', maxlength: 60, placeholder: 'as “Phone”',
                autocomplete: 'off' })),
        element('div', {}, element('label', { for: 'passkey-password' }, 'Your password'),
            element('input', { id: 'passkey-password', name: 'password', type: 'password',
                autocomplete: 'current-password' })),
        element('p', { class: 'problem', role: 'alert' }),
        element('button', { type: 'submit', class: 'second' }, 'Add a passkey'));
    const node = element('section', { 'aria-labelledby': 'passkeys-heading' },
        element('h3', { id: 'passkeys-heading', tabindex: '-1' }, 'Passkeys'), state, list, form);

    function item(passkey) {
        const { name } = passkey;
        return element('li', { class: 'item' }, element('b', {}, name),
            element('p', { class: 'meta' }, 'made ', time(passkey.createdAt),
                ...(passkey.lastUsedAt ? [', used ', time(passkey.lastUsedAt)] : []),
                element('span', { class: 'actions' }, onPress(
                    button('Remove', 'quiet danger', { 'aria-label': `Remove ${name}` }), () => remove(passkey)))));
    }

    async function remove({ id }) {
        await client.request('DELETE', `/passkeys/${encodeURIComponent(id)}`);
        await load();
        form.elements.name.focus();
    }

    async function load() {
        try {
            const { data } = await client.request('GET', '/passkeys');
            list.replaceChildren(...data.map(item));
            state.textContent = data.length ? '' : NONE;
            form.hidden = false;
        } catch (error) {
            state.textContent = error.status === 404 ? OFF : explain(error);
            form.hidden = true;
        }
    }

    onSubmit(form, async (fields) => {
        const password = fields.get('password');
        const name = fields.get('name').trim();
        const { options } = await client.request('POST', '/passkeys/options', password ? { password } : {});
        const credential = await makePasskey(options);
        await client.request('POST', '/passkeys', { credential, ...(name && { name }) });
        form.reset();
        await load();
    });
    return { node, load };
}
