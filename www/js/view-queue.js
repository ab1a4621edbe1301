// What was written and has not been answered yet.

import { client } from './client.js';
import { $, clock, element, onPress, toast } from './dom.js';
import { followRows } from './list.js';
import { panel } from './panel.js';
import { view } from './view.js';

const WORDS_LENGTH = 80;

// A write as a person would say it.
function describe({ method, path, query, body, base }) {
    const [, name, id] = path.split('/');
    if (name === 'data') {
        const key = method === 'DELETE' ? new URLSearchParams(query).get('key') : body?.key;
        return method === 'DELETE' ? `Delete the key ${key}` : `Set the key ${key}`;
    }
    const row = body ?? base;
    const what = row?.title ?? row?.text ?? row?.message;
    const words = typeof what === 'string' ? `: ${what.slice(0, WORDS_LENGTH)}` : '';
    if (method === 'DELETE') return `Delete from ${name}${words}`;
    return id ? `Change in ${name}${words}` : `New in ${name}${words}`;
}

export function queueView() {
    const { open } = panel('queue');
    const button = $('#queue-button');

    const follow = followRows($('#queue-list'), ({ write }) => element('li', { 'data-key': write.key },
        element('span', {}, describe(write)),
        element('span', { class: 'meta' }, write.conflict ? 'yours to decide' : clock(write.at))));

    function draw(writes) {
        follow(writes.map((write) => ({ id: write.key, write })));
        button.textContent = `${writes.length} waiting`;
        button.classList.toggle('busy', writes.length > 0);
        $('#queue-flush').hidden = writes.length === 0;
        $('#queue-words').textContent = writes.length === 0 ? 'Everything is safe on the server.'
            : client.online ? 'These changes are on their way, in this order.'
                : 'You are offline. These changes are kept in this browser and sent, in this order, when you are back.';
    }

    onPress($('#queue-flush'), () => client.flush());
    // Offline by one's own hand: that is where to look.
    document.addEventListener('cubby:switched', () => {
        draw(client.pending.value);
        open(!client.online);
    });

    return view(() => {
        const failed = ({ write, error }) => toast(`Not done: ${describe(write)}. ${error.message}`);
        client.on('write:failed', failed);
        return [client.pending.subscribe(draw), () => client.off('write:failed', failed), () => open(false)];
    });
}
