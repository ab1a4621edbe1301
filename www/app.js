// The first page: who is signed in decides what shows; each view loads its part and takes events.
//
// To add a view: js/view-x.js exports a function that returns { load, event, clear }; name it below.
//   load()   fetch and draw; resolves to the id of the last event seen in it (X-As-Of), or null
//   event(e) take one event {event, data, timestamp}; it may be one the view knows already
//   clear()  forget everything: the user has gone

import { call } from './js/api.js';
import { sayArrival } from './js/arrival.js';
import { $, toast } from './js/dom.js';
import { Stream } from './js/stream.js';
import { accountView } from './js/view-account.js';
import { kvView } from './js/view-kv.js';
import { logView } from './js/view-log.js';
import { notificationsView } from './js/view-notifications.js';
import { postsView } from './js/view-posts.js';

const views = [postsView(), notificationsView(), kvView(), logView()];
const account = accountView({ onSignedIn: signedIn, onSignedOut: signedOut });

const stream = new Stream({
    event: (event) => views.forEach((view) => view.event(event)),
    state: showConnection,
    resync: load,
    lost: stillSignedIn,
});

// The stream starts at the oldest of the snapshots: newer ones see some events again, and know them.
async function load() {
    try {
        const ids = (await Promise.all(views.map((view) => view.load()))).filter(Boolean);
        const seq = (id) => Number(id.slice(id.lastIndexOf('.') + 1));
        stream.open(ids.length ? ids.reduce((a, b) => (seq(a) < seq(b) ? a : b)) : null);
    } catch (error) {
        if (error.status === 401) return signedOut();
        showConnection('waiting', 3000);
        setTimeout(load, 3000);
    }
}

function signedIn(user) {
    account.show(user);
    load();
}

function signedOut() {
    stream.close();
    views.forEach((view) => view.clear());
    $('#connection').hidden = true;
    account.show(null);
}

// Asks who is signed in, which also renews the session's cookies.
async function stillSignedIn() {
    try {
        await call('GET', '/api/me');
    } catch (error) {
        if (error.status === 401) {
            signedOut();
            toast('You have been signed out.');
            return false;
        }
    }
    return true;
}

function showConnection(state, pauseMs = 0) {
    const words = {
        connecting: 'Connecting…',
        live: 'Live',
        waiting: `Offline, trying again in ${Math.max(1, Math.round(pauseMs / 1000))} s`,
    };
    const line = $('#connection');
    line.hidden = false;
    line.dataset.state = state;
    line.textContent = words[state];
}

sayArrival();
call('GET', '/api/me').then(({ user }) => signedIn(user), signedOut);
