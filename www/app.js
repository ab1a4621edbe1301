// The first page. Who is signed in decides what shows; each view looks after one part of it.
//
// To add a view: js/view-x.js exports a function that returns view((user) => [what ends it]); name it
// in `views` below.

import { sayArrival } from './js/arrival.js';
import { client } from './js/client.js';
import { handles } from './js/console.js';
import { $, toast } from './js/dom.js';
import { whenKnown } from './js/standing.js';
import { accountView } from './js/view-account.js';
import { callsView } from './js/view-calls.js';
import { conflictView } from './js/view-conflict.js';
import { connectionView } from './js/view-connection.js';
import { counterView } from './js/view-counter.js';
import { entrance } from './js/view-entrance.js';
import { kvView } from './js/view-kv.js';
import { logView } from './js/view-log.js';
import { notesView } from './js/view-notes.js';
import { notificationsView } from './js/view-notifications.js';
import { postsView } from './js/view-posts.js';
import { queueView } from './js/view-queue.js';
import { roomView } from './js/view-room.js';

callsView();
const door = entrance({ onSignedIn: show });
const views = [
    accountView({ onSignedOut: () => show(null) }), connectionView(), queueView(), conflictView(),
    postsView(), notificationsView(), counterView(), roomView(), notesView(), kvView(), logView(),
];
let shown; // the user whose desk it is, null at the door, undefined in the beginning

function show(user) {
    if (shown !== undefined && shown?.id === user?.id) return;
    const hadDesk = Boolean(shown);
    shown = user;
    $('#welcome').hidden = Boolean(user);
    for (const part of ['#desk', '#who', '#pages', '#online', '#queue-button']) $(part).hidden = !user;
    if (hadDesk) for (const view of views) view.stop();
    if (user) {
        for (const view of views) view.start(user);
        if (new URLSearchParams(location.search).get('next') === 'organizations') location.replace('organizations');
    } else {
        door.open();
    }
}

// Another tab, or somebody at another place, may end the session.
client.onAuthStateChanged((user) => {
    if (shown === undefined) return;
    if (shown && !user) toast('You have been signed out.');
    show(user);
});

const token = /^#loginToken=(.+)/.exec(location.hash)?.[1];
if (token) history.replaceState(null, '', location.pathname);
sayArrival();
Object.assign(window, handles());
if (token) {
    show(null);
    door.askFactor(decodeURIComponent(token));
} else {
    if (client.user) show(client.user); // the client asks whether it is still so
    else whenKnown(show);
}
