// Posts: write, change in place, delete.

import { call, explain } from './api.js';
import { $, element, onSubmit, time, toast } from './dom.js';
import { Rows } from './rows.js';

export function postsView() {
    const list = $('#post-list');
    const form = $('#post-form');
    let editing = null; // id of the post whose form is open: not drawn over

    const rows = new Rows('posts', (posts, older) => {
        const open = editing && $(`[data-id="${editing}"]`, list);
        list.replaceChildren(...posts.map((post) => (post.id === editing && open ? open : item(post))));
        $('#post-empty').hidden = posts.length > 0;
        $('#post-more').hidden = !older;
    });

    function item(post) {
        const edited = post.version > 1 ? ' · edited' : '';
        return element('li', { class: 'item', 'data-id': post.id },
            element('h3', {}, post.title),
            element('p', { class: 'text' }, post.content),
            element('p', { class: 'meta' }, time(post.createdAt), edited,
                element('span', { class: 'actions' },
                    element('button', { type: 'button', class: 'quiet', 'aria-label': `Edit ${post.title}`,
                        onclick: () => edit(post) }, 'Edit'),
                    element('button', { type: 'button', class: 'quiet danger',
                        'aria-label': `Delete ${post.title}`, onclick: () => remove(post) }, 'Delete'))));
    }

    function edit(post) {
        const title = element('input', { name: 'title', required: true, maxlength: 200, value: post.title,
            'aria-label': 'Title', autocomplete: 'off' });
        const content = element('textarea', { name: 'content', required: true, rows: 3,
            'aria-label': 'Content' });
        content.value = post.content;
        const editor = element('form', { class: 'editor' }, title, content,
            element('p', { class: 'problem', role: 'alert' }),
            element('div', { class: 'row' },
                element('button', { type: 'submit' }, 'Save'),
                element('button', { type: 'button', class: 'quiet', onclick: done }, 'Cancel')));
        editor.addEventListener('keydown', (event) => event.key === 'Escape' && done());
        onSubmit(editor, explain, async (fields) => {
            const answer = await call('PUT', `/api/posts/${post.id}`, Object.fromEntries(fields));
            rows.put(answer.data);
            done();
        });
        function done() {
            editing = null;
            rows.draw(rows.all(), !$('#post-more').hidden);
            $(`[data-id="${post.id}"] button`, list)?.focus();
        }
        editing = post.id;
        $(`[data-id="${post.id}"]`, list).replaceChildren(editor);
        title.focus();
    }

    async function remove(post) {
        try {
            await call('DELETE', `/api/posts/${post.id}`);
        } catch (error) {
            if (error.status !== 404) return toast(explain(error));
        }
        rows.remove(post.id);
    }

    onSubmit(form, explain, async (fields) => {
        const answer = await call('POST', '/api/posts', Object.fromEntries(fields));
        rows.put(answer.data);
        form.reset();
        form.elements.title.focus();
    });
    $('#post-more').addEventListener('click', () => rows.older().catch((e) => toast(explain(e))));

    return {
        load: () => rows.load(),
        event: (event) => rows.event(event),
        clear() {
            editing = null;
            rows.clear();
            form.reset();
        },
    };
}
