// Where the account is signed in, in the account's dialog.

import { client, explain } from './client.js';
import { button, element, onPress, time } from './dom.js';

const BROWSERS = /(Edg|OPR|Firefox|Chrome|Safari|curl)\/([\d.]+)/;
const SYSTEMS = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/;
const NAMES = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' };

// "Firefox on Linux", as far as it can be told.
export function deviceName(userAgent) {
    const name = (pattern) => {
        const found = pattern.exec(userAgent ?? '')?.[1];
        return found && (NAMES[found] ?? found);
    };
    const [browser, system] = [name(BROWSERS), name(SYSTEMS)];
    return browser && system ? `${browser} on ${system}` : browser ?? system ?? 'An unknown program';
}

export function sessionsPanel({ onSignedOut }) {
    const list = element('ul', { class: 'items', 'aria-labelledby': 'sessions-heading' });
    const state = element('p', { class: 'problem' });
    const heading = element('h3', { id: 'sessions-heading', tabindex: '-1' }, 'Where you are signed in');
    const everywhere = onPress(button('Sign out everywhere', 'second danger'), async () => {
        await client.request('POST', '/logout?all=1');
        onSignedOut();
        await client.logout();
    });
    const node = element('section', { 'aria-labelledby': 'sessions-heading' }, heading, state, list, everywhere);

    function item(session) {
        const name = deviceName(session.userAgent);
        return element('li', { class: 'item' }, element('b', {}, name),
            element('p', { class: 'meta' }, `${session.ip} · since `, time(session.createdAt),
                element('span', { class: 'actions' }, session.current
                    ? element('span', { class: 'badge' }, 'this one')
                    : onPress(button('End', 'quiet danger', { 'aria-label': `End the session of ${name}` }),
                        () => end(session)))));
    }

    async function end({ id }) {
        await client.request('DELETE', `/sessions/${id}`);
        await load();
        heading.focus();
    }

    async function load() {
        state.textContent = '';
        try {
            const { sessions } = await client.request('GET', '/sessions');
            list.replaceChildren(...sessions.map(item));
        } catch (error) {
            state.textContent = explain(error);
        }
    }
    return { node, load };
}
