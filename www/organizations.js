// The page /organizations: the list on one side, the one that is open (its id stands behind the '#')
// on the other, all live.

import { client } from './js/client.js';
import { $, onPress } from './js/dom.js';
import { avatar, nameFrom } from './js/people.js';
import { whenKnown } from './js/standing.js';
import { connectionView } from './js/view-connection.js';
import { membersView } from './js/view-members.js';
import { organizationsView } from './js/view-organizations.js';
import { tasksView } from './js/view-tasks.js';

const parts = [membersView(), tasksView()]; // of the open organization: start(organization), stop()
const list = organizationsView({ onOpen: open });
const views = [connectionView(), list];
let shown; // user, null, or undefined in the beginning
let opened = null;

function show(user) {
    if (shown !== undefined && shown?.id === user?.id) return;
    shown = user;
    $('#stranger').hidden = Boolean(user);
    for (const part of ['#organizations', '#who', '#online']) $(part).hidden = !user;
    open(null);
    for (const view of views) view.stop();
    if (!user) return;
    $('#email').textContent = user.email;
    $('#avatar').replaceWith(Object.assign(avatar(user.id, nameFrom(user.email)), { id: 'avatar' }));
    for (const view of views) view.start(user);
}

// organization: {id, name, isOwner}, or null for none.
function open(organization) {
    const same = organization && opened && organization.id === opened.id;
    opened = organization;
    $('#organization').hidden = !organization;
    $('#organization-none').hidden = Boolean(organization) || !shown;
    if (same) return;
    for (const part of parts) part.stop();
    if (organization) for (const part of parts) part.start(organization, shown);
}

onPress($('#sign-out'), async () => {
    show(null);
    await client.logout();
});
client.pending.subscribe((writes) => {
    $('#queue-count').textContent = writes.length ? `${writes.length} waiting` : '';
});
client.onAuthStateChanged((user) => shown !== undefined && show(user));
if (client.user) show(client.user);
else whenKnown(show);
