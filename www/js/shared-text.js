// A text in which everybody sees what the others have selected. It stands in a textarea, where one
// selects by keyboard too; the others' marks are in a mirror of it, behind.

import { $, element } from './dom.js';

const TEXT = 'Every user has a cubby: a file of their own, with keys and values, posts and notes. What changes in it '
    + 'is written once, numbered, and told to every open tab in that order. Nothing is lost, and nothing comes twice.';

const within = (at) => (Number.isInteger(at) ? Math.min(Math.max(at, 0), TEXT.length) : 0);

// tell({start, end}): one's own selection has changed.
export function sharedText(tell) {
    const area = $('#room-text');
    const mirror = $('#room-mirror');
    area.value = TEXT;
    area.setSelectionRange(0, 0);
    mirror.textContent = TEXT;
    // `readonly` would take the caret away, and with it selecting by keyboard.
    area.addEventListener('beforeinput', (event) => event.preventDefault());
    area.addEventListener('input', () => (area.value = TEXT));
    let told = '0-0';

    const selection = () => ({ start: area.selectionStart, end: area.selectionEnd });

    document.addEventListener('selectionchange', () => {
        if (document.activeElement !== area) return;
        const { start, end } = selection();
        if (`${start}-${end}` === told) return;
        told = `${start}-${end}`;
        tell({ start, end });
    });

    // The text cut where any mark begins or ends; a piece has the colour of the last one over it.
    function pieces(marks) {
        const ends = marks.flatMap(({ start, end }) => [start, end]);
        const cuts = [...new Set([0, TEXT.length, ...ends])].sort((a, b) => a - b);
        return cuts.slice(1).map((end, i) => {
            const text = TEXT.slice(cuts[i], end);
            const mark = marks.findLast((m) => m.start <= cuts[i] && m.end >= end);
            if (!mark) return text;
            const marked = element('mark', {}, text);
            marked.style.setProperty('--hue', mark.hue);
            return marked;
        });
    }

    return {
        selection,
        // people: [{name, hue, start, end}], the last two as they came.
        show(people) {
            const marks = people.map((p) => ({ ...p, start: within(p.start), end: within(p.end) }))
                .filter((p) => p.start < p.end);
            mirror.replaceChildren(...pieces(marks));
            $('#room-selections').textContent = marks.map(({ name, start, end }) =>
                `${name} has selected “${TEXT.slice(start, end)}”`).join(' · ');
        },
    };
}
