// What happens, as it happens: the stream of cubby-pushd, opened by a ticket each time.

import { address, bytes, call, number } from './admin-api.js';
import { $, clock, element } from './element.js';

const KEPT = 200;
const AGAIN_MS = 3000; // twice as long each time that it fails
const AGAIN_MAX_MS = 60000;

const words = (e) => `${e.name ?? ''} ${e.space} ${e.id}`.toLowerCase();

function line(e) {
    const name = e.name ?? `${number(e.events)} large events`;
    return element('li', {}, element('span', { class: 'meta' }, clock(new Date(e.at))), element('b', {}, name),
        element('span', { class: 'meta' }, bytes(e.bytes)),
        element('span', { class: 'where' }, `${e.space} ${e.id} · ${number(e.seq)}`));
}

export function live({ onStatus }) {
    const list = $('#live');
    const filter = $('#live-filter');
    const pause = $('#live-pause');
    const say = (text) => ($('#live-state').textContent = text);
    let kept = []; // newest first
    let source = null;
    let timer = null;
    let delay = AGAIN_MS;

    const isShown = (e) => words(e).includes(filter.value.trim().toLowerCase());
    const isPaused = () => pause.getAttribute('aria-pressed') === 'true';

    function draw() {
        const shown = kept.filter(isShown);
        list.replaceChildren(...shown.map(line));
        $('#live-empty').hidden = shown.length > 0;
    }

    function add(e) {
        if (isPaused()) return;
        kept.unshift(e);
        kept.length = Math.min(kept.length, KEPT);
        if (!isShown(e)) return;
        list.prepend(line(e));
        while (list.children.length > KEPT) list.lastChild.remove();
        $('#live-empty').hidden = true;
    }

    async function open() {
        stop();
        let ticket;
        try {
            ({ ticket } = await call('POST', 'ticket'));
        } catch (error) {
            if (error.status !== 401) again();
            return;
        }
        const url = address('events');
        url.searchParams.set('ticket', ticket);
        source = new EventSource(url);
        source.addEventListener('event', ({ data }) => add(JSON.parse(data)));
        source.addEventListener('gap', () => say('something may be missing here'));
        source.addEventListener('status', ({ data }) => {
            const status = JSON.parse(data);
            delay = AGAIN_MS;
            say(status.skipped ? `${number(status.skipped)} more were not shown` : isPaused() ? 'paused' : 'live');
            onStatus(status);
        });
        source.onerror = again; // a ticket opens one stream: the next one needs another
    }

    function again() {
        stop();
        say('not connected');
        timer = setTimeout(open, delay);
        delay = Math.min(2 * delay, AGAIN_MAX_MS);
    }

    function stop() {
        clearTimeout(timer);
        source?.close();
        source = null;
    }

    filter.addEventListener('input', draw);
    pause.addEventListener('click', () => {
        pause.setAttribute('aria-pressed', String(!isPaused()));
        say(isPaused() ? 'paused' : 'live');
    });
    return {
        open,
        close() {
            stop();
            kept = [];
            draw();
        },
    };
}
