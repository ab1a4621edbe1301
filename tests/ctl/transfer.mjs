// Export and import by cubbyctl: what goes out comes in again, whatever it is; what is refused is
// named by its line; and both take part in what goes on meanwhile.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ctl, done, refused, start } from '../lib/ctl.mjs';
import { User } from '../lib/http.mjs';
import { APP, ROOT, Stack, sleep, until } from '../lib/stack.mjs';
import { EventReader } from '../lib/streams.mjs';

const THINGS = {
    name: 'things',
    scope: 'user',
    schema: {
        type: 'object',
        required: ['name'],
        properties: {
            name: { type: 'string', maxLength: 1000 },
            number: { type: 'number' },
            done: { type: 'boolean' },
            tags: { type: 'array' },
            remark: { type: ['string', 'null'] },
            any: {},
        },
    },
};

// The files have 78 and 60 MB. Sanitizers keep freed memory, to see who uses it.
const MEMORY_KB = /-san-/.test(APP) ? 256 * 1024 : 40 * 1024;

// As texts: JavaScript would change some of these numbers.
const HOSTILE = [
    '"name":"quote \\" comma , semicolon ;"',
    '"name":"line\\nfeed\\r\\nreturn\\ttab"',
    '"name":"=cmd|\' /C calc\'!A0","remark":"+1","any":"@SUM(A1)"',
    '"name":"\u{1f600} \u00e9 \u2028"',
    '"name":"","remark":""',
    '"name":" blanks ","remark":null,"any":null',
    '"name":"null","remark":"null","any":"true"',
    '"name":"12","remark":"12","any":"-0"',
    '"name":"numbers","number":1e308,"any":[9007199254740993,-0,1.10]',
    '"name":"more","number":-0,"done":false,"tags":[]',
    '"name":"nested","tags":[{"a":[1,{"b":"c\\"d"}]}],"any":{"x":{"y":null}}',
    '"name":"{\\"json\\":1}","remark":"\\"quoted\\"","any":"[1"',
    '"name":"undeclared","own, \\"field\\"":1,"":2,"__proto__x":"a\\u0001b"',
];

// What differs between two accounts that have the same.
function same(text) {
    return text.slice(text.indexOf(',"data":{')).replace(/"userId":"[0-9a-f]{32}"/g, '')
        .replace(/"until":"[^"]*"/, '');
}

// The most that a process had so far, in KiB; 0 when it is gone.
function memory(pid) {
    const status = `/proc/${pid}/status`;
    return fs.existsSync(status) ? Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(status, 'utf8'))?.[1] ?? 0) : 0;
}

const folders = [];
function folder(name) {
    folders.push(fs.mkdtempSync(`/tmp/cubby-${name}-`));
    return folders.at(-1);
}
after(() => folders.forEach((path) => fs.rmSync(path, { recursive: true, force: true })));

