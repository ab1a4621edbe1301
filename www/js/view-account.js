// Sign in, sign up, sign out.

import { call, explain } from './api.js';
import { $, onSubmit } from './dom.js';

export function accountView({ onSignedIn, onSignedOut }) {
    const form = $('#account-form');
    const words = { login: 'Sign in', signup: 'Sign up' };

    form.addEventListener('change', () => {
        const mode = form.elements.mode.value;
        $('#account-submit').textContent = words[mode];
        $('#password-hint').hidden = mode === 'login';
        form.elements.password.autocomplete = mode === 'login' ? 'current-password' : 'new-password';
    });
    onSubmit(form, explain, async (fields) => {
        const answer = await call('POST', `/api/${fields.get('mode')}`, {
            email: fields.get('email'),
            password: fields.get('password'),
        });
        form.reset();
        form.dispatchEvent(new Event('change'));
        onSignedIn(answer.user);
    });
    $('#sign-out').addEventListener('click', async () => {
        await call('POST', '/api/logout').catch(() => {});
        onSignedOut();
    });

    return {
        show(user) {
            $('#welcome').hidden = Boolean(user);
            $('#desk').hidden = !user;
            $('#who').hidden = !user;
            $('#email').textContent = user ? user.email : '';
            if (!user) form.elements.email.focus();
        },
    };
}
