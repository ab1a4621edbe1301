// www/cubby.js in a blank page of a stack's origin, under the policy that its pages have. In the page are
// `client`, `cubby` (the module), `heard` (all events), and a few short words for tests.

import fs from 'node:fs';
import { PASSWORD, User, freshEmail, request } from './http.mjs';
import { ROOT, until } from './stack.mjs';

const CONFIGURATION = fs.readFileSync(`${ROOT}/apache-conf/lighttpd-site.conf`, 'utf8');
const POLICY = /"Content-Security-Policy" => "([^"]*)"/.exec(CONFIGURATION)[1];

// Settings that let a test see what pushd counts.
export const METRICS = { CUBBY_METRICS_TOKEN: 'metrics of the tests' };

// A context of its own: cookies, storage. launch: of a persistent one, in place of the browser.
export async function newContext(browser, launch) {
    const context = launch ? await launch() : await browser.newContext();
    context.setDefaultTimeout(15000);
    for (const [path, headers] of [['**/blank', { 'content-security-policy': POLICY }], ['**/blank-open', {}]]) {
        await context.route(path, (route) => route.fulfill({
            contentType: 'text/html; charset=utf-8', headers,
            body: '<!doctype html><html lang="en"><title>Blank</title><body></body></html>',
        }));
    }
    return context;
}

// at: a stack or a proxy. options: of the client. What the page complains about is in page.complaints.
// path: /blank, or /blank-open for one without a policy.
export async function openTab(context, at, options = {}, path = '/blank') {
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(error.stack ?? String(error)));
    page.on('console', (message) => {
        if (/Content Security Policy/.test(message.text())) page.complaints.push(message.text());
    });
    await page.goto(`${at.origin}${path}`);
    await load(page, options);
    return page;
}

export async function load(page, options = {}) {
    await page.evaluate(async (given) => {
        window.cubby = await import('/cubby.js');
        window.heard = [];
        window.failed = (promise) => promise.then(() => null, (error) =>
            ({ name: error.constructor.name, message: error.message, status: error.status, code: error.code }));
        window.make = (more = {}) => {
            const client = new window.cubby.CubbyClient('/api', { ...given, ...more });
            client.onAnyEvent((event, data, whole) => window.heard.push({ ...whole, event, data }));
            return client;
        };
        window.client = window.make();
        // The names of a list's rows, or another field of theirs.
        window.names = (live, field = 'title') => live.value.map((row) => row[field]);
        // A live list that somebody looks at.
        window.watch = (live) => {
            live.states = [];
            live.stop = live.subscribe((rows) => live.states.push(rows));
            return live;
        };
        window.name = ''; // nothing of the browser's own is in the way
    }, options);
}

export const reload = async (page, options) => {
    await page.reload();
    await load(page, options);
};

// What the page says, as soon as it is truthy.
export const eventually = (page, probe, what, argument, timeoutMs = 15000) =>
    until(() => page.evaluate(probe, argument), what, timeoutMs).catch(async (error) => {
        const state = await page.evaluate(() => JSON.stringify({
            realtime: window.client?.realtime.value, pending: window.client?.pending.value.length,
            heard: window.heard?.slice(-3),
        })).catch(String);
        throw new Error(`${error.message}; ${state}; ${page.complaints?.join('; ')}`);
    });

export const isLive = (page, transport) => eventually(page, (wanted) => {
    const { connected, transport: current } = window.client.realtime.value;
    return connected && (!wanted || current === wanted);
}, `to be connected by ${transport ?? 'anything'}`, transport);

export const isSafe = (page) =>
    eventually(page, () => window.client.pending.value.length === 0, 'every write to be answered');

// Signs up in the page. Resolves to a user who acts beside it, by token.
export async function signUp(page, at, email = freshEmail('c')) {
    const session = await page.evaluate(([address, password]) => window.client.signup(address, password),
        [email, PASSWORD]);
    const { user: { id }, token, refreshToken } = session;
    return Object.assign(new User(at.stack ?? at), { email, id, token, refreshToken });
}

export async function signIn(page, email) {
    return page.evaluate(([address, password]) => window.client.login(address, password), [email, PASSWORD]);
}

export const rowsOf = async (user, collection = 'todos', question = 'limit=1000') =>
    (await user.ok('GET', `/api/${collection}?${question}`)).data;

// A gauge or counter of pushd. The stack has the settings METRICS.
export async function metric(stack, name) {
    const answer = await request(stack, 'GET', '/push/metrics', {
        port: stack.pushPort, headers: { authorization: `Bearer ${METRICS.CUBBY_METRICS_TOKEN}` },
    });
    return Number(new RegExp(`^cubby_push_${name} (\\d+)$`, 'm').exec(answer.text)[1]);
}