describe('cubbyctl export and import', () => {
    let stack, env, ada, to;
    const user = () => User.signUp(stack);
    const write = (name, text) => (fs.writeFileSync(`${to}/${name}`, text), `${to}/${name}`);
    const run = (words, options) => done(stack, words, { env, ...options });
    const no = (words, why, options) => refused(stack, words, why, { env, ...options });
    const rows = async (of, name) => (await of.ok('GET', `/api/${name}?limit=1000`)).data;

    before(async () => {
        to = folder('transfer');
        const declared = folder('collections');
        fs.cpSync(`${ROOT}/fcgi-app/collections`, declared, { recursive: true });
        fs.writeFileSync(`${declared}/things.json`, JSON.stringify(THINGS));
        env = { CUBBY_COLLECTIONS_DIR: declared, CUBBY_QUOTA_ROWS: '30000' };
        stack = await new Stack({ env }).start();
        ada = await user();
        for (const members of HOSTILE) await ada.ok('POST', '/api/things', `{${members}}`);
        await ada.ok('POST', '/api/posts', { title: 'A title', content: 'and what follows' });
        await ada.ok('POST', '/data', { key: '=cmd,"x"\n', value: { deep: [null, '', 'a\u0000b'] } });
        await ada.ok('POST', '/data', '{"key":"number","value":9007199254740993}');
    });
    after(() => stack.stop());

    for (const [format, name] of [['json', 'ada.json'], ['csv', 'ada']]) {
        it(`gives an account what another has, as ${format}`, async () => {
            const bob = await user();
            await run(['export', ada.email, `${to}/${name}`, '--format', format]);
            const result = await run(['import', bob.email, `${to}/${name}`]);
            assert.deepEqual([result.added, result.unchanged], [HOSTILE.length + 4, 0]);
            await run(['export', bob.id, `${to}/bob-${name}`, '--format', format]);
            if (format === 'json') {
                const [one, other] = [name, `bob-${name}`].map((file) =>
                    fs.readFileSync(`${to}/${file}`, 'utf8'));
                assert.equal(same(other), same(one));
                assert.equal(same(one), same(`${(await ada.bearer('GET', '/api/account/export')).text}\n`));
                for (const members of HOSTILE) assert.ok(one.includes(members), members);
            } else {
                for (const file of fs.readdirSync(`${to}/${name}`))
                    assert.equal(fs.readFileSync(`${to}/bob-${name}/${file}`, 'utf8'),
                        fs.readFileSync(`${to}/${name}/${file}`, 'utf8'), file);
                assert.deepEqual(await things(bob), await things(ada));
            }
            const again = await run(['import', bob.email, `${to}/${name}`]);
            assert.deepEqual([again.added, again.unchanged], [0, HOSTILE.length + 4]);
        });
    }

    async function things(of) {
        const answer = await of.bearer('GET', '/api/account/export');
        return JSON.parse(same(answer.text).replace(/^,/, '{').replace(/"version":1,}/g, '"version":1}')
            .replace(/,}\n*$/, '}')).collections.things;
    }

    it('writes files that nobody else reads, and nothing over others', async () => {
        const path = write('there.json', 'mine');
        await no(['export', ada.email, path], /there\.json: it is there already: --force/);
        assert.equal(fs.readFileSync(path, 'utf8'), 'mine');
        await run(['export', ada.email, path, '--force']);
        assert.equal(fs.statSync(path).mode & 0o777, 0o600);
        await run(['export', ada.email, `${to}/ada`, '--format', 'csv', '--force']);
        const kept = fs.readdirSync(to).filter((name) => name.startsWith('ada.replaced-'));
        assert.equal(kept.length, 1);
        assert.equal(fs.statSync(`${to}/ada`).mode & 0o777, 0o700);
        assert.deepEqual(fs.readdirSync(to).filter((name) => name.endsWith('.partial')), []);
        await no(['export', ada.email, `${to}/none/x.json`], /none\/x\.json: there is no such/);
        await no(['export', ada.email], /an account, or --all/);
    });

    it('writes a document of every account', async () => {
        const result = await run(['export', '--all', `${to}/all`]);
        const files = fs.readdirSync(`${to}/all`);
        assert.equal(result.accounts, files.length);
        assert.ok(files.includes(`${ada.id}.json`));
        for (const name of files)
            assert.equal(`${JSON.parse(fs.readFileSync(`${to}/all/${name}`)).account.id}.json`, name);
    });

    it('is heard by those who listen, as what it is: changes', async () => {
        const bob = await user();
        const reader = await EventReader.open(stack, { headers: { authorization: `Bearer ${bob.token}` } });
        try {
            await reader.next((event) => event.name === 'realtime:connected');
            const path = write('todos.csv', '\ufeffid,title,completed\r\n,"Feed, them",true\r\n,Count them,\r\n');
            assert.equal((await run(['import', bob.email, path])).added, 2);
            for (const title of ['Feed, them', 'Count them']) {
                const event = await reader.next((one) => one.name === 'table:todos:create');
                assert.equal(event.data.data.title, title);
            }
            assert.equal((await run(['import', bob.email, path])).unchanged, 2);
        } finally {
            reader.close();
        }
    });

    it('says which lines it refuses and why, and imports nothing then', async () => {
        const bob = await user();
        const path = write('things.csv', 'id,name,number\n,fine,1\n,"two\nlines",many\n,,3\n1,x,4\n');
        const { err } = await no(['import', bob.email, path], /3 problems: nothing was imported/);
        assert.match(err, /things\.csv, things, line 3: number: must be a number/);
        assert.match(err, /line 5: name: is required/);
        assert.match(err, /line 6: id: must be a UUID/);
        assert.deepEqual(await rows(bob, 'things'), []);
        const result = await ctl(stack, ['import', bob.email, path, '--json'], { env });
        assert.equal(result.json.problems.length, 3);
        for (const [name, text, why] of [
            ['things.csv', 'name\na\0b\n', /NUL/],
            ['things.csv', 'name\n\xff\n', /UTF-8/],
            ['things.csv', 'name\na"b\n', /line 2: a quote/],
            ['things.csv', 'name,done\na\n', /line 2: it has not as many fields/],
            ['things.csv', '', /it is empty/],
            ['things.csv', 'name,name\na,b\n', /line 1: .*each once/],
            ['other.csv', 'name\na\n', /no collection "other" of users/],
            ['tasks.csv', 'title\na\n', /no collection "tasks" of users/],
            ['data.csv', 'key\na\n', /a key and a value/],
            ['data.csv', 'key,value\n__a,1\n,1\nb,\nc,1\nc,2\n', /4 problems/],
            ['a.json', '{"collections":{"things":[{"name":1}]}}', /things, row 1: name: /],
            ['a.json', '{"collections":{"things":[{"name":"x"}', /was cut short/],
            ['a.json', '{"data":{"a":1,"a":2}}', /row 2: key: the files have it twice/],
            ['a.json', '{"version":2,"data":{}}', /newer version/],
            ['a.json', '{"format":"other"}', /not the export/],
            ['a.json', '[]', /no JSON/],
        ]) await no(['import', bob.email, write(name, Buffer.from(text, 'latin1'))], why);
        await no(['import', bob.email, `${to}/none.json`], /no file that this user can read/);
        await no(['import', 'nobody@example.org', path], /no account/);
        assert.deepEqual(await rows(bob, 'things'), []);
    });

    it('leaves, replaces or refuses what is there already, as it is told', async () => {
        const bob = await user();
        const id = '01890000-0000-7000-8000-000000000001';
        const path = write('things.csv', `id,name,version\n${id},first,7\n`);
        await run(['import', bob.email, path]);
        write('things.csv', `id,name,version\n${id},second,7\n`);
        await no(['import', bob.email, path], /line 2: id: there is another/);
        assert.equal((await run(['import', bob.email, path, '--skip'])).skipped, 1);
        assert.equal((await run(['import', bob.email, path, '--update', '--dry-run'])).updated, 1);
        assert.deepEqual((await rows(bob, 'things')).map((row) => [row.name, row.version]), [['first', 7]]);
        assert.equal((await run(['import', bob.email, path, '--update'])).updated, 1);
        assert.deepEqual((await rows(bob, 'things')).map((row) => [row.name, row.version]), [['second', 8]]);
        const all = write('both.json', JSON.stringify({ data: { a: 1 }, collections: { things: [] } }));
        assert.equal((await run(['import', bob.email, all, '--collection', 'things'])).added, 0);
        assert.equal((await run(['import', bob.email, all, '--collection', 'data'])).added, 1);
        await no(['import', bob.email, all, '--collection', 'other'], /other: there is no such collection/);
        await no(['import', bob.email, to, '--collection', 'notes'], /there is no notes\.csv in it/);
        assert.equal((await run(['import', bob.email, to, '--collection', 'things'])).unchanged, 1);
    });

    it('goes on after it was killed, and doubles nothing', async () => {
        const bob = await user();
        const lines = Array.from({ length: 20000 }, (_, i) => `row ${i},${i}`);
        const path = write('things.csv', `name,number\n${lines.join('\n')}\n`);
        const child = start(stack, ['import', bob.email, path], env);
        const exited = new Promise((resolve) => child.on('exit', resolve));
        await until(async () => (await rows(bob, 'things')).length > 0, 'some rows', 60000);
        child.kill('SIGKILL');
        await exited;
        const result = await run(['import', bob.email, path]);
        assert.equal(result.added + result.unchanged, 20000);
        assert.ok(result.unchanged > 0, JSON.stringify(result));
        const { total } = await bob.ok('GET', '/api/things?count=1&limit=1');
        assert.equal(total, 20000);
        assert.equal((await done(stack, ['verify'], { env })).problems.length, 0);
        write('things.csv', `name\n${lines.map((line) => `again ${line.split(',')[0]}`).join('\n')}\n`);
        await no(['import', bob.email, path], /20000 of 30000 rows: no room for 20000 more/);
    });

    it('exports 200,000 rows in little memory', async (test) => {
        const bob = await user();
        const file = `${stack.data}/users/${bob.id.slice(0, 2)}/${bob.id}.db`;
        execFileSync('sqlite3', ['-cmd', '.timeout 10000', '-cmd', 'PRAGMA wal_autocheckpoint=0', file, `
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            INSERT INTO c_todos(id, data, created_at, updated_at, version)
            SELECT printf('00000000-0000-7000-8000-%012x', i),
                printf('{"title":"%0180d","completed":false}', i), 1800000000000, 1800000000000, 1 FROM n`]);
        for (const format of ['json', 'csv']) {
            const child = start(stack, ['export', bob.id, `${to}/many-${format}`, '--format', format], env);
            let peak = 0, code;
            child.on('exit', (number) => (code = number));
            while (code === undefined) {
                peak = Math.max(peak, memory(child.pid));
                await sleep(10);
            }
            test.diagnostic(`${format}: ${peak} KiB`);
            assert.equal(code, 0);
            assert.ok(peak < MEMORY_KB, `${peak} KiB`);
        }
        assert.ok(fs.statSync(`${to}/many-json`).size > 60e6);
        assert.ok(fs.statSync(`${to}/many-csv/todos.csv`).size > 50e6);
    });
});
