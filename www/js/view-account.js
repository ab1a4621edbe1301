// The account's dialog: how one signs in, where one is signed in, what happened, what is kept.

import { client } from './client.js';
import { $, button, element, onPress } from './dom.js';
import { activityPanel } from './panel-activity.js';
import { dataPanel } from './panel-data.js';
import { passkeysPanel } from './panel-passkeys.js';
import { passwordPanel } from './panel-password.js';
import { sessionsPanel } from './panel-sessions.js';
import { totpPanel } from './panel-totp.js';
import { avatar, nameFrom } from './people.js';
import { tabs } from './tabs.js';

// A panel is { node, load() }: load() asks the server anew.
export function accountView({ onSignedOut }) {
    const dialog = $('#account');
    const parts = [
        { name: 'security', title: 'Security', panels: [totpPanel(), passkeysPanel(), passwordPanel()] },
        { name: 'sessions', title: 'Sessions', panels: [sessionsPanel({ onSignedOut })] },
        { name: 'activity', title: 'Activity', panels: [activityPanel()] },
        { name: 'data', title: 'Data', panels: [dataPanel({ onSignedOut })] },
    ];
    for (const part of parts) part.panel = element('div', { class: 'panels' }, ...part.panels.map(({ node }) => node));

    const { strip, choose } = tabs('Account', parts, (part) => part.panels.forEach(({ load }) => load()));
    const signOut = button('Sign out', 'quiet');
    const address = element('span', { class: 'aside' });
    dialog.append(
        element('div', { class: 'head' },
            element('h2', { id: 'account-heading', tabindex: '-1', autofocus: true }, 'Your account ', address),
            signOut, button('Close', 'quiet', { onclick: () => dialog.close() })),
        strip, ...parts.map(({ panel }) => panel));

    $('#account-button').addEventListener('click', () => {
        dialog.showModal();
        choose('security');
    });
    for (const out of [$('#sign-out'), signOut]) {
        onPress(out, async () => {
            onSignedOut();
            await client.logout();
        });
    }

    return {
        start(user) {
            $('#email').textContent = user.email;
            address.textContent = user.email;
            $('#avatar').replaceWith(Object.assign(avatar(user.id, nameFrom(user.email)), { id: 'avatar' }));
        },
        stop() {
            dialog.close();
        },
    };
}
