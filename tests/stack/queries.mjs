// Queries on collections (docs/protocol.md, section 4).

import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { User, assertFailure } from '../lib/http.mjs';
import { throughEachServer } from '../lib/stack.mjs';

const TITLES = ['apple', 'Banana', 'cherry pie', '50% off', 'a_b', 'axb', 'Ünï', 'apple pie'];

throughEachServer('queries', {}, (at) => {
    let user;
    let rows;

    before(async () => {
        user = await User.signUp(at.stack);
        rows = [];
        for (const title of TITLES) {
            rows.push((await user.ok('POST', '/api/posts', { title, content: `About ${title}` })).data);
        }
    });

    const list = (parameters) => user.bearer('GET', `/api/posts?${new URLSearchParams(parameters)}`);
    const titles = async (parameters) => {
        const answer = await list(parameters);
        assert.equal(answer.status, 200, answer.text);
        return answer.json.data.map((row) => row.title);
    };
    const where = (...condition) => ['where', JSON.stringify(condition)];

    it('newest come first', async () => {
        const answer = await list({});
        assert.deepEqual(answer.json, { ok: true, data: [...rows].reverse() });
        assert.match(answer.headers['x-as-of'], /\.\d+$/);
    });

    it('every operator finds what it should', async () => {
        assert.deepEqual(await titles([where('title', '==', 'apple')]), ['apple']);
        assert.deepEqual(await titles([where('title', '==', 'app')]), []);
        assert.equal((await titles([where('title', '!=', 'apple')])).length, TITLES.length - 1);
        assert.deepEqual(await titles([where('title', 'startsWith', 'apple')]), ['apple pie', 'apple']);
        assert.deepEqual(await titles([where('title', 'includes', '%')]), ['50% off']);
        assert.deepEqual(await titles([where('title', 'includes', 'a_b')]), ['a_b']);
        assert.deepEqual(await titles([where('title', 'in', ['apple', 'a_b', 'none'])]), ['a_b', 'apple']);
        assert.deepEqual(await titles([where('title', 'in', [])]), []);
        assert.deepEqual(await titles([where('version', '>=', 1), where('version', '<', 2),
            where('title', '==', 'axb')]), ['axb']);
        assert.deepEqual(await titles([where('version', '>', 1)]), []);
        assert.deepEqual(await titles([where('version', '<=', 0)]), []);
        assert.deepEqual(await titles([where('createdAt', '>', rows[6].createdAt), where('title', '==', 'apple')]), []);
        assert.deepEqual(await titles([where('userId', '==', user.id), where('id', '==', rows[2].id)]), ['cherry pie']);
    });

    it('a value of another type equals nothing', async () => {
        for (const value of [50, true, null, ['apple'], { a: 1 }]) {
            assert.deepEqual(await titles([where('title', '==', value)]), [], JSON.stringify(value));
        }
    });

    it('orders ascending and descending, by several fields', async () => {
        const sorted = [...TITLES].sort();
        const bytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
        assert.deepEqual(await titles({ order: 'title:asc' }), sorted.sort(bytes));
        assert.deepEqual(await titles({ order: 'title:desc' }), sorted.sort(bytes).reverse());
        const orders = ['version:asc', 'createdAt:asc', 'id:asc'].map((order) => ['order', order]);
        assert.deepEqual(await titles(orders), TITLES);
    });

    it('limit and offset cut, count tells the whole', async () => {
        assert.deepEqual(await titles({ limit: '2', offset: '1' }), ['Ünï', 'axb']);
        assert.deepEqual(await titles({ offset: '100' }), []);
        const answer = await list({ limit: '3', count: '1' });
        assert.equal(answer.json.total, TITLES.length);
        assert.equal(answer.json.data.length, 3);
        const apples = await list([where('title', 'startsWith', 'apple'), ['count', '1'], ['limit', '1']]);
        assert.equal(apples.json.total, 2);
        assert.deepEqual(await user.ok('GET', '/api/posts/count'), { ok: true, count: TITLES.length });
        assert.equal((await list({ limit: '100000' })).status, 200);
    });

    it('cursors walk through all rows, each once, while others are added', async () => {
        const walker = await User.signUp(at.stack);
        for (let i = 0; i < 10; i++) await walker.ok('POST', '/api/posts', { title: `t${i}`, content: 'c' });
        for (const order of ['', '&order=title:asc', '&order=version:desc&order=title:desc']) {
            const seen = [];
            let cursor = '';
            do {
                const path = `/api/posts?limit=3${order}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
                const page = await walker.ok('GET', path);
                seen.push(...page.data.map((row) => row.title));
                cursor = page.next ?? '';
                if (!order) await walker.ok('POST', '/api/posts', { title: 'newer', content: 'c' });
            } while (cursor);
            const first = seen.filter((title) => title !== 'newer');
            assert.equal(new Set(first).size, 10, `${order}: ${seen}`);
            assert.equal(first.length, 10, `${order}: ${seen}`);
        }
    });

    it('full text finds words', async () => {
        assert.deepEqual((await titles({ q: 'pie' })).sort(), ['apple pie', 'cherry pie']);
        assert.deepEqual(await titles({ q: 'cherry pie' }), ['cherry pie']);
        assert.deepEqual(await titles({ q: 'nowhere' }), []);
        for (const q of ['"', '*', 'a OR', '(', 'NEAR(', 'title:', '-', '^', "'; DROP", 'a AND NOT']) {
            assert.ok([200, 400].includes((await list({ q })).status), q);
        }
    });

    it('anything malformed is 400', async () => {
        const bad = [
            { where: 'x' }, { where: '[]' }, { where: '["title"]' }, { where: '["title","=="]' },
            { where: '["title","==","a","b"]' }, { where: '{"title":"a"}' }, { where: '["title","=","a"]' },
            { where: '["title","LIKE","a"]' }, { where: '["ti tle","==","a"]' }, { where: '["title\'","==","a"]' },
            { where: '["","==","a"]' }, { where: '["a..b","==","a"]' }, { where: '[".a","==","a"]' },
            { where: '["a.","==","a"]' }, { where: '[7,"==","a"]' }, { where: '["title","in","apple"]' },
            { where: '["title","startsWith",null]' },
            { order: 'title' }, { order: 'title:up' }, { order: 'ti-tle:asc' }, { order: ':asc' },
            { order: 'title:asc; --' }, { limit: '0' }, { limit: '-1' }, { limit: '1.5' }, { limit: 'x' },
            { limit: '' }, { limit: '1e3' }, { limit: ' 1' }, { limit: '99999999999999999999' },
            { offset: '-1' }, { offset: 'x' }, { cursor: 'x' }, { cursor: '' },
        ];
        for (const parameters of bad) {
            const answer = await list(parameters);
            if (parameters.limit?.startsWith('999')) assert.ok([200, 400].includes(answer.status));
            else assertFailure(answer, 400, undefined, JSON.stringify(parameters));
        }
    });

    it('a field nobody has matches nothing, and does not fail', async () => {
        assert.deepEqual(await titles([where('no.such.field', '==', 1)]), []);
        assert.equal((await titles({ order: 'nothing:asc' })).length, TITLES.length);
    });

    it('many conditions are bounded, not fatal', async () => {
        const answer = await list(Array.from({ length: 200 }, () => where('title', '==', 'apple')));
        assert.ok([200, 400, 414, 431].includes(answer.status));
    });
});
