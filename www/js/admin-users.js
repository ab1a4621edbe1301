// Users: found, shown, disabled, enabled, signed out.

import { bytes, call, number } from './admin-api.js';
import { $, button, element, time } from './element.js';

const SHOWN = 500;

const state = (user) => (user.error ? element('span', { class: 'badge bad' }, user.error)
    : user.disabledAt ? element('span', { class: 'badge bad' }, 'disabled')
        : user.emailVerified ? element('span', { class: 'badge good' }, 'verified')
            : element('span', { class: 'badge' }, 'not verified'));

const joined = (...parts) => parts.filter((part, i) => part || !i).join(' · ');
const moment = (at) => (at ? time(at) : '—');

function row(user, onOpen) {
    const cell = (content, style) => element('td', { class: style }, content);
    const open = button(user.email, 'link', { onclick: () => onOpen(user.id), 'aria-haspopup': 'dialog' });
    return element('tr', { 'data-id': user.id }, element('th', { scope: 'row' }, open), cell(state(user)),
        cell(moment(user.createdAt)), cell(moment(user.lastSeenAt)), cell(bytes(user.bytes), 'number'),
        cell(number(user.rows), 'number'), cell(number(user.sessions), 'number'));
}

export function users() {
    const list = $('#users');
    const more = $('#users-more');
    const form = $('#search-form');
    const problem = $('.problem', form);
    let next = null;
    let asked = 0;

    async function load(isMore = false) {
        const turn = ++asked;
        const query = new URLSearchParams({ query: new FormData(form).get('query') });
        if (isMore && next) query.set('cursor', next);
        try {
            const page = await call('GET', `users?${query}`);
            if (turn !== asked) return; // something else was asked for meanwhile
            problem.textContent = '';
            if (!isMore) list.replaceChildren();
            list.append(...page.users.map((user) => row(user, open)));
            next = page.next ?? null;
        } catch (error) {
            problem.textContent = error.message;
        }
        more.hidden = !next || list.children.length >= SHOWN;
        $('#users-empty').hidden = list.children.length > 0;
    }

    form.addEventListener('submit', (event) => {
        event.preventDefault();
        load();
    });
    more.addEventListener('click', () => load(true));

    // --- one of them ---

    const dialog = $('#user');
    $('#user-close').addEventListener('click', () => dialog.close());
    let shown = null;
    dialog.addEventListener('close', () => {
        list.querySelector(`[data-id="${shown}"] button`)?.focus();
        shown = null;
    });

    function action(text, style, path) {
        return button(text, style, {
            onclick: async () => {
                const id = shown;
                try {
                    await call('POST', `users/${id}/${path}`);
                    await show(id);
                    $('#user-heading').focus();
                } catch (error) {
                    $('#user-problem').textContent = error.message;
                }
            },
        });
    }

    function draw({ user, sessions, activity }) {
        const fact = (name, value) => [element('dt', {}, name), element('dd', {}, value)];
        $('#user-heading').textContent = user.email;
        $('#user-facts').replaceChildren(...fact('Id', element('code', {}, user.id)), ...fact('State', state(user)),
            ...fact('Created', moment(user.createdAt)), ...fact('Last seen', moment(user.lastSeenAt)),
            ...fact('Size', `${bytes(user.bytes)} of ${user.quotaBytes ? bytes(user.quotaBytes) : 'any'}`),
            ...fact('Rows', number(user.rows)), ...fact('Events', number(user.events)));
        $('#user-actions').replaceChildren(user.disabledAt ? action('Enable', 'second', 'enable')
            : action('Disable', 'second danger', 'disable'),
        action('End all sessions', 'second', 'sessions/revoke'));
        $('#user-sessions').replaceChildren(...lines(sessions, (s) =>
            [time(s.lastSeenAt), joined('', s.ip, s.userAgent)]));
        $('#user-activity').replaceChildren(...lines(activity, (a) =>
            [time(a.at), joined('', a.detail ? `${a.kind} (${a.detail})` : a.kind, a.ip || a.userAgent)]));
    }

    const lines = (rows, parts) => (rows.length ? rows.map((each) => element('li', {}, ...parts(each)))
        : [element('li', { class: 'empty' }, 'None.')]);

    async function show(id) {
        const answer = await call('GET', `users/${id}`);
        $('#user-problem').textContent = '';
        draw(answer);
        const old = list.querySelector(`[data-id="${id}"]`);
        old?.replaceWith(row(answer.user, open));
    }

    async function open(id) {
        try {
            await show(id);
        } catch (error) {
            problem.textContent = error.message;
            return;
        }
        shown = id;
        if (!dialog.open) dialog.showModal();
        $('#user-heading').focus();
    }
    return {
        load,
        clear() {
            dialog.close();
            list.replaceChildren();
        },
    };
}
