// The numbers: of everything, of the app's process, and of cubby-pushd, with their rates.

import { bytes, call, number } from './admin-api.js';
import { stepChart } from './chart.js';
import { $, clock, element } from './element.js';

const POINTS = 60; // of a chart
const EVERY_MS = 5000;

const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);

// rows: [name, text, style?]
function tiles(list, rows) {
    list.replaceChildren(...rows.map(([name, text, style]) =>
        element('div', { class: style }, element('dt', {}, name), element('dd', {}, text))));
}

// How fast a total grows, as a chart. The totals of another process are no continuation.
function rate(title) {
    const chart = element('div', {});
    const now = element('span', {}, '—');
    const node = element('div', {}, element('h3', {}, title, now), chart);
    const points = [];
    let before = null;
    function add(total, at, process) {
        const seconds = before && (at - before.at) / 1000;
        if (before?.process === process && seconds > 0 && total >= before.total) {
            const value = Math.round((total - before.total) / seconds * 10) / 10;
            points.push(value);
            if (points.length > POINTS) points.shift();
            now.textContent = `${number(value)}/s`;
            chart.replaceChildren(stepChart(points));
        }
        before = { total, at, process };
    }
    chart.append(stepChart(points));
    return { node, add };
}

export function overview({ onAdmin }) {
    const rates = {
        answers: rate('Answers of the app'),
        changes: rate('Events of all spaces'),
        events: rate('Events published to readers'),
    };
    $('#charts').append(...Object.values(rates).map(({ node }) => node));
    let timer = null;

    function draw(o) {
        const failed = o.process.answered['5xx'] ?? 0;
        $('#overview-at').textContent = clock(new Date(o.at));
        tiles($('#tiles'), [
            ['Accounts', number(o.accounts.all)],
            ['Verified', number(o.accounts.verified)],
            ['Disabled', number(o.accounts.disabled)],
            ['Organizations', number(o.organizations)],
            ['Free on the disk', bytes(o.freeBytes)],
            ['Mails waiting', number(o.mailsWaiting)],
            ['Answers', number(sum(o.process.answered))],
            ['Answered 5xx', number(failed), failed ? 'bad' : null],
            ['SQLite', o.versions.sqlite],
        ]);
        $('#sizes-at').textContent = clock(new Date(o.measuredAt));
        $('#sizes').replaceChildren(...Object.entries(o.files).map(([kind, size]) => element('tr', {},
            element('th', { scope: 'row' }, kind), element('td', { class: 'number' }, number(size.count)),
            element('td', { class: 'number' }, bytes(size.bytes)),
            element('td', { class: 'number' }, bytes(size.walBytes)))));
        rates.answers.add(sum(o.process.answered), Date.parse(o.at), `${o.process.id} ${o.process.startedAt}`);
    }

    // What cubby-pushd says of itself, on the stream of events.
    function status(s) {
        tiles($('#push-tiles'), [
            ['Connections', number(s.connections)],
            ['Streams', number(s.streams)],
            ['Spaces listened to', number(s.spaces)],
            ['Too slow', number(s.slow), s.slow ? 'bad' : null],
        ]);
        const at = Date.parse(s.at);
        rates.changes.add(s.changes, at, 'pushd');
        rates.events.add(s.events, at, 'pushd');
    }

    async function load() {
        clearTimeout(timer);
        try {
            const o = await call('GET', 'overview');
            $('#trouble').textContent = '';
            onAdmin(o.admin);
            draw(o);
            await failures();
        } catch (error) {
            if (error.status === 401) return;
            $('#trouble').textContent = error.message;
        }
        timer = setTimeout(() => (document.hidden ? wake() : load()), EVERY_MS);
    }

    // Nobody looks: nothing is asked for until somebody does.
    function wake() {
        document.addEventListener('visibilitychange', load, { once: true });
    }
    return { load, status, stop: () => clearTimeout(timer) };
}

async function failures() {
    const { errors, process } = await call('GET', 'errors');
    $('#errors-of').textContent = `of process ${process.id}, since ${clock(new Date(process.startedAt))}`;
    $('#errors-empty').hidden = errors.length > 0;
    $('#errors').replaceChildren(...errors.map((e) => element('li', {},
        element('b', {}, `${e.status} ${e.code}`), ` ${e.method} ${e.route}`,
        e.count > 1 ? ` · ${number(e.count)} times` : '',
        element('div', { class: 'meta' }, `${clock(new Date(e.at))} · request ${e.requestId}`,
            e.detail ? ` · ${e.detail}` : ''))));
}
