// Who is in a room: names, as people give them, and a colour for each.

import { element } from './dom.js';

const HUES = [15, 50, 95, 150, 190, 225, 270, 325];
const NAME_LENGTH = 40;

function slotOf(userId) {
    let hash = 2166136261; // FNV-1a
    for (const char of userId) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
    return (hash >>> 8) % HUES.length;
}

// The same for everybody: it follows from the id.
const hueOf = (userId) => HUES[slotOf(userId)];

// Of people in one room, id → hue: no two alike as long as there are enough.
export function huesOf(userIds) {
    const taken = new Set();
    return new Map([...userIds].sort().map((id) => {
        let slot = slotOf(id);
        while (taken.has(slot) && taken.size < HUES.length) slot = (slot + 1) % HUES.length;
        taken.add(slot);
        return [id, HUES[slot]];
    }));
}

export const nameFrom = (email) => email.split('@')[0].slice(0, NAME_LENGTH);

// What came from somebody else's page: any value.
export const asName = (value) => (typeof value === 'string' && value.trim() ? value.slice(0, NAME_LENGTH) : 'Somebody');

export function avatar(userId, name, hue = hueOf(userId)) {
    const made = element('span', { class: 'avatar', 'aria-hidden': 'true' }, [...name][0]?.toUpperCase() ?? '?');
    made.style.setProperty('--hue', hue);
    return made;
}
