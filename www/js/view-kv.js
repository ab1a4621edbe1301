// Keys and values. A value is JSON; text that is no JSON is kept as a string. What the server has not
// answered yet shows too.

import { client, explain } from './client.js';
import { $, button, element, onSubmit, prose, sayFailure } from './dom.js';
import { oncePerFrame, view } from './view.js';

const PAGES = 10;
const SHOWN = 100;
const RETRY_MS = 5000;

export function kvView() {
    const form = $('#kv-form');
    let values = new Map(); // as the server has them
    let waiting = [];       // the queue's writes
    let loading = null;     // the load that is under way: the events that came meanwhile
    let again = 0;          // the timer of the next one, after one that failed

    const keyOf = ({ method, query, body }) =>
        (method === 'DELETE' ? new URLSearchParams(query).get('key') : body?.key);

    function draw() {
        const shown = new Map([...values].map(([key, value]) => [key, { value }]));
        for (const write of waiting) {
            const key = keyOf(write);
            if (typeof key !== 'string') continue;
            if (write.method === 'DELETE') shown.delete(key);
            else shown.set(key, { value: write.body.value, pending: true });
        }
        const focused = document.activeElement?.closest('#kv-list') && document.activeElement.ariaLabel;
        const sorted = [...shown].sort(([a], [b]) => (a < b ? -1 : 1));
        $('#kv-list').replaceChildren(...sorted.slice(0, SHOWN).flatMap(pair));
        $('#kv-more').textContent = shown.size > SHOWN ? `and ${shown.size - SHOWN} more` : '';
        if (focused) ($(`#kv-list [aria-label="${CSS.escape(focused)}"]`) ?? form.elements.key).focus();
        $('#kv-empty').hidden = loading !== null || shown.size > 0;
    }

    const soon = oncePerFrame(draw);

    function pair([key, { value, pending }]) {
        return [
            element('dt', { 'data-key': key, class: pending ? 'pending' : null }, key),
            element('dd', { class: pending ? 'pending' : null },
                prose('code', JSON.stringify(value)),
                element('span', { class: 'actions' },
                    button('Edit', 'quiet', { 'aria-label': `Edit ${key}`, onclick: () => edit(key, value) }),
                    button('Delete', 'quiet danger', { 'aria-label': `Delete ${key}`, onclick: () => remove(key) }))),
        ];
    }

    function edit(key, value) {
        form.elements.key.value = key;
        form.elements.value.value = JSON.stringify(value);
        form.elements.value.focus();
    }

    function remove(key) {
        client.delete(key).catch(sayFailure);
    }

    function asJson(text) {
        try {
            return JSON.parse(text);
        } catch {
            return text;
        }
    }

    // The value is in the list before the server has answered; what it refuses comes back into the form.
    onSubmit(form, (fields) => {
        const [key, text] = [fields.get('key'), fields.get('value')];
        client.set(key, asJson(text)).catch((error) => {
            $('.problem', form).textContent = explain(error);
            if (form.elements.key.value || form.elements.value.value) return;
            form.elements.key.value = key;
            form.elements.value.value = text;
        });
        form.reset();
        form.elements.key.focus();
    });

    // Events that come meanwhile are taken afterwards: taken twice they change nothing.
    async function load() {
        const mine = loading = [];
        clearTimeout(again);
        try {
            const loaded = new Map();
            let after = '';
            for (let page = 0; page < PAGES && after !== null; page++) {
                const query = new URLSearchParams({ prefix: '', ...(after && { after }) });
                const answer = await client.request('GET', `/data?${query}`);
                for (const [key, value] of Object.entries(answer.data)) loaded.set(key, value);
                after = answer.next ?? null;
            }
            if (mine !== loading) return;
            values = loaded;
            mine.forEach(take);
            $('#kv-problem').textContent = '';
        } catch (error) {
            if (mine !== loading) return;
            $('#kv-problem').textContent = explain(error);
            again = setTimeout(load, RETRY_MS);
        }
        if (mine !== loading) return;
        loading = null;
        draw();
    }

    function take([event, data]) {
        if (event === 'kv:set') values.set(data.key, data.value);
        else values.delete(data.key);
    }

    return view(() => {
        const run = (data, { event }) => {
            if (loading) return loading.push([event, data]);
            take([event, data]);
            soon();
        };
        client.on('kv:*', run);
        client.on('realtime:connected', load);
        client.on('realtime:resync', load);
        load();
        return [client.pending.subscribe((writes) => {
            waiting = writes.filter(({ path }) => path === '/data');
            draw();
        }), () => {
            client.off('kv:*', run);
            client.off('realtime:connected', load);
            client.off('realtime:resync', load);
            clearTimeout(again);
            loading = null;
            values = new Map();
            waiting = [];
            draw();
            form.reset();
        }];
    });
}
