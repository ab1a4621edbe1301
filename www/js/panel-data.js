// What Cubby keeps of the account, in the account's dialog: take it along, or have it deleted.

import { client } from './client.js';
import { element, onSubmit, username } from './dom.js';

export function dataPanel({ onSignedOut }) {
    const remove = element('form', {}, username(),
        element('label', { for: 'delete-password' }, 'Your password'),
        element('input', { id: 'delete-password', name: 'password', type: 'password',
            autocomplete: 'current-password' }),
        element('label', { class: 'check' },
            element('input', { type: 'checkbox', name: 'sure', required: true }), 'Delete everything, for good'),
        element('p', { class: 'problem', role: 'alert' }),
        element('button', { type: 'submit', class: 'second danger' }, 'Delete the account'));
    onSubmit(remove, async (fields) => {
        await client.request('DELETE', '/account', { password: fields.get('password') });
        onSignedOut();
        await client.logout();
    });
    const node = element('div', { class: 'panels' },
        element('section', { 'aria-labelledby': 'export-heading' },
            element('h3', { id: 'export-heading' }, 'Take it along'),
            element('p', { class: 'hint' }, 'Everything of yours as one JSON document.'),
            element('a', { class: 'button second', href: 'api/account/export', download: 'cubby-account.json' },
                'Download')),
        element('section', { 'aria-labelledby': 'delete-heading' },
            element('h3', { id: 'delete-heading' }, 'Delete the account'),
            element('p', { class: 'hint' }, 'Every row, key, note and session is gone at once.'), remove));
    return { node, load: () => remove.reset() };
}
