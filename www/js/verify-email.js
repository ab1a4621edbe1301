// The page that a mail to confirm an address leads to. It waits for a click: programs that look at
// the links of a mail confirm nothing.

import { client } from './client.js';
import { $, onSubmit } from './dom.js';
import { done, takeToken } from './mail-link.js';

const token = takeToken();

onSubmit($('#verify-form'), async () => {
    const answer = await client.request('POST', '/email/verify', { token });
    done($('#verify-form'), `${answer.email} is confirmed.`);
});
