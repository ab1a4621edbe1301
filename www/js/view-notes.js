// Notes: typed in one tab, there in all. A note is saved as one types; what is being typed is not
// drawn over.

import { debounce } from '../cubby.js';
import { client, explain } from './client.js';
import { $, button, element, onSubmit, sayFailure } from './dom.js';
import { followRows } from './list.js';
import { view } from './view.js';

const SAVE_AFTER_MS = 300;

export function notesView() {
    const form = $('#note-form');
    const list = $('#note-list');
    let notes = null;
    const typing = new Set(); // ids of notes whose text is newer than the server's

    const isFocused = (id) => document.activeElement?.closest('#note-list li')?.dataset.id === id;
    const follow = followRows(list, item, { keep: ({ id }) => typing.has(id) || isFocused(id) });

    function item(note) {
        const text = element('textarea', { rows: 1, 'aria-label': 'Note', name: 'text' });
        text.value = note.text;
        const save = debounce(async () => {
            typing.delete(note.id);
            if (!text.value) return;
            try {
                await notes.update(note.id, text.value);
            } catch (error) {
                if (error.status !== 404) sayFailure(error);
            }
        }, SAVE_AFTER_MS);
        text.addEventListener('input', () => {
            typing.add(note.id);
            save();
        });
        text.addEventListener('blur', () => {
            save.flush();
            draw();
        });
        const label = `Delete note: ${note.text.slice(0, 60)}`;
        return element('li', { 'data-id': note.id }, text,
            button('Delete', 'quiet danger', { 'aria-label': label, onclick: () => remove(note) }));
    }

    function remove(note) {
        form.elements.text.focus();
        notes.delete(note.id).catch(sayFailure);
    }

    function draw() {
        if (!notes) return;
        const loading = !notes.isConnected && notes.value.length === 0;
        follow(notes.value, !loading);
        $('#note-empty').hidden = loading || notes.value.length > 0;
        state();
    }

    function state() {
        $('#notes-state').textContent = notes.isConnected ? 'in step' : notes.isConnecting ? 'connecting…'
            : notes.error ? explain(notes.error) : 'not connected';
    }

    onSubmit(form, async (fields) => {
        await notes.create(fields.get('text'));
        form.reset();
    });

    return view(() => {
        notes = client.notes();
        return [notes.subscribe(draw), ...['open', 'close', 'error'].map((event) => notes.on(event, state)), () => {
            notes.close();
            notes = null;
            typing.clear();
            follow([], false);
            form.reset();
        }];
    });
}
