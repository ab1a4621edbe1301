// The tasks of the open organization: rows that belong to all its members.

import { client, explain } from './client.js';
import { $, button, element, onSubmit, sayFailure } from './dom.js';
import { followRows } from './list.js';

export function tasksView() {
    const form = $('#task-form');
    const follow = followRows($('#task-list'), item);
    let tasks = null;
    let end = () => {};

    function item(task) {
        const box = element('input', { type: 'checkbox', checked: task.done, name: 'done',
            onchange: () => tasks.update(task.id, { done: box.checked }).catch(sayFailure) });
        return element('li', { class: task.$pending ? 'item task pending' : 'item task', 'data-id': task.id },
            element('label', {}, box, element('span', {}, task.title)),
            button('Delete', 'quiet danger', { 'aria-label': `Delete ${task.title}`, onclick: () => remove(task) }));
    }

    function remove({ id }) {
        form.elements.title.focus();
        tasks.delete(id).catch((error) => error.status === 404 || sayFailure(error));
    }

    onSubmit(form, (fields) => {
        tasks.create({ title: fields.get('title'), done: false }).catch((error) => {
            $('.problem', form).textContent = explain(error);
        });
        form.reset();
    });

    return {
        start({ id }) {
            tasks = client.collection('tasks', { org: id });
            const rows = tasks.live();
            end = rows.subscribe((all) => {
                follow(all, !rows.loading);
                const open = all.filter((task) => !task.done).length;
                $('#task-count').textContent = all.length ? `${open} to do` : '';
                $('#task-empty').hidden = rows.loading || Boolean(rows.error) || all.length > 0;
                $('#task-problem').textContent = rows.error && rows.error.status !== 404 ? explain(rows.error) : '';
            });
        },
        stop() {
            end();
            end = () => {};
            follow([], false);
            form.reset();
        },
    };
}
