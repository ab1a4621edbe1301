// Passkeys, in the account's dialog: which there are, one more, one less.

import { client, explain } from './client.js';
import { button, element, onPress, onSubmit, time } from './dom.js';
import { makePasskey } from './passkey.js';

const NONE = 'Sign in with a fingerprint, a face or a key in place of a password.';

export function passkeysPanel() {
    const list = element('ul', { class: 'items', 'aria-labelledby': 'passkeys-heading' });
    const state = element('p', { class: 'hint' });
    const form = element('form', { class: 'row' },
        element('label', { for: 'passkey-name', class: 'unseen' }, 'Name of the passkey'),
        element('input', { id: 'passkey-name', name: 'name', maxlength: 60, placeholder: 'Name, as “Phone”',
            autocomplete: 'off' }),
        element('button', { type: 'submit', class: 'second' }, 'Add a passkey'),
        element('p', { class: 'problem', role: 'alert' }));
    const node = element('section', { 'aria-labelledby': 'passkeys-heading' },
        element('h3', { id: 'passkeys-heading' }, 'Passkeys'), state, list, form);

    function item(passkey) {
        const name = passkey.name || 'Passkey';
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
        } catch (error) {
            state.textContent = explain(error);
        }
    }

    onSubmit(form, async (fields) => {
        const { options } = await client.request('POST', '/passkeys/options', {});
        const credential = await makePasskey(options);
        await client.request('POST', '/passkeys', { credential, name: fields.get('name').trim() || 'Passkey' });
        form.reset();
        await load();
    });
    return { node, load };
}
