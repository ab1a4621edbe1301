// Until the server has said who is signed in, the page says what it waits for.

import { SLOW, client, explain } from './client.js';
import { SLOW_MS, toast } from './dom.js';

const RETRY_MS = 3000;

// show(the user, or null)
export async function whenKnown(show) {
    const slow = setTimeout(toast, SLOW_MS, SLOW);
    try {
        show(await client.me());
    } catch (error) {
        toast(explain(error));
        setTimeout(whenKnown, RETRY_MS, show);
    } finally {
        clearTimeout(slow);
    }
}
