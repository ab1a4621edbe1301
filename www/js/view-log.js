// The log of live events, newest first, with a filter and a pause.

import { client } from './client.js';
import { $, clock, element } from './dom.js';
import { oncePerFrame, view } from './view.js';

const KEPT = 100;
const SHOWN_LENGTH = 2000;

export function logView() {
    const list = $('#event-list');
    const pause = $('#log-pause');
    const filter = $('#log-filter');
    let events = []; // newest first
    let paused = false;
    let missed = 0;

    // "table:posts:*" is a beginning; without the star it may stand anywhere, in the data too.
    function matches(event) {
        const wanted = filter.value.trim();
        return wanted.endsWith('*') ? event.event.startsWith(wanted.slice(0, -1))
            : `${event.event} ${event.text}`.includes(wanted);
    }

    function draw() {
        const shown = events.filter(matches);
        const there = new Map([...list.children].map((line) => [line.event, line]));
        list.replaceChildren(...shown.map((event) => there.get(event) ?? line(event)));
        $('#event-empty').hidden = shown.length > 0;
        $('#event-empty').textContent = events.length ? 'No event is like that.'
            : 'Every change shows here the moment it is committed.';
    }

    const soon = oncePerFrame(draw);

    function line(event) {
        const made = element('li', {},
            element('time', { datetime: new Date(event.at).toISOString() }, clock(event.at)),
            element('b', {}, event.event),
            element('code', {}, event.text.slice(0, SHOWN_LENGTH)));
        made.event = event;
        return made;
    }

    function tellPause() {
        pause.ariaPressed = String(paused);
        pause.textContent = !paused ? 'Pause' : missed ? `Go on (${missed} new)` : 'Go on';
    }

    pause.addEventListener('click', () => {
        paused = !paused;
        missed = 0;
        tellPause();
        if (!paused) draw();
    });
    $('#log-clear').addEventListener('click', () => {
        events = [];
        missed = 0;
        tellPause();
        draw();
    });
    filter.addEventListener('input', draw);

    return view(() => {
        const end = client.onAnyEvent((event, data, whole) => {
            events.unshift({ event, text: JSON.stringify(data) ?? '', at: whole?.timestamp ?? Date.now() });
            events.length = Math.min(events.length, KEPT);
            if (!paused) return soon();
            missed++;
            tellPause();
        });
        return [end, () => {
            events = [];
            paused = false;
            missed = 0;
            filter.value = '';
            tellPause();
            draw();
        }];
    });
}
