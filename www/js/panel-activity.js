// What happened to the account, in the account's dialog.

import { client, explain } from './client.js';
import { button, element, onPress, time } from './dom.js';
import { deviceName } from './panel-sessions.js';

const PAGE = 20;

// "login_failed" → "Login failed"
const words = (kind) => `${kind[0].toUpperCase()}${kind.slice(1).replaceAll('_', ' ')}`;

export function activityPanel() {
    const list = element('ol', { class: 'items', 'aria-labelledby': 'activity-heading' });
    const state = element('p', { class: 'problem' });
    const more = onPress(button('Show older', 'second'), () => page());
    const node = element('section', { 'aria-labelledby': 'activity-heading' },
        element('h3', { id: 'activity-heading' }, 'Activity'), state, list, more);
    let next = null;

    const item = (line) => element('li', { class: 'item' },
        element('b', {}, words(line.kind), line.detail ? element('span', { class: 'aside' }, ` ${line.detail}`) : null),
        element('p', { class: 'meta' }, time(line.at), ` · ${line.ip} · ${deviceName(line.userAgent)}`));

    async function page() {
        const query = new URLSearchParams({ limit: PAGE, ...(next && { cursor: next }) });
        const answer = await client.request('GET', `/account/activity?${query}`);
        list.append(...answer.data.map(item));
        next = answer.next ?? null;
        more.hidden = next === null;
    }

    async function load() {
        list.replaceChildren();
        next = null;
        state.textContent = '';
        await page().catch((error) => {
            state.textContent = explain(error);
            more.hidden = true;
        });
    }
    return { node, load };
}
