// A new password, in the account's dialog.

import { client } from './client.js';
import { element, onSubmit, toast, username } from './dom.js';

export function passwordPanel() {
    const node = element('section', { 'aria-labelledby': 'password-heading' },
        element('h3', { id: 'password-heading' }, 'Password'),
        element('p', { class: 'hint' }, 'Who is signed in elsewhere will be signed out.'));
    const form = element('form', { class: 'pair' }, username(),
        element('div', {}, element('label', { for: 'old-password' }, 'Password now'),
            element('input', { id: 'old-password', name: 'old', type: 'password', autocomplete: 'current-password' })),
        element('div', {}, element('label', { for: 'new-password' }, 'New password'),
            element('input', { id: 'new-password', name: 'new', type: 'password', required: true, minlength: 8,
                autocomplete: 'new-password' })),
        element('p', { class: 'problem', role: 'alert' }),
        element('button', { type: 'submit', class: 'second' }, 'Change the password'));
    onSubmit(form, async (fields) => {
        await client.request('POST', '/password', { oldPassword: fields.get('old'), newPassword: fields.get('new') });
        form.reset();
        toast('The password is changed.');
    });
    node.append(form);
    return { node, load: () => form.reset() };
}
