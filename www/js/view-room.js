// The lobby: who is here, who is typing, what they say and what they have selected. Nothing of it is
// kept: it travels as broadcasts between those who are there.

import { debounce } from '../cubby.js';
import { client } from './client.js';
import { $, element, onSubmit } from './dom.js';
import { followRows } from './list.js';
import { asName, avatar, huesOf, nameFrom } from './people.js';
import { sharedText } from './shared-text.js';
import { oncePerFrame, view } from './view.js';

const ROOM = 'room:lobby';
const TYPING_MS = 3000;
const SELECTION_MS = 80;
const KEPT = 50;
const TEXT_LENGTH = 500;

export function roomView() {
    const form = $('#talk-form');
    const input = form.elements.text;
    let me = null;
    let people = new Map(); // userId → { name, selection: {start, end} or null, typingUntil }
    let hues = new Map();
    let saidTyping = 0;

    const sheet = sharedText(debounce((selection) => say('app:selection', selection), SELECTION_MS));
    const follow = followRows($('#people'), ({ id, name, hue }) => element('li', { 'data-id': id },
        avatar(id, name, hue), element('span', {}, id === me.id ? `${name} (you)` : name)));

    const say = (event, data) => client.broadcast(event, data, ROOM);
    const hello = (ask) => say('app:hello', { name: nameFrom(me.email), ask, ...sheet.selection() });

    function person(userId) {
        if (!people.has(userId)) people.set(userId, { name: 'Somebody', selection: null, typingUntil: 0 });
        return people.get(userId);
    }

    function draw() {
        const others = [...people].filter(([id]) => id !== me.id);
        hues = huesOf([me.id, ...people.keys()]);
        const here = [[me.id, { name: nameFrom(me.email) }], ...others];
        follow(here.map(([id, { name }]) => ({ id, name, hue: hues.get(id) })));
        $('#room-count').textContent = `${others.length + 1} here`;
        sheet.show(others.map(([id, { name, selection }]) => ({ ...selection, name, hue: hues.get(id) })));
        const typing = others.filter(([, p]) => p.typingUntil > Date.now()).map(([, p]) => p.name);
        $('#typing').textContent = typing.length === 0 ? '' : typing.length === 1 ? `${typing[0]} is typing…`
            : `${typing.slice(0, 3).join(', ')} are typing…`;
    }

    const soon = oncePerFrame(() => me && draw());

    function addLine(userId, name, text) {
        const talk = $('#talk');
        talk.append(element('li', { class: userId === me.id ? 'mine' : null }, avatar(userId, name, hues.get(userId)),
            element('p', {}, element('b', {}, name), ' ', text.slice(0, TEXT_LENGTH))));
        while (talk.children.length > KEPT) talk.firstChild.remove();
        talk.scrollTop = talk.scrollHeight;
    }

    // From others' pages: any value may be of any kind.
    const handlers = {
        presence({ members }) {
            if (!Array.isArray(members)) return;
            const before = people;
            people = new Map();
            for (const id of members) people.set(id, before.get(id) ?? person(id));
            if (members.some((id) => !before.has(id))) hello(true);
        },
        'user:online'({ userId }) {
            person(userId);
        },
        'user:offline'({ userId }) {
            people.delete(userId);
        },
        'app:hello'({ userId, name, ask, start, end }) {
            Object.assign(person(userId), { name: asName(name), selection: { start, end } });
            if (ask === true) hello(false);
        },
        'app:typing'({ userId, on }) {
            person(userId).typingUntil = on === false ? 0 : Date.now() + TYPING_MS;
            if (on !== false) setTimeout(soon, TYPING_MS + 50);
        },
        'app:selection'({ userId, start, end }) {
            person(userId).selection = { start, end };
        },
        'app:message'({ userId, text }) {
            const { name } = Object.assign(person(userId), { typingUntil: 0 });
            if (typeof text === 'string') addLine(userId, name, text);
        },
    };

    input.addEventListener('input', () => {
        if (Date.now() - saidTyping < TYPING_MS / 2) return;
        saidTyping = Date.now();
        say('app:typing', { on: true });
    });
    onSubmit(form, (fields) => {
        const text = fields.get('text');
        saidTyping = 0;
        say('app:message', { text });
        addLine(me.id, nameFrom(me.email), text);
        form.reset();
    });

    return view((user) => {
        me = user;
        people = new Map();
        draw();
        const listeners = Object.entries(handlers).map(([event, handle]) => {
            const run = (data) => {
                if (data?.room !== ROOM || !me) return;
                handle(data);
                soon();
            };
            client.on(event, run);
            return () => client.off(event, run);
        });
        client.join(ROOM).catch(() => {}); // its connection says so
        return [...listeners, () => {
            client.leave(ROOM);
            me = null;
            follow([], false);
            $('#talk').replaceChildren();
            form.reset();
        }];
    });
}
