// Keys and values. A value is JSON; text that is no JSON is kept as a string.

import { call, explain } from './api.js';
import { $, element, onSubmit, toast } from './dom.js';

const PAGES = 10;

export function kvView() {
    const form = $('#kv-form');
    let values = new Map();

    function draw() {
        const keys = [...values.keys()].sort();
        $('#kv-list').replaceChildren(...keys.flatMap(pair));
        $('#kv-empty').hidden = keys.length > 0;
    }

    function pair(key) {
        return [
            element('dt', { 'data-key': key }, key),
            element('dd', {},
                element('code', {}, JSON.stringify(values.get(key))),
                element('span', { class: 'actions' },
                    element('button', { type: 'button', class: 'quiet', 'aria-label': `Edit ${key}`,
                        onclick: () => edit(key) }, 'Edit'),
                    element('button', { type: 'button', class: 'quiet danger',
                        'aria-label': `Delete ${key}`, onclick: () => remove(key) }, 'Delete'))),
        ];
    }

    function edit(key) {
        form.elements.key.value = key;
        form.elements.value.value = JSON.stringify(values.get(key));
        form.elements.value.focus();
    }

    async function remove(key) {
        try {
            await call('DELETE', `/data?${new URLSearchParams({ key })}`);
            values.delete(key);
            draw();
        } catch (error) {
            toast(explain(error));
        }
    }

    // The text is sent as it is: a long number keeps its digits.
    function asJson(text) {
        try {
            JSON.parse(text);
            return text;
        } catch {
            return JSON.stringify(text);
        }
    }

    onSubmit(form, explain, async (fields) => {
        const key = fields.get('key');
        const value = asJson(fields.get('value'));
        const answer = await call('POST', '/data', `{"key":${JSON.stringify(key)},"value":${value}}`);
        values.set(key, answer.data.value);
        draw();
        form.reset();
        form.elements.key.focus();
    });

    return {
        async load() {
            const loaded = new Map();
            let after = '';
            let asOf = null;
            for (let page = 0; page < PAGES && after !== null; page++) {
                const query = new URLSearchParams({ prefix: '' });
                if (after) query.set('after', after);
                const answer = await call('GET', `/data?${query}`);
                for (const [key, value] of Object.entries(answer.data)) loaded.set(key, value);
                after = answer.next ?? null;
                asOf ??= answer.asOf;
            }
            values = loaded;
            draw();
            return asOf;
        },
        event({ event, data }) {
            if (event === 'kv:set') values.set(data.key, data.value);
            else if (event === 'kv:delete') values.delete(data.key);
            else return;
            draw();
        },
        clear() {
            values = new Map();
            draw();
            form.reset();
        },
    };
}
