// The browser client's connection: every change is heard once and in order, whatever becomes of the line;
// one connection serves all tabs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { METRICS, eventually, isLive, metric, newContext, openTab, rowsOf, signUp } from '../lib/client.mjs';
import { Proxy, RandomCuts } from '../lib/proxy.mjs';
import { Stack, sleep, until } from '../lib/stack.mjs';
import { seq } from '../lib/witness.mjs';

const ENV = { ...METRICS, CUBBY_LOG_KEEP_EVENTS: '100000', CUBBY_LOG_KEEP_BYTES: '1000000000' };

describe('the client: its connection', { timeout: 900000 }, () => {
    let stack, browser;

    before(async () => {
        stack = await new Stack({ env: ENV }).start();
        browser = await startBrowser();
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    async function enter(t, options, at = stack) {
        const proxy = await Proxy.start(t, at);
        const context = await newContext(browser);
        t.after(() => context.close());
        const page = await openTab(context, proxy, options);
        const user = await signUp(page, proxy);
        await isLive(page);
        await page.evaluate(() => (window.list = watch(client.collection('todos').live(1000))));
        await eventually(page, () => !list.loading, 'the list');
        return { proxy, context, page, user };
    }

    const write = async (user, title) => (await user.ok('POST', '/api/todos', { title })).data;
    const hears = (page, title) => eventually(page, (wanted) => heard.some(({ data }) => data?.title === wanted),
        `to hear of ${title}`, title, 30000);
    const outline = (rows) => rows.map(({ id, version, title }) => `${id} ${version} ${title}`).join('\n');

    // What the page shows, where nothing is on its way any more, is what the server has.
    async function agrees(page, user, what = 'the list to be the server’s') {
        let stored, shown;
        await until(async () => {
            stored = outline(await rowsOf(user));
            shown = await page.evaluate(() =>
                list.value.map(({ id, version, title }) => `${id} ${version} ${title}`).join('\n'));
            return stored === shown;
        }, what, 20000).catch((error) => {
            throw new Error(`${error.message}\nstored:\n${stored}\nshown:\n${shown}`);
        });
    }

    // Every event of the log since the first that was heard: each once, in order.
    async function heardOnce(page) {
        const { ids, resyncs } = await page.evaluate(() => ({
            ids: heard.filter(({ event, id }) => id && /^(table|kv|organization):/.test(event)).map(({ id }) => id),
            resyncs: heard.filter(({ event }) => event === 'realtime:resync').length,
        }));
        const numbers = ids.map(seq);
        assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), 'each once, in order');
        assert.equal(resyncs, 0);
        return numbers.length;
    }

    it('goes by WebSocket, by events where a proxy knows no WebSocket, and up again', async (t) => {
        const { proxy, page, user } = await enter(t);
        await isLive(page, 'websocket');
        await write(user, 'by socket');
        await hears(page, 'by socket');
        proxy.webSocket = 'refuse';
        proxy.cut();
        await isLive(page, 'sse');
        await write(user, 'by events');
        await hears(page, 'by events');
        proxy.webSocket = 'pass';
        await eventually(page, () => client.realtime.value.transport === 'websocket', 'the way up', null, 60000);
        await write(user, 'by socket again');
        await hears(page, 'by socket again');
        await agrees(page, user);
        await heardOnce(page);
        assert.deepEqual(page.complaints, []);
    });

    it('by poll, where a proxy holds events back too, and misses nothing on the way', async (t) => {
        const { proxy, page, user } = await enter(t);
        let writing = true;
        const writer = (async () => {
            for (let i = 0; writing; i++) {
                await write(user, `row ${i}`);
                await sleep(50);
            }
        })();
        proxy.webSocket = 'swallow';
        proxy.sse = 'buffer';
        proxy.cut();
        await eventually(page, () => client.realtime.value.transport === 'poll', 'to poll', null, 60000);
        await write(user, 'by poll');
        await hears(page, 'by poll');
        proxy.heal();
        await eventually(page, () => client.realtime.value.transport === 'websocket', 'the way up', null, 60000);
        writing = false;
        await writer;
        await write(user, 'last');
        await hears(page, 'last');
        await agrees(page, user);
        await heardOnce(page);
    });

    for (const transport of ['websocket', 'sse', 'poll']) {
        it(`by ${transport} alone, when told so, and hears what it missed`, async (t) => {
            const { proxy, page, user } = await enter(t, { transports: [transport] });
            await isLive(page, transport);
            await write(user, 'first');
            await hears(page, 'first');
            await proxy.refuse();
            await eventually(page, () => !client.isConnected, 'the line to be cut');
            for (let i = 0; i < 30; i++) await write(user, `missed ${i}`);
            await proxy.accept();
            await isLive(page, transport);
            await write(user, 'last');
            await hears(page, 'last');
            assert.equal(await heardOnce(page), 32);
            await agrees(page, user);
            assert.equal(await page.evaluate(() => heard.some(({ event, data }) =>
                event === 'realtime:disconnected' && data.retryIn > 0)), true);
        });
    }

    it('a list that was asked for before and answered after a change has it', async (t) => {
        const { proxy, page, user } = await enter(t);
        const gone = await write(user, 'gone');
        const changed = await write(user, 'old');
        await hears(page, 'old');
        await page.evaluate(() => list.stop());
        const held = proxy.rule('GET /api/todos', 'holdAnswer');
        await page.evaluate(() => (window.list = watch(client.collection('todos').live(1000))));
        await until(() => held.hits === 1, 'the question');
        await sleep(100); // the answer is on its way
        await user.ok('DELETE', `/api/todos/${gone.id}`);
        await user.ok('PUT', `/api/todos/${changed.id}`, { title: 'new' });
        await write(user, 'made');
        await hears(page, 'made');
        held.drop();
        await eventually(page, () => !list.loading, 'the answer');
        await agrees(page, user);
        assert.deepEqual(await page.evaluate(() => names(list)), ['made', 'new']);
    });

    it('a list that was answered before the line stood misses nothing in between', async (t) => {
        const { proxy, page, user } = await enter(t);
        await write(user, 'before');
        await hears(page, 'before');
        Object.assign(proxy, { webSocket: 'refuse', sse: 'refuse' });
        proxy.rule('GET /api/changes', 'cut');
        proxy.cut();
        await eventually(page, () => !client.isConnected, 'the line to be cut');
        await page.evaluate(() => {
            list.stop();
            window.list = watch(client.collection('todos').live(1000));
        });
        await eventually(page, () => names(list).includes('before'), 'the list');
        await write(user, 'between');
        await proxy.heal();
        await agrees(page, user);
    });

    it('a live query is as the server would answer, also after changes', async (t) => {
        const { page, user } = await enter(t);
        const made = [];
        for (const title of ['pear', 'apple', 'fig']) made.push(await write(user, title));
        await page.evaluate(() => {
            const query = client.collection('todos').query();
            window.sorted = watch(query.orderBy('title').live());
            window.open = watch(query.where('completed', '==', false).orderBy('title', 'desc').limit(2).live());
        });
        const both = (all, some) => eventually(page, ([one, two]) =>
            JSON.stringify([names(sorted), names(window.open)]) === JSON.stringify([one, two]), `${all}; ${some}`,
        [all, some]);
        await both(['apple', 'fig', 'pear'], ['pear', 'fig']);
        assert.equal(await page.evaluate(() => window.open.hasMore), true);
        await user.ok('PUT', `/api/todos/${made[0].id}`, { completed: true });
        await both(['apple', 'fig', 'pear'], ['fig', 'apple']);
        await user.ok('PUT', `/api/todos/${made[1].id}`, { title: 'zucchini' });
        await both(['fig', 'pear', 'zucchini'], ['zucchini', 'fig']);
        await user.ok('DELETE', `/api/todos/${made[2].id}`);
        await both(['pear', 'zucchini'], ['zucchini']);
    });

    it('a list in another order shows a write all the time, before and after it is answered', async (t) => {
        const { page, user } = await enter(t);
        for (const title of ['b', 'd']) await write(user, title);
        await page.evaluate(() => {
            window.sorted = watch(client.collection('todos').query().orderBy('title').live());
        });
        await eventually(page, () => names(sorted).join() === 'b,d', 'the rows');
        await page.evaluate(async () => {
            const todos = client.collection('todos');
            sorted.states.length = 0;
            await todos.update(sorted.value[1].id, { title: 'a' });
            await todos.create({ title: 'c' });
        });
        await eventually(page, () => names(sorted).join() === 'a,b,c', 'the place of both');
        const states = await page.evaluate(() => sorted.states.map((rows) => rows.map(({ title }) => title)));
        const all = states.map((titles) => titles.join());
        for (const [title, what] of [['a', 'changed'], ['c', 'made']]) {
            const first = states.findIndex((titles) => titles.includes(title));
            assert.ok(states.slice(first).every((titles) => titles.includes(title)), `${what}: ${all.join(' | ')}`);
        }
    });

    it('a long list shows its newest part, and more when asked', async (t) => {
        const { page, user } = await enter(t);
        for (let i = 0; i < 12; i++) await write(user, `row ${i}`);
        await page.evaluate(() => (window.part = watch(client.collection('todos').live(5))));
        await eventually(page, () => part.value.length === 5 && part.hasMore, 'five rows');
        await write(user, 'newest');
        await eventually(page, () => names(part)[0] === 'newest', 'the newest');
        assert.equal(await page.evaluate(() => part.value.length), 5);
        const id = await page.evaluate(() => part.value[2].id);
        await user.ok('DELETE', `/api/todos/${id}`);
        await eventually(page, () => part.value.length === 5 && names(part)[4] === 'row 7', 'the next one to move up');
        await page.evaluate(() => part.more());
        await eventually(page, () => part.value.length === 12 && !part.hasMore, 'all of them');
    });

    it('is told when too much was missed, and asks for its lists again', async (t) => {
        const short = await new Stack({ env: { CUBBY_LOG_KEEP_EVENTS: '10' } }).start();
        t.after(() => short.stop());
        const { proxy, page, user } = await enter(t, {}, short);
        await write(user, 'first');
        await hears(page, 'first');
        await proxy.refuse();
        await eventually(page, () => !client.isConnected, 'the line to be cut');
        for (let i = 0; i < 200; i++) await write(user, `missed ${i}`); // logs are trimmed now and then
        await proxy.accept();
        await eventually(page, () => heard.some(({ event }) => event === 'realtime:resync'), 'the resync', null, 30000);
        await agrees(page, user);
        await write(user, 'afterwards');
        await hears(page, 'afterwards');
        await agrees(page, user);
    });

    it('comes back from a line that died without a sign when the network is there again', async (t) => {
        const { proxy, page, user } = await enter(t);
        await write(user, 'first');
        await hears(page, 'first');
        proxy.silence();
        await write(user, 'in the dark');
        await page.evaluate(() => window.dispatchEvent(new Event('online')));
        await hears(page, 'in the dark');
        await agrees(page, user);
        await heardOnce(page);
    });

    it('hears everything when pushd is killed, again and again', async (t) => {
        const { page, user } = await enter(t);
        let writing = true;
        const writer = (async () => {
            for (let i = 0; writing; i++) await write(user, `row ${i}`).then(() => sleep(10));
        })();
        for (let round = 0; round < 3; round++) {
            const pid = stack.pid('cubby-pushd');
            process.kill(pid, 'SIGKILL');
            await until(() => stack.pid('cubby-pushd') !== pid, 'a new pushd');
            await isLive(page);
        }
        writing = false;
        await writer;
        await write(user, 'last');
        await hears(page, 'last');
        await heardOnce(page);
        await agrees(page, user);
    });

    for (const share of ['worker', 'locks']) {
        it(`one connection serves all tabs (${share}), also when the first is closed`, async (t) => {
            await until(async () => await metric(stack, 'streams') === 0, 'the streams of other tests to end', 20000);
            const { proxy, context, page, user } = await enter(t, { share });
            const others = [];
            for (let i = 0; i < 3; i++) {
                const tab = await openTab(context, proxy, { share });
                await isLive(tab);
                await tab.evaluate(() => (window.list = watch(client.collection('todos').live(1000))));
                await eventually(tab, () => !list.loading, 'the list');
                others.push(tab);
            }
            assert.equal(await page.evaluate(() => client.realtime.value.shared), share);
            assert.equal(await metric(stack, 'streams'), 1);
            await write(user, 'to all');
            for (const tab of [page, ...others]) await hears(tab, 'to all');
            await page.close();
            for (let i = 0; i < 10; i++) await write(user, `meanwhile ${i}`);
            for (const tab of others) await isLive(tab);
            await write(user, 'afterwards');
            for (const tab of others) {
                await hears(tab, 'afterwards');
                await heardOnce(tab);
                await agrees(tab, user);
            }
            assert.equal(await metric(stack, 'streams'), 1);
            await others[0].reload(); // a tab that leaves without a word
            for (const tab of others.slice(1)) {
                await isLive(tab);
                await write(user, 'still');
                await hears(tab, 'still');
            }
            for (const tab of others) await tab.close();
            await until(async () => await metric(stack, 'streams') === 0, 'the line to end with the last tab');
        });
    }

    it('a tab of its own has a connection of its own', async (t) => {
        await until(async () => await metric(stack, 'streams') === 0, 'the streams of other tests to end', 20000);
        const { proxy, context } = await enter(t, { share: false });
        const other = await openTab(context, proxy, { share: false });
        await isLive(other);
        assert.equal(await metric(stack, 'streams'), 2);
    });

    // Each round: writes of three kinds, a cut somewhere among them, and the list as the server has it.
    for (const [transport, rounds] of [['websocket', 200], ['sse', 25], ['poll', 10]]) {
        it(`${rounds} reconnects by ${transport}, each time the list is the server’s`, async (t) => {
            const { proxy, page, user } = await enter(t, { transports: [transport] });
            const rows = [];
            const opened = () => proxy.calls(/^UPGRADE|^GET \/api\/(events|changes)/).length;
            for (let round = 0; round < rounds; round++) {
                let before;
                const cut = sleep(Math.random() * 30).then(() => {
                    before = opened();
                    proxy.cut();
                });
                rows.push(await write(user, `row ${round}`));
                const any = rows[Math.floor(Math.random() * rows.length)];
                await user.ok('PUT', `/api/todos/${any.id}`, { title: `changed in ${round}` });
                if (rows.length > 20) await user.ok('DELETE', `/api/todos/${rows.shift().id}`);
                await cut;
                await until(() => opened() > before, 'the line to come back');
                await agrees(page, user, `the list after cut ${round}`);
            }
            await isLive(page);
            await heardOnce(page);
        });
    }

    it('cuts at random moments, a hundred of them, while it writes and reads', async (t) => {
        const { proxy, page, user } = await enter(t);
        const cuts = new RandomCuts(proxy, [5, 120]);
        await page.evaluate(() => {
            window.writing = true;
            window.made = [];
            window.writer = (async () => {
                for (let i = 0; window.writing; i++) {
                    made.push(client.collection('todos').create({ title: `mine ${i}` }));
                    await new Promise((resolve) => setTimeout(resolve, 20));
                }
            })();
        });
        await cuts.atLeast(100, 60000);
        await cuts.stop();
        const titles = await page.evaluate(async () => {
            window.writing = false;
            await window.writer;
            return (await Promise.all(made)).map(({ title }) => title);
        });
        assert.deepEqual(titles, titles.map((_, i) => `mine ${i}`));
        const stored = (await rowsOf(user)).map(({ title }) => title).reverse();
        assert.deepEqual(stored, titles.slice(-1000), 'each once, in order');
        await agrees(page, user);
        await heardOnce(page);
    });

    it('ten thousand events in a burst: none is missing, none comes twice', async (t) => {
        const { page, user } = await enter(t);
        await page.evaluate(() => {
            window.longest = 0;
            let last = performance.now();
            requestAnimationFrame(function frame(now) {
                longest = Math.max(longest, now - last);
                last = now;
                requestAnimationFrame(frame);
            });
        });
        for (let batch = 0; batch < 100; batch++) {
            await user.ok('POST', '/api/batch', {
                operations: Array.from({ length: 100 }, (_, i) => ({
                    method: 'POST', path: '/api/todos', body: { title: `row ${batch * 100 + i}` },
                })),
            });
        }
        await hears(page, 'row 9999');
        assert.equal(await heardOnce(page), 10000);
        const { longest, shown } = await page.evaluate(() => ({ longest: window.longest, shown: names(list) }));
        assert.deepEqual(shown, Array.from({ length: 1000 }, (_, i) => `row ${9999 - i}`));
        console.log(`longest frame while 10,000 events came: ${longest.toFixed(0)} ms`);
    });
});
