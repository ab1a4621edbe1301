// The page that a mail to set a new password leads to; without its token, the one that asks for it.

import { call, explain } from './api.js';
import { $, onSubmit } from './dom.js';
import { done, takeToken } from './mail-link.js';

const token = takeToken();
$(token ? '#confirm-form' : '#request-form').hidden = false;

onSubmit($('#request-form'), explain, async (fields) => {
    const answer = await call('POST', '/api/password-reset/request', { email: fields.get('email') });
    done($('#request-form'), `${answer.message}.`);
});

onSubmit($('#confirm-form'), explain, async (fields) => {
    await call('POST', '/api/password-reset/confirm', { resetToken: token, newPassword: fields.get('password') });
    done($('#confirm-form'), 'The new password is set. You can sign in with it now.');
});
