// The browser client: rooms, broadcasts and envelopes, counters, notes, live pages, and the two helpers.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { eventually, isLive, newContext, openTab, reload, signIn, signUp } from '../lib/client.mjs';
import { mint, request } from '../lib/http.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { Stack, until } from '../lib/stack.mjs';

describe('the client: rooms, counters, notes', { timeout: 300000 }, () => {
    let stack, browser;

    before(async () => {
        stack = await new Stack().start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function enter(t, { at = stack, options } = {}) {
        const context = await newContext(browser);
        t.after(() => context.close());
        const page = await openTab(context, at, options);
        const user = await signUp(page, at);
        await isLive(page);
        return { context, page, user };
    }

    const hears = (page, name, count = 1) => eventually(page, ([wanted, n]) =>
        heard.filter(({ event }) => event === wanted).length >= n, `${count} of ${name}`, [name, count]);
    const of = (page, name) => page.evaluate((wanted) =>
        heard.filter(({ event }) => event === wanted).map(({ data }) => data), name);

    it('people meet in a room: who is there, who comes, what they say, who goes', async (t) => {
        const [ann, bob] = [await enter(t), await enter(t)];
        const first = await ann.page.evaluate(() => client.join('room:lobby'));
        assert.deepEqual(first, { room: 'room:lobby', members: [ann.user.id], count: 1 });
        const second = await bob.page.evaluate(() => client.join('room:lobby'));
        assert.deepEqual(second.members.sort(), [ann.user.id, bob.user.id].sort());
        await hears(ann.page, 'user:online');
        assert.deepEqual((await of(ann.page, 'user:online')).at(-1), { userId: bob.user.id, room: 'room:lobby' });
        await bob.page.evaluate(() => client.broadcast('user:typing', { text: '<b>κόσμε</b>' }, 'room:lobby'));
        await hears(ann.page, 'user:typing');
        assert.deepEqual(await of(ann.page, 'user:typing'),
            [{ text: '<b>κόσμε</b>', userId: bob.user.id, room: 'room:lobby' }]);
        assert.deepEqual(await of(bob.page, 'user:typing'), [], 'not to oneself');
        const again = await ann.page.evaluate(() => client.presence('room:lobby'));
        assert.equal(again.count, 2);
        await bob.page.evaluate(() => client.leave('room:lobby'));
        await hears(ann.page, 'user:offline');
        assert.equal((await ann.page.evaluate(() => client.presence('room:lobby'))).count, 1);
    });

    it('rooms are joined again after a cut, and only their tabs hear them', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const [ann, bob] = [await enter(t, { at: proxy }), await enter(t)];
        const quiet = await openTab(ann.context, proxy);
        await isLive(quiet);
        await ann.page.evaluate(() => client.join('room:cut'));
        await bob.page.evaluate(() => client.join('room:cut'));
        proxy.cut();
        await until(() => proxy.upgrades > 1, 'the line to come back');
        await isLive(ann.page);
        await until(async () => {
            await bob.page.evaluate(() => client.broadcast('app:hello', {}, 'room:cut'));
            return (await of(ann.page, 'app:hello')).length;
        }, 'to be in the room again');
        assert.deepEqual(await of(quiet, 'app:hello'), []);
        await quiet.evaluate(() => client.join('room:cut'));
        await bob.page.evaluate(() => client.broadcast('app:both', {}, 'room:cut'));
        for (const page of [ann.page, quiet]) await hears(page, 'app:both');
        await ann.page.evaluate(() => client.leave('room:cut'));
        await bob.page.evaluate(() => client.broadcast('app:one', {}, 'room:cut'));
        await hears(quiet, 'app:one');
        assert.deepEqual(await of(ann.page, 'app:one'), [], 'it has left');
    });

    it('a broadcast reaches the user’s other tabs and browsers', async (t) => {
        const { context, page, user } = await enter(t);
        const other = await openTab(context, stack);
        await isLive(other);
        const far = await openTab(await newContext(browser), stack);
        t.after(() => far.context().close());
        await signIn(far, user.email);
        await isLive(far);
        await page.evaluate(() => client.broadcast('app:wave', { to: 'all' }));
        for (const tab of [other, far]) {
            await hears(tab, 'app:wave');
            assert.deepEqual(await of(tab, 'app:wave'), [{ to: 'all', userId: user.id }]);
        }
        await far.evaluate(() => client.broadcast('app:back', {}));
        for (const tab of [page, other]) await hears(tab, 'app:back');
        assert.deepEqual(await of(page, 'app:wave'), []);
    });

    it('an envelope reaches who asked for it, also after joining a room, and is answered', async (t) => {
        const { page, user } = await enter(t);
        await page.evaluate(() => {
            window.got = [];
            window.off = client.subscribe([{ type: 'job', kind: 'print' }], async (envelope) => {
                got.push(envelope);
                return { printed: envelope.payload.n };
            });
        });
        await page.evaluate(() => client.join('room:work'));
        await page.evaluate(() => client.leave('room:work'));
        const publish = (payload) => page.evaluate((what) => client.publish('job', what), payload);
        await until(async () => (await publish({ kind: 'print', n: 0 })).clientCount === 1, 'the subscription');
        assert.deepEqual(await publish({ kind: 'print', n: 7 }), { clientCount: 1, results: [{ printed: 7 }] });
        assert.deepEqual(await publish({ kind: 'copy', n: 8 }), { clientCount: 0, results: [] });
        const last = await page.evaluate(() => got.at(-1));
        assert.equal(last.type, 'job');
        assert.equal(last.userId, user.id);
        assert.deepEqual(last.payload, { kind: 'print', n: 7 });
        // Changes go on as before.
        await user.ok('POST', '/api/todos', { title: 'x' });
        await hears(page, 'table:todos:create');
        const backend = mint({ userId: 'backend', iat: Math.floor(Date.now() / 1000) });
        const answer = await request(stack, 'POST', '/publish', {
            headers: { authorization: `Bearer ${backend}` },
            body: { userId: user.id, type: 'job', payload: { kind: 'print', n: 9 } },
        });
        assert.deepEqual(answer.json, { clientCount: 1, results: [{ printed: 9 }] });
        await page.evaluate(() => off());
        await until(async () => (await publish({ kind: 'print', n: 10 })).clientCount === 0, 'the end of it');
        await user.ok('POST', '/api/todos', { title: 'y' });
        await hears(page, 'table:todos:create', 2);
    });

    it('the rows and events of an organization', async (t) => {
        const [ann, bob] = [await enter(t), await enter(t)];
        const { organization } = await ann.user.ok('POST', '/api/organizations', { name: 'Team' });
        await ann.user.ok('POST', `/api/organizations/${organization.id}/members`, { email: bob.user.email });
        for (const { page } of [ann, bob]) {
            await page.evaluate(async (id) => {
                window.tasks = client.collection('tasks', { org: id });
                window.list = watch(tasks.live());
                await client.join(`org:${id}`);
            }, organization.id);
        }
        await ann.page.evaluate(() => tasks.create({ title: 'ours' }));
        for (const { page } of [ann, bob]) {
            await eventually(page, () => names(list).join() === 'ours', 'the task');
            await hears(page, 'table:tasks:create');
            assert.equal(await page.evaluate(() => heard.find(({ event }) => event === 'table:tasks:create').space),
                `org:${organization.id}`);
        }
        await bob.page.evaluate(() => tasks.update(list.value[0].id, { done: true }));
        await eventually(ann.page, () => list.value[0].done === true, 'the change');
    });

    for (const transport of ['sse', 'poll']) {
        it(`an organization that the user is not in does not end the line by ${transport}`, async (t) => {
            const { page, user } = await enter(t, { options: { transports: [transport] } });
            const { user: stranger } = await enter(t);
            const { organization } = await stranger.ok('POST', '/api/organizations', { name: 'Closed' });
            await page.evaluate((id) => void client.join(`org:${id}`), organization.id);
            await isLive(page, transport);
            for (let i = 1; i <= 3; i++) {
                await user.ok('POST', '/api/todos', { title: `row ${i}` });
                await hears(page, 'table:todos:create', i);
            }
            assert.ok((await of(page, 'realtime:disconnected')).length < 2, 'once for the room, at most');
        });
    }

    const count = (op, body) => request(stack, 'POST', `/rpc/counter.${op}`, { body });

    it('a counter: everybody sees each change, and who watches', async (t) => {
        const [ann, bob] = [await enter(t), await enter(t)];
        for (const { page } of [ann, bob]) {
            await page.evaluate(() => {
                window.counter = client.counter('shared');
                window.told = [];
                for (const event of ['open', 'increment', 'decrement', 'setValue', 'reset', 'update']) {
                    counter.on(event, (message) => told.push([event, message?.value]));
                }
                counter.subscribe(() => {});
            });
            await eventually(page, () => counter.isConnected && !counter.isConnecting, 'to be connected');
        }
        await eventually(ann.page, () => counter.value.viewers === 2, 'two viewers');
        const answers = await ann.page.evaluate(async () => [await counter.setValue(7), await counter.increment(),
            await counter.increment(4), await counter.decrement(2)]);
        assert.deepEqual(answers.map(({ value }) => value), [7, 8, 12, 10]);
        for (const { page } of [ann, bob]) {
            await eventually(page, () => counter.value.value === 10, 'the value');
            const state = await page.evaluate(() => ({ ...counter.value, at: counter.lastUpdate instanceof Date,
                error: counter.error }));
            assert.equal(state.previousValue, 12);
            assert.equal(state.metadata.operationCount, 4);
            assert.deepEqual([state.at, state.error], [true, null]);
            const told = await page.evaluate(() => window.told.map(([event, value]) => `${event} ${value ?? ''}`));
            assert.deepEqual(told.filter((one) => !/^update/.test(one)),
                ['open ', 'setValue 7', 'increment 8', 'increment 12', 'decrement 10']);
            assert.deepEqual(told.filter((one) => /^update/.test(one)),
                ['update 7', 'update 8', 'update 12', 'update 10']);
        }
        const history = await bob.page.evaluate(() => counter.getHistory(2));
        assert.deepEqual(history.map(({ operation }) => operation), ['decrement(2)', 'increment(4)']);
        assert.deepEqual(await bob.page.evaluate(() => counter.getValue()), { name: 'shared', value: 10 });
        assert.equal((await bob.page.evaluate(() => counter.reset())).value, 0);
        await bob.page.evaluate(() => counter.close());
        await eventually(ann.page, () => counter.value.viewers === 1 && counter.value.value === 0, 'one viewer');
    });

    it('a counter comes back within three seconds, with what was missed', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const { page } = await enter(t, { at: proxy });
        await page.evaluate(() => {
            window.counter = client.counter('cut');
            counter.subscribe(() => {});
        });
        await eventually(page, () => counter.isConnected, 'to be connected');
        await proxy.refuse();
        await eventually(page, () => !counter.isConnected && counter.error, 'to be cut off');
        await count('setValue', { name: 'cut', value: 41 });
        await proxy.accept();
        await eventually(page, () => counter.isConnected && counter.value.value === 41, 'the value', null, 6000);
        await count('increment', { name: 'cut' });
        await eventually(page, () => counter.value.value === 42, 'what comes afterwards');
    });

    it('notes are one list in every tab, under an identity that stays', async (t) => {
        const proxy = await Proxy.start(t, stack);
        const { context, page, user } = await enter(t, { at: proxy });
        const other = await openTab(context, proxy);
        for (const tab of [page, other]) {
            await tab.evaluate(() => {
                window.notes = client.notes();
                notes.subscribe(() => {});
                window.texts = () => notes.value.map(({ text }) => text).join();
            });
            await eventually(tab, () => notes.isConnected && notes.clientId, 'an identity');
        }
        const id = await page.evaluate(() => localStorage.getItem('notes_client_id'));
        assert.ok(id);
        const note = await page.evaluate(() => notes.create('milk'));
        assert.equal(note.userId, user.id);
        for (const tab of [page, other]) await eventually(tab, () => texts() === 'milk', 'the note');
        await other.evaluate((one) => notes.update(one, 'milk & <b>honey</b>'), note.id);
        for (const tab of [page, other]) await eventually(tab, () => texts() === 'milk & <b>honey</b>', 'the change');
        await page.evaluate(() => notes.create('bread'));
        proxy.cut();
        await user.ok('POST', '/api/notes', { text: 'while away' });
        for (const tab of [page, other]) {
            await eventually(tab, () => texts() === 'while away,bread,milk & <b>honey</b>', 'all');
        }
        await page.evaluate(() => notes.reconnect());
        await eventually(page, () => notes.isConnected, 'to be connected again');
        await page.evaluate((one) => notes.delete(one), note.id);
        for (const tab of [page, other]) await eventually(tab, () => texts() === 'while away,bread', 'the deletion');
        await reload(page);
        await page.evaluate(() => {
            window.notes = client.notes();
            notes.subscribe(() => {});
        });
        await eventually(page, () => notes.value.length === 2, 'the notes again');
        assert.equal(await page.evaluate(() => notes.clientId), id);
    });

    it('elements of a page are replaced when the server renders them anew', async (t) => {
        const { page } = await enter(t);
        const backend = mint({ userId: 'backend', iat: Math.floor(Date.now() / 1000) });
        const render = (html) => request(stack, 'POST', '/live/render', {
            headers: { authorization: `Bearer ${backend}` }, body: { key: '/prices', html },
        }).then((answer) => answer.json.clientCount);
        await page.evaluate(() => {
            document.body.innerHTML = '<p data-live="gold">1</p><p data-live="silver">2</p>';
            window.page = client.live({ key: '/prices' });
        });
        const html = '<p data-live="gold">7</p><script>window.bad = 1</script>';
        await until(async () => await render(html) === 1, 'to listen');
        await eventually(page, () => document.querySelector('[data-live=gold]').textContent === '7', 'the new price');
        assert.equal(await page.evaluate(() => document.querySelector('[data-live=silver]').textContent), '2');
        assert.equal(await page.evaluate(() => window.bad), undefined);
        await page.evaluate(() => window.page.close());
        await until(async () => await render('<p data-live="gold">8</p>') === 0, 'to be closed');
    });

    it('debounce waits for quiet, batch gathers the latest of each', async (t) => {
        const context = await newContext(browser);
        t.after(() => context.close());
        const page = await openTab(context, stack);
        const seen = await page.evaluate(async () => {
            const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
            const ran = [];
            const save = cubby.debounce((...args) => ran.push(args));
            const begun = performance.now();
            for (let i = 0; i < 5; i++) save(i, 'x');
            const atOnce = ran.length;
            while (!ran.length) await wait(1);
            const took = performance.now() - begun;
            save(5, 'flushed');
            save.flush();
            await wait(150);
            const sent = [];
            const send = cubby.batch((items) => sent.push(items));
            for (const [id, x] of [['a', 1], ['b', 1], ['a', 2], ['c', 1], ['b', 2]]) send({ id, x });
            while (!sent.length) await wait(1);
            send({ id: 'z', x: 1 });
            send.flush();
            await wait(100);
            return { ran, atOnce, took, sent };
        });
        assert.deepEqual(seen.ran, [[4, 'x'], [5, 'flushed']]);
        assert.equal(seen.atOnce, 0);
        assert.ok(seen.took >= 95, `${seen.took}`);
        assert.equal(seen.sent.length, 2);
        assert.deepEqual(Object.fromEntries(seen.sent[0].map(({ id, x }) => [id, x])), { a: 2, b: 2, c: 1 });
        assert.equal(seen.sent[0].length, 3);
        assert.deepEqual(seen.sent[1], [{ id: 'z', x: 1 }]);
    });

    it('a visitor counts, and has no notes', async (t) => {
        const { page } = await enter(t);
        await page.evaluate(() => client.logout());
        assert.equal(await page.evaluate(() => client.ws), null);
        const value = await page.evaluate(async () => (await client.counter('visitors').increment()).value);
        assert.equal(value, 1);
        const error = await page.evaluate(() => failed(client.notes().create('x')));
        assert.equal(error.status, 401);
    });
});
