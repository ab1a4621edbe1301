// What a person sees, in Chromium: from a click in one browser to the row in another one's page, and the longest
// frame while many events come. node tests/bench/browser.mjs ORIGIN EVENTS: prints rows (tests/bench/lib/row.h).

import { startBrowser } from '../lib/browser.mjs';
import { eventually, isLive, newContext, openTab, signIn, signUp } from '../lib/client.mjs';

const ROUNDS = 5;
const CLICKS = 60; // of a round
const BATCH = 100;

const [origin, events] = [process.argv[2], Number(process.argv[3])];
const at = { origin, port: Number(new URL(origin).port) };

const row = (...fields) => console.log(fields.join('\t'));
const sorted = (values) => [...values].sort((a, b) => a - b);
const percentile = (values, p) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * p))];
const median = (values) => percentile(values, 0.5);

// A page as an application has it: a button, and a list that is drawn from the live rows.
async function open(browser, email) {
    const page = await openTab(await newContext(browser), at);
    const user = email ? await signIn(page, email) : await signUp(page, at);
    await isLive(page);
    await page.evaluate(() => {
        const list = document.body.appendChild(document.createElement('ul'));
        const button = document.body.appendChild(document.createElement('button'));
        const now = () => performance.timeOrigin + performance.now();
        window.clicked = new Map();
        window.seen = new Map();
        window.frames = [];
        button.textContent = 'Add';
        button.addEventListener('click', () => {
            clicked.set(button.value, now());
            client.collection('todos').create({ title: button.value });
        });
        client.collection('todos').live(50).subscribe((rows) => {
            list.replaceChildren(...rows.map(({ title }) => {
                if (!seen.has(title)) seen.set(title, now());
                return Object.assign(document.createElement('li'), { textContent: title });
            }));
        });
        let last = performance.now();
        requestAnimationFrame(function frame(time) {
            frames.push(time - last);
            last = time;
            requestAnimationFrame(frame);
        });
    });
    return { page, user };
}

async function clicks([one, two], name) {
    const took = [];
    for (let i = 0; i < CLICKS; i++) {
        const title = `${name} ${i}`;
        await one.evaluate((text) => {
            const button = document.querySelector('button');
            button.value = text;
            button.click();
        }, title);
        await eventually(two, (text) => seen.has(text), title, title);
        const [from, to] = [await one.evaluate((text) => clicked.get(text), title),
            await two.evaluate((text) => seen.get(text), title)];
        took.push(to - from);
    }
    return took;
}

async function burst(page, user) {
    const name = `burst ${Math.random()}`;
    await page.evaluate(() => (heard.length = frames.length = 0));
    for (let sent = 0; sent < events; sent += BATCH) {
        await user.ok('POST', '/api/batch', {
            operations: Array.from({ length: BATCH }, (_, i) => ({
                method: 'POST', path: '/api/todos', body: { title: `${name} ${sent + i}` },
            })),
        });
    }
    await eventually(page, (last) => heard.some(({ data }) => data?.title === last), 'the last event',
        `${name} ${events - 1}`, 60000);
    return page.evaluate(() => ({ longest: Math.max(...frames), count: heard.length }));
}

const browser = await startBrowser();
try {
    const { page: one, user } = await open(browser);
    const { page: two } = await open(browser, user.email);
    const [typical, worst, longest, missing] = [[], [], [], []];
    await clicks([one, two], 'warm');
    for (let round = 0; round < ROUNDS; round++) {
        const took = await clicks([one, two], `round ${round}`);
        typical.push(percentile(took, 0.5));
        worst.push(percentile(took, 0.95));
    }
    row('from a click to the row in another browser', '-');
    row('p50', 'ms', median(typical), '-', '-');
    row('p95', 'ms', median(worst), '-', 'value<50');
    for (let round = 0; round < ROUNDS; round++) {
        const { longest: frame, count } = await burst(two, user);
        longest.push(frame);
        missing.push(events - count);
    }
    row(`${events} events in a burst, in a page with a live list`, '-');
    row('longest frame', 'ms', median(longest), '-', 'value<200');
    row('events that were missing', '', Math.max(...missing), '-', 'value<=0');
} finally {
    await browser.close();
}
