// The page that a mail to set a new password leads to; without its token, the one that asks for it.

import { client } from './client.js';
import { $, onSubmit } from './dom.js';
import { done, takeToken } from './mail-link.js';

const token = takeToken();
$(token ? '#confirm-form' : '#request-form').hidden = false;

onSubmit($('#request-form'), async (fields) => {
    const answer = await client.request('POST', '/password-reset/request', { email: fields.get('email') });
    done($('#request-form'), `${answer.message}.`);
});

onSubmit($('#confirm-form'), async (fields) => {
    await client.request('POST', '/password-reset/confirm', { resetToken: token, newPassword: fields.get('password') });
    done($('#confirm-form'), 'The new password is set. You can sign in with it now.');
});
