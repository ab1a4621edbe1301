// The page that a mail to confirm an address leads to. It waits for a click: programs that look at
// the links of a mail confirm nothing.

import { call, explain } from './api.js';
import { $, onSubmit } from './dom.js';
import { done, takeToken } from './mail-link.js';

const token = takeToken();

onSubmit($('#verify-form'), explain, async () => {
    const answer = await call('POST', '/api/email/verify', { token });
    done($('#verify-form'), `${answer.email} is confirmed.`);
});
