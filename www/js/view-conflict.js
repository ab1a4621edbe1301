// Two wrote the same row: what it was, what is mine, what is theirs, and which shall stand.

import { client } from './client.js';
import { $, button, element, onPress, onSubmit, prose } from './dom.js';
import { view } from './view.js';

const OURS = new Set(['id', 'createdAt', 'updatedAt', 'version', 'userId', '$pending']);

const shown = (value) => (value === undefined ? '—' : typeof value === 'string' ? value : JSON.stringify(value));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const fieldsOf = (row) => Object.keys(row ?? {}).filter((name) => !OURS.has(name));

// Where one side alone has changed a field its value is the better guess.
function guess(name, { mine, theirs, base }) {
    return !(name in mine) || (base && same(mine[name], base[name])) ? theirs[name] : mine[name];
}

export function conflictView() {
    const dialog = $('#conflict');
    const opener = $('#conflict-button');
    let conflicts = [];
    let open = null; // the conflict that the dialog shows

    function draw(now) {
        conflicts = now;
        opener.hidden = conflicts.length === 0;
        opener.textContent = conflicts.length > 1 ? `Resolve ${conflicts.length} conflicts` : 'Resolve a conflict';
        if (open && !conflicts.some(({ id }) => id === open.id)) dialog.close();
        if (conflicts.length && !dialog.open && !document.querySelector('dialog[open]')) show();
    }

    function show() {
        [open] = conflicts;
        const names = [...new Set([...fieldsOf(open.theirs), ...fieldsOf(open.mine)])];
        const form = open.mine ? versions(names) : deletion();
        onSubmit(form, (fields) => open.merge(merged(names, fields)));
        dialog.replaceChildren(form);
        dialog.showModal();
    }

    function frame(words, body, ...buttons) {
        return element('form', { class: 'conflict' },
            element('h2', { id: 'conflict-heading', tabindex: '-1', autofocus: true }, 'Two versions'),
            element('p', { class: 'hint' }, words), body,
            element('p', { class: 'problem', role: 'alert' }),
            element('div', { class: 'row' }, ...buttons,
                button('Later', 'second', { onclick: () => dialog.close() })));
    }

    const choice = (text, work, style = 'second') => onPress(button(text, style), work);

    function deletion() {
        return frame('You deleted this while it was changed elsewhere.',
            element('dl', { class: 'pairs' }, ...fieldsOf(open.theirs).flatMap((name) =>
                [element('dt', {}, name), element('dd', {}, shown(open.theirs[name]))])),
            choice('Delete it', () => open.keepMine()), choice('Keep it', () => open.useTheirs(), ''));
    }

    function versions(names) {
        const { mine, theirs, base } = open;
        const version = (title, row, name, style) => element('div', { class: `version ${style}` },
            element('dt', {}, title), prose('dd', shown(row?.[name]), 'text'));
        const differs = (name) => name in mine && !same(mine[name], theirs[name]);
        const fields = names.map((name) => element('fieldset', { class: differs(name) ? 'differs' : null },
            element('legend', {}, name),
            element('dl', { class: 'versions' },
                version('Before', base, name, 'base'),
                version('Mine', { ...base, ...mine }, name, 'mine'),
                version('Theirs', theirs, name, 'theirs')),
            element('label', { for: `merge-${name}` }, `Merged ${name}`),
            area(name)));
        return frame('While this change of yours waited, somebody changed the same thing. Which shall stand?',
            element('div', { class: 'fields' }, ...fields),
            choice('Keep mine', () => open.keepMine()),
            choice('Use theirs', () => open.useTheirs()),
            element('button', { type: 'submit' }, 'Save merged'));
    }

    function area(name) {
        const value = guess(name, open);
        const made = element('textarea', { id: `merge-${name}`, name, rows: 2 });
        made.value = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
        return made;
    }

    // Text stays text; what was no text is JSON.
    function merged(names, fields) {
        return Object.fromEntries(names.map((name) => {
            const text = fields.get(name);
            return [name, typeof guess(name, open) === 'string' ? text : JSON.parse(text || 'null')];
        }));
    }

    dialog.addEventListener('close', () => {
        open = null;
        dialog.replaceChildren();
        // Those that came meanwhile, once what was done here is known.
        setTimeout(() => conflicts.length && client.conflicts.value !== conflicts && draw(client.conflicts.value));
    });
    opener.addEventListener('click', show);

    return view(() => [client.conflicts.subscribe(draw), () => dialog.close()]);
}
