// Keeps a server-rendered page current: whenever the server renders its key, the elements with
// data-live="name" are replaced by their namesakes. Any page may use it, whoever renders it:
//
//     <body data-live-key="/prices"> … <b data-live="total">7</b> …
//     <script type="module" src="/js/live.js"></script>
//
// Without data-live-key the key is the page's path. Forms that post to the page's own server are
// sent without leaving the page.

const key = document.body.dataset.liveKey ?? location.pathname;
const realtime = new URL('../realtime', import.meta.url);
realtime.searchParams.set('key', key);

// Counts what came: an answer to a question asked before something newer came is not shown.
let latest = 0;

function show(html) {
    const fresh = new DOMParser().parseFromString(html, 'text/html');
    for (const old of document.querySelectorAll('[data-live]')) {
        const namesake = fresh.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
        if (namesake) old.replaceWith(document.importNode(namesake, true));
    }
}

async function fetchPage() {
    const asked = ++latest;
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
    if (!answer.ok) return;
    const html = await answer.text();
    if (asked === latest) show(html);
}

function onRender(event) {
    const { html } = JSON.parse(event.data);
    if (html === undefined) {
        fetchPage().catch(() => {}); // the next render, or the next connection, asks again
        return;
    }
    latest++;
    show(html);
}

async function post(form) {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) form.reset(); // as a page that was loaded again
    else form.submit(); // what is wrong is shown as without this module
}

const stream = new EventSource(realtime, { withCredentials: true });
stream.addEventListener('render', onRender);
// What was rendered between the page and the stream, or between two connections, was not heard of.
stream.addEventListener('open', () => fetchPage().catch(() => {}));

for (const form of document.querySelectorAll('form[method="post"]')) {
    if (new URL(form.action).origin !== location.origin) continue;
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        post(form).catch(() => {}); // not reached: nothing has changed, the button is still there
    });
}
