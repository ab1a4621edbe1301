// Each call of this page as it happens, as a line of curl.

import { client } from './client.js';
import { curlLine, redact } from './curl.js';
import { $, button, element, toast } from './dom.js';
import { panel } from './panel.js';

const KEPT = 50;
const ANSWER_LENGTH = 2000;
const SIGNS_IN = /^\/(login|signup)/;

export function callsView() {
    panel('calls');
    const list = $('#call-list');
    const base = new URL('api', document.baseURI);

    async function copy(text) {
        try {
            await navigator.clipboard.writeText(text);
            toast('Copied.');
        } catch {
            toast('This browser does not let pages copy: select the line.');
        }
    }

    function item({ method, path, body, status, ms, answer }) {
        const url = path.startsWith('/') ? `${base}${path}` : path;
        const line = curlLine({ method, url, body: body ?? undefined, signsIn: SIGNS_IN.test(path) });
        const text = JSON.stringify(redact(answer)) ?? '';
        return element('li', { class: status >= 200 && status < 400 ? 'call' : 'call failed' },
            element('pre', {}, element('code', {}, line)),
            button('Copy', 'quiet', { 'aria-label': `Copy ${method} ${path}`, onclick: () => copy(line) }),
            element('p', { class: 'answer' },
                element('b', {}, status ? String(status) : 'no answer'), ` ${Math.round(ms)} ms `,
                element('code', {}, text.slice(0, ANSWER_LENGTH))));
    }

    client.onRequest((call) => {
        list.prepend(item(call));
        while (list.children.length > KEPT) list.lastChild.remove();
        $('#call-empty').hidden = true;
    });
    $('#calls-clear').addEventListener('click', () => {
        list.replaceChildren();
        $('#call-empty').hidden = false;
    });
}
