// A live page without a client: any page may use it, whoever renders it:
//
//     <body data-live-key="/prices"> … <b data-live="total">7</b> …
//     <script type="module" src="/js/live.js"></script>
//
// Without data-live-key the key is the page's path. Forms that post to the page's own server are
// sent without leaving the page.

import { livePage } from './live-page.js';

livePage({
    key: document.body.dataset.liveKey ?? location.pathname,
    address: new URL('../realtime', import.meta.url),
});

async function post(form) {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) form.reset(); // as a page that was loaded again
    else form.submit(); // what is wrong is shown as without this module
}

for (const form of document.querySelectorAll('form[method="post"]')) {
    if (new URL(form.action).origin !== location.origin) continue;
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        post(form).catch(() => {}); // not reached: nothing has changed, the button is still there
    });
}
