// Notifications with their read state, and the demonstration's broadcast.

import { call, explain } from './api.js';
import { $, element, onSubmit, time, toast } from './dom.js';
import { Rows } from './rows.js';

export function notificationsView() {
    const form = $('#broadcast-form');

    const rows = new Rows('notifications', (notifications) => {
        const unread = notifications.filter((n) => !n.read).length;
        $('#notification-list').replaceChildren(...notifications.map(item));
        $('#notification-empty').hidden = notifications.length > 0;
        $('#clear-notifications').hidden = notifications.length === 0;
        $('#read-all').hidden = unread === 0;
        $('#unread').hidden = unread === 0;
        $('#unread').textContent = `${unread} unread`;
    });

    function item(n) {
        return element('li', { class: `item note ${n.type}${n.read ? ' read' : ''}`, 'data-id': n.id },
            element('p', { class: 'text' }, n.message),
            element('p', { class: 'meta' }, time(n.createdAt),
                element('span', { class: 'actions' },
                    n.read ? element('span', {}, 'Read') : element('button', {
                        type: 'button', class: 'quiet', 'aria-label': `Mark as read: ${n.message}`,
                        onclick: () => read(n).catch((e) => toast(explain(e))),
                    }, 'Mark as read'))));
    }

    async function read(n) {
        const answer = await call('PUT', `/api/notifications/${n.id}/read`);
        if (answer.data) rows.put(answer.data);
    }

    async function clear() {
        let more = true;
        while (more) ({ more } = await call('DELETE', '/api/notifications'));
        rows.clear();
    }

    $('#read-all').addEventListener('click', async () => {
        try {
            for (const n of rows.all()) if (!n.read) await read(n);
        } catch (error) {
            toast(explain(error));
        }
    });
    $('#clear-notifications').addEventListener('click', () => clear().catch((e) => toast(explain(e))));
    onSubmit(form, explain, async (fields) => {
        await call('POST', '/api/demo/broadcast', { message: fields.get('message') });
        form.reset();
    });

    return {
        load: () => rows.load(),
        event(event) {
            rows.event(event);
            if (event.event === 'demo:broadcast') toast(event.data.message ?? 'Broadcast');
        },
        clear() {
            rows.clear();
            form.reset();
        },
    };
}
