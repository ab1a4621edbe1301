// WebSocket and EventSource as Chromium has them.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PASSWORD, freshEmail } from '../lib/http.mjs';
import { Stack } from '../lib/stack.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
    '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'];

describe('streams in Chromium', { timeout: 60000 }, () => {
    let stack;
    let browser;
    let page;

    before(async () => {
        stack = await new Stack({ env: { CUBBY_TEST_ENDPOINTS: 'on' } }).start();
        browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
        page = await browser.newPage();
        await page.goto(stack.origin);
    });
    after(async () => {
        await browser?.close();
        await stack?.stop();
    });

    it('compresses WebSocket messages, and understands ours', async () => {
        const seen = await page.evaluate(() => new Promise((resolve, reject) => {
            const socket = new WebSocket(`ws://${location.host}/push/echo`);
            const sizes = [0, 1, 63, 64, 125, 126, 65535, 65536, 1 << 20];
            const texts = sizes.map((n) => 'κόσμε '.repeat(n).slice(0, n));
            const wrong = [];
            let at = 0;
            socket.binaryType = 'arraybuffer';
            socket.onopen = () => {
                for (const text of texts) {
                    socket.send(text);
                    socket.send(new Uint8Array(text.length));
                }
            };
            socket.onmessage = ({ data }) => {
                const text = texts[at >> 1];
                const same = at % 2 ? data.byteLength === text.length : data === text;
                if (!same) wrong.push(text.length);
                if (++at === 2 * texts.length) socket.close(4321, 'enough κόσμε');
            };
            socket.onerror = reject;
            socket.onclose = ({ code, reason, wasClean }) =>
                resolve({ at, wrong, code, reason, wasClean, extensions: socket.extensions });
        }));
        assert.match(seen.extensions, /^permessage-deflate/);
        assert.deepEqual(seen.wrong, []);
        assert.equal(seen.at, 18);
        assert.equal(seen.code, 4321);
        assert.equal(seen.wasClean, true);
    });

    it('hears of changes by both, signed in by cookie', async () => {
        const value = 'a value that is long enough to be compressed '.repeat(4);
        const seen = await page.evaluate(async ([email, password, text]) => {
            const post = (path, body) => fetch(path, {
                method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' },
            });
            await post('/api/signup', { email, password });
            const socket = new WebSocket(`ws://${location.host}/api/ws`);
            const events = new EventSource('/api/events');
            const next = (target, type) => new Promise((resolve) =>
                target.addEventListener(type, (event) => resolve(event.data), { once: true }));
            await Promise.all([next(socket, 'message'), next(events, 'realtime:connected')]);
            const heard = Promise.all([next(socket, 'message'), next(events, 'kv:set')]);
            await post('/data', { key: 'k', value: text });
            const both = await heard;
            socket.close();
            events.close();
            return both.map((data) => JSON.parse(data));
        }, [freshEmail(), PASSWORD, value]);
        assert.equal(seen[0].event, 'kv:k');
        assert.equal(seen[0].data, value);
        assert.equal(seen[1].data.value, value);
    });
});
