// What the pages have in common that links in mails lead to. The token stands behind the '#', so no
// server sees it; it is taken out of the address at once, so that it does not stay in the history.

import { $ } from './dom.js';

export function takeToken() {
    const token = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
    return token;
}

// The form has done its work.
export function done(form, text) {
    form.hidden = true;
    $('#done').textContent = text;
    $('#done').hidden = false;
}
