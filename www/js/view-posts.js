// Posts: written, changed in place and deleted at once, here and in every other tab.

import { client, explain } from './client.js';
import { $, button, element, onSubmit, prose, sayFailure, time } from './dom.js';
import { followRows } from './list.js';
import { view } from './view.js';

const SHOWN = 20;

export function postsView() {
    const list = $('#post-list');
    const form = $('#post-form');
    const posts = client.collection('posts');
    let editing = null; // id of the post whose form is open
    let rows = null;

    const follow = followRows(list, item, { keep: isEditing });

    // One that is edited before the server has answered its creation gets another id.
    function isEditing(before, post) {
        if (before.id !== editing) return false;
        editing = post.id;
        return true;
    }

    function draw() {
        follow(rows.value, !rows.loading);
        list.ariaBusy = String(rows.loading);
        $('#post-empty').hidden = rows.loading || Boolean(rows.error) || rows.value.length > 0;
        $('#post-more').hidden = !rows.hasMore;
        $('#post-problem').textContent = rows.error ? explain(rows.error) : '';
    }

    function item(post) {
        const state = post.$pending ? ' · waiting' : post.version > 1 ? ' · edited' : '';
        return element('li', { class: post.$pending ? 'item pending' : 'item', 'data-id': post.id },
            element('h3', {}, post.title),
            prose('p', post.content, 'text'),
            element('p', { class: 'meta' }, time(post.createdAt ?? Date.now()), state,
                element('span', { class: 'actions' },
                    button('Edit', 'quiet', { name: 'edit', 'aria-label': `Edit ${post.title}`,
                        onclick: () => edit(post) }),
                    button('Delete', 'quiet danger', { name: 'delete', 'aria-label': `Delete ${post.title}`,
                        onclick: () => remove(post) }))));
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
                button('Cancel', 'second', { onclick: done })));
        editor.addEventListener('keydown', (event) => event.key === 'Escape' && done());
        onSubmit(editor, (fields) => {
            posts.update(editing, Object.fromEntries(fields)).catch(sayFailure);
            done();
        });
        function done() {
            const id = editing;
            editing = null;
            draw();
            $(`[data-id="${CSS.escape(id)}"] button`, list)?.focus();
        }
        editing = null; // another editor closes
        draw();
        editing = post.id;
        draw(); // the element is the editor's until it is done
        $(`[data-id="${CSS.escape(post.id)}"]`, list)?.replaceChildren(editor);
        title.focus();
    }

    function remove(post) {
        const item = $(`[data-id="${CSS.escape(post.id)}"]`, list);
        const next = item?.nextElementSibling ?? item?.previousElementSibling;
        ($('button', next ?? form) ?? form.elements.title).focus();
        posts.delete(post.id).catch((error) => error.status === 404 || sayFailure(error));
    }

    // The post is in the list before the server has answered; what it refuses comes back into the form.
    onSubmit(form, (fields) => {
        const post = Object.fromEntries(fields);
        posts.create(post).catch((error) => {
            $('.problem', form).textContent = explain(error);
            if (form.elements.title.value || form.elements.content.value) return;
            form.elements.title.value = post.title;
            form.elements.content.value = post.content;
        });
        form.reset();
        form.elements.title.focus();
    });
    $('#post-more').addEventListener('click', () => rows.more().catch(sayFailure));

    return view(() => {
        rows = posts.query().orderBy('createdAt', 'desc').limit(SHOWN).live();
        return [rows.subscribe(draw), () => {
            editing = null;
            follow([], false);
            form.reset();
        }];
    });
}
