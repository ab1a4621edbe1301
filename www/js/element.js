// Making elements, and texts of times. Text goes in as text, never as markup.

// Made once: making one takes longer than the rest of a row.
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const $ = (selector, root = document) => root.querySelector(selector);

// element('button', { class: 'quiet', onclick: f }, 'Delete', otherElement)
export const element = (name, attributes, ...children) =>
    fill(document.createElement(name), attributes, children);

// button('Delete', 'quiet danger', { onclick: f }): one that submits nothing.
export const button = (text, style, attributes) =>
    element('button', { type: 'button', class: style, ...attributes }, text);

export const svg = (name, attributes, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

function fill(made, attributes = {}, children) {
    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
        else if (value === true) made.setAttribute(key, '');
        else if (value !== false && value != null) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
}

export function time(at) {
    const date = new Date(at);
    if (Number.isNaN(date.getTime())) return element('span', {}, '—');
    return element('time', { datetime: date.toISOString() }, DATE.format(date));
}

export const clock = (at) => CLOCK.format(at);
