// What the page offers to who opens the browser's console.

import { client } from './client.js';

export const handles = () => ({
    userDOClient: client,

    // All that is known of the connection, printed and returned.
    debugUserDO() {
        const state = {
            user: client.user,
            realtime: client.realtime.value,
            webSocket: client.ws && { readyState: client.ws.readyState, url: client.ws.url },
            online: client.online,
            pending: client.pending.value,
            conflicts: client.conflicts.value,
        };
        console.log('Cubby', state);
        return state;
    },

    // Cuts the live connection, or makes it; returns whether it is wanted now.
    toggleRealtime() {
        const wanted = !client.isConnected;
        if (wanted) client.connectRealtime();
        else client.disconnectRealtime();
        return wanted;
    },

    sendBroadcastMessage: (message = 'Hello from the console') =>
        client.request('POST', '/demo/broadcast', { message: String(message) }),
});
