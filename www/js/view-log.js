// The log of live events, newest first.

import { $, element } from './dom.js';

const SHOWN = 100;

export function logView() {
    const list = $('#event-list');

    function clock(ms) {
        return new Date(ms).toLocaleTimeString(undefined, { hour12: false });
    }

    return {
        load: async () => null,
        event({ event, data, timestamp }) {
            list.prepend(element('li', {},
                element('time', { datetime: new Date(timestamp).toISOString() }, clock(timestamp)),
                element('b', {}, event),
                element('code', {}, JSON.stringify(data))));
            while (list.children.length > SHOWN) list.lastChild.remove();
            $('#event-empty').hidden = true;
        },
        clear() {
            list.replaceChildren();
            $('#event-empty').hidden = false;
        },
    };
}
