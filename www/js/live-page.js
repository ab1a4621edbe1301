// Keeps a server-rendered page current: whenever the server renders its key, the elements under `root` with
// data-live="name" are replaced by their namesakes. Returns what ends it.

import { pauseOf } from '../cubby-common.js';

export function livePage({ key, address, root = document }) {
    // Counts what came: an answer to a question asked before something newer came is not shown.
    let latest = 0;

    function show(html) {
        const fresh = new DOMParser().parseFromString(html, 'text/html');
        for (const old of root.querySelectorAll('[data-live]')) {
            const namesake = fresh.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
            if (namesake) old.replaceWith(document.importNode(namesake, true));
        }
    }

    // Not reached: the next render, or the next connection, asks again.
    async function fetchPage() {
        const asked = ++latest;
        const question = { headers: { accept: 'text/html' }, cache: 'no-store' };
        const answer = await fetch(location.href, question).catch(() => null);
        const html = answer?.ok ? await answer.text().catch(() => null) : null;
        if (html !== null && asked === latest) show(html);
    }

    const url = new URL(address);
    url.searchParams.set('key', key);
    let stream = null;
    let timer = 0;
    let tries = 0;

    function onRender(event) {
        const { html } = JSON.parse(event.data);
        if (html === undefined) return fetchPage();
        latest++;
        show(html);
    }

    function open() {
        stream = new EventSource(url, { withCredentials: true });
        stream.addEventListener('render', onRender);
        // What was rendered between the page and the stream, or between two connections, was not heard of.
        stream.addEventListener('open', () => {
            tries = 0;
            fetchPage();
        });
        stream.addEventListener('error', () => { // after a refusal the browser does not try again
            if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, pauseOf(tries++));
        });
    }

    open();
    return () => {
        clearTimeout(timer);
        stream.close();
    };
}
