// A small chart: the steps of a number, as SVG, with words for who does not see it.

import { element, svg } from './element.js';

const WIDTH = 300;
const HEIGHT = 72;
const MARGIN = 6;

// values: oldest first.
export function stepChart(values) {
    if (values.length < 2) return element('p', { class: 'empty' }, 'Its history shows here.');
    const low = Math.min(...values);
    const high = Math.max(...values);
    const x = (i) => (i * WIDTH / values.length).toFixed(1);
    const y = (value) => (high === low ? HEIGHT / 2
        : MARGIN + (high - value) / (high - low) * (HEIGHT - 2 * MARGIN)).toFixed(1);
    const line = values.map((value, i) => (i ? `H${x(i)}V${y(value)}` : `M0 ${y(value)}`)).join('') + `H${WIDTH}`;
    const last = values.at(-1);
    const words = `The last ${values.length} values: from ${values[0]} to ${last}, lowest ${low}, highest ${high}`;
    return element('figure', {},
        svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': words },
            svg('path', { class: 'area', d: `${line}V${HEIGHT}H0Z` }),
            svg('path', { class: 'line', d: line })),
        element('figcaption', { 'aria-hidden': 'true' }, element('span', {}, high.toLocaleString()),
            element('span', {}, low.toLocaleString())));
}
