// Who is in a room: names, as people give them, and a colour for each.

import { element } from './dom.js';

const NAME_LENGTH = 40;

// The same for everybody: it follows from the id.
export function hueOf(userId) {
    let hash = 2166136261; // FNV-1a
    for (const char of userId) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
    return (hash >>> 8) % 360;
}

export const nameFrom = (email) => email.split('@')[0].slice(0, NAME_LENGTH);

// What came from somebody else's page: any value.
export const asName = (value) => (typeof value === 'string' && value.trim() ? value.slice(0, NAME_LENGTH) : 'Somebody');

export function avatar(userId, name) {
    const made = element('span', { class: 'avatar', 'aria-hidden': 'true' }, [...name][0]?.toUpperCase() ?? '?');
    made.style.setProperty('--hue', hueOf(userId));
    return made;
}
