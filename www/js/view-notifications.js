// The bell: how much is unread, the newest ten notifications, and the demonstration's broadcast.

import { client, explain } from './client.js';
import { $, button, element, onPress, onSubmit, prose, sayFailure, time, toast } from './dom.js';
import { followRows } from './list.js';
import { view } from './view.js';

const SHOWN = 10;
const COUNTED = 100;

export function notificationsView() {
    const form = $('#broadcast-form');
    const bell = $('#bell');
    const notifications = client.collection('notifications');
    const follow = followRows($('#notification-list'), item);
    let rows = null;
    let unread = null;
    let countedBefore = null;

    function draw() {
        follow(rows.value.slice(0, SHOWN), !rows.loading);
        $('#notification-empty').hidden = rows.loading || Boolean(rows.error) || rows.value.length > 0;
        $('#notification-problem').textContent = rows.error ? explain(rows.error) : '';
        $('#clear-notifications').hidden = rows.value.length === 0;
    }

    function count() {
        if (unread.loading) return;
        const { length } = unread.value;
        const words = length === 0 ? '' : length >= COUNTED ? `over ${COUNTED - 1} unread` : `${length} unread`;
        $('#unread').hidden = length === 0;
        $('#unread').textContent = length >= COUNTED ? `${COUNTED - 1}+` : length;
        $('#unread-words').textContent = words;
        $('#read-all').hidden = length === 0;
        bell.ariaLabel = words ? `Notifications, ${words}` : 'Notifications';
        if (countedBefore !== null && length > countedBefore) ring();
        countedBefore = length;
    }

    function ring() {
        $('#said').textContent = unread.value[0]?.message ?? '';
        bell.classList.remove('rings');
        requestAnimationFrame(() => bell.classList.add('rings'));
    }

    function item(n) {
        return element('li', { class: `item note ${n.type}${n.read ? ' read' : ''}`, 'data-id': n.id },
            prose('p', n.message, 'text'),
            element('p', { class: 'meta' }, time(n.createdAt),
                element('span', { class: 'actions' },
                    n.read ? element('span', {}, 'Read') : button('Mark as read', 'quiet', {
                        name: 'read', 'aria-label': `Mark as read: ${n.message}`,
                        onclick: () => read(n).catch(sayFailure),
                    }))));
    }

    const read = (n) => notifications.update(n.id, { read: true });

    onPress($('#read-all'), () => {
        $('#notifications-heading').focus();
        for (const n of unread.value) read(n).catch(sayFailure);
    });
    onPress($('#clear-notifications'), async () => {
        $('#notifications-heading').focus();
        let more = true;
        while (more) ({ more } = await client.request('DELETE', '/notifications'));
    });
    onSubmit(form, async (fields) => {
        await client.request('POST', '/demo/broadcast', { message: fields.get('message') });
        form.reset();
    });

    return view(() => {
        rows = notifications.live(SHOWN);
        unread = notifications.query().where('read', '==', false).limit(COUNTED).live();
        countedBefore = null;
        const onBroadcast = (data) => toast(String(data?.message ?? 'Broadcast'));
        client.on('demo:broadcast', onBroadcast);
        return [rows.subscribe(draw), unread.subscribe(count), () => {
            client.off('demo:broadcast', onBroadcast);
            follow([], false);
            form.reset();
            $('#unread').hidden = true;
        }];
    });
}
