// How the page is connected, in words; and the switch that takes it offline.

import { client } from './client.js';
import { $ } from './dom.js';
import { view } from './view.js';

const TRANSPORTS = { websocket: 'WebSocket', sse: 'Server-Sent Events', poll: 'long poll' };

export function connectionView() {
    const line = $('#connection');
    const words = $('#connection-words');
    const detail = $('#connection-detail');
    const online = $('#online');
    let timer = 0;
    let state = null;
    let since = 0;

    function look() {
        if (!client.online) return ['off', 'Offline', 'by your switch'];
        if (state.connected) {
            const latency = state.latency === null ? [] : [`${Math.max(1, Math.round(state.latency))} ms`];
            return ['live', 'Live', [TRANSPORTS[state.transport], ...latency].join(' · ')];
        }
        if (state.connecting || state.retryIn === null) return ['connecting', 'Connecting…', ''];
        const left = Math.ceil((state.retryIn - (performance.now() - since)) / 1000);
        return ['waiting', 'No connection', left > 0 ? `trying again in ${left} s` : 'trying again'];
    }

    // Words are said by screen readers when they change; the details, which change often, are not.
    function draw() {
        const [name, text, more] = look();
        line.dataset.state = name;
        if (words.textContent !== text) words.textContent = text;
        detail.textContent = more;
        online.ariaChecked = String(client.online);
        clearTimeout(timer);
        if (name === 'waiting') timer = setTimeout(draw, 1000);
    }

    online.addEventListener('click', () => {
        client.online = !client.online;
        online.ariaChecked = String(client.online);
        if (state) draw();
        online.dispatchEvent(new CustomEvent('cubby:switched', { bubbles: true }));
    });

    return view(() => {
        client.connectRealtime();
        line.hidden = false;
        return [client.realtime.subscribe((now) => {
            if (now !== state) since = performance.now();
            state = now;
            draw();
        }), () => {
            clearTimeout(timer);
            line.hidden = true;
        }];
    });
}
