// The browser client as a package: its types compile as they are meant to be used, name what the
// modules have and no more; its size; what would be published.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import ts from 'typescript';
import { startBrowser } from '../lib/browser.mjs';
import { ROOT } from '../lib/stack.mjs';

const WWW = `${ROOT}/www`;
const MOST = 12 * 1024; // bytes of cubby.js as a server sends it

// What parts of the client say to each other, and no application does.
const INTERNAL = ['reachable', 'lives', 'channels', 'heardFrom', 'writes', 'base', 'root', 'bearer', 'offlineOff',
    'sure', 'call', 'pendingValue', 'address', 'keep', 'kept', 'creating', 'touched', 'answered', 'tellTabs',
    'listeners', 'emit', 'raise'];

const manifest = JSON.parse(fs.readFileSync(`${WWW}/package.json`, 'utf8'));

// Exported names of a module that are there when it runs.
function exportsOf(file) {
    const source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    return source.statements.flatMap((statement) => {
        if (ts.isExportDeclaration(statement)) return statement.exportClause.elements.map(({ name }) => name.text);
        if (ts.isExportAssignment(statement)) return ['default'];
        if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
        if (ts.isVariableStatement(statement)) {
            return statement.declarationList.declarations.map(({ name }) => name.text);
        }
        return ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) ? [statement.name.text] : [];
    }).sort();
}

// Members of a class or interface of cubby.d.ts, with those it inherits from another one there.
function membersOf(name) {
    const text = fs.readFileSync(`${WWW}/cubby.d.ts`, 'utf8');
    const source = ts.createSourceFile('cubby.d.ts', text, ts.ScriptTarget.Latest, true);
    const find = (wanted) => source.statements.find((statement) =>
        (ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name.text === wanted);
    const from = find(name);
    const parents = (from.heritageClauses ?? []).flatMap(({ types }) => types.map(({ expression }) => expression.text));
    const own = from.members.filter((member) => !ts.isConstructorDeclaration(member));
    const inherited = parents.filter(find).map(membersOf);
    const names = (members) => members.map((member) => member.name.text);
    return {
        needed: [...names(own.filter((member) => !member.questionToken)), ...inherited.flatMap(({ needed }) => needed)],
        all: [...names(own), ...inherited.flatMap(({ all }) => all)],
    };
}

describe('the client as a package', { timeout: 120000 }, () => {
    it('its types compile, used as documented', () => {
        execFileSync(process.execPath, [`${ROOT}/tests/node_modules/typescript/bin/tsc`, '-p', `${ROOT}/tests/types`],
            { stdio: ['ignore', 'inherit', 'inherit'] });
    });

    it('types and modules export the same names', async () => {
        for (const name of ['cubby', 'cubby-react']) {
            assert.deepEqual(exportsOf(`${WWW}/${name}.js`), exportsOf(`${WWW}/${name}.d.ts`), name);
        }
    });

    it('objects have the members that their types have', async (t) => {
        const server = http.createServer((request, response) => {
            const isModule = request.url.endsWith('.js');
            response.writeHead(isModule || request.url === '/' ? 200 : 503, {
                'content-type': isModule ? 'text/javascript' : 'text/html',
            });
            response.end(isModule ? fs.readFileSync(WWW + request.url) : '');
        });
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        t.after(() => server.close());
        const browser = await startBrowser();
        t.after(() => browser.close());
        const page = await browser.newPage();
        await page.goto(`http://127.0.0.1:${server.address().port}/`);
        const found = await page.evaluate(async () => {
            const { CubbyClient, CubbyError } = await import('/cubby.js');
            const client = new CubbyClient('/api');
            const posts = client.collection('posts');
            const objects = {
                CubbyClient: client, CubbyError: new CubbyError(400, {}), Store: client.pending, Collection: posts,
                Query: posts.query(), LiveRows: posts.live(), Counter: client.counter('x'), Notes: client.notes(),
            };
            const names = (object) => {
                const all = new Set();
                const ends = [null, Object.prototype, Error.prototype];
                for (let at = object; !ends.includes(at); at = Object.getPrototypeOf(at)) {
                    Object.getOwnPropertyNames(at).forEach((name) => all.add(name));
                }
                return [...all];
            };
            return Object.fromEntries(Object.entries(objects).map(([kind, object]) => [kind, names(object)]));
        });
        for (const [kind, names] of Object.entries(found)) {
            const missing = membersOf(kind).needed.filter((name) => !names.includes(name));
            assert.deepEqual(missing, [], `${kind} has what its type promises`);
        }
        const known = [...membersOf('CubbyClient').all, ...INTERNAL, 'constructor'];
        const strange = found.CubbyClient.filter((name) => !known.includes(name));
        assert.deepEqual(strange, [], 'nothing public without a type');
    });

    it('is small', () => {
        const size = zlib.gzipSync(fs.readFileSync(`${WWW}/cubby.js`), { level: 9 }).length;
        console.log(`cubby.js: ${size} bytes compressed`);
        assert.ok(size < MOST, `${size} bytes, over ${MOST}`);
    });

    it('publishes its modules and types, and nothing else', () => {
        const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'],
            { cwd: WWW, stdio: ['ignore', 'pipe', 'ignore'] });
        const { name, files } = JSON.parse(said)[0] ?? {};
        assert.equal(name, manifest.name);
        assert.deepEqual(files.map(({ path }) => path).sort(), [...manifest.files, 'package.json'].sort());
        const named = Object.values(manifest.exports).flatMap((paths) => Object.values(paths));
        const modules = files.map(({ path }) => path).filter((path) => path.endsWith('.js'));
        const imported = modules.flatMap((path) => {
            const source = fs.readFileSync(`${WWW}/${path}`, 'utf8');
            return [...source.matchAll(/(?:from|import\(|new URL\()\s*'(\.[^']*)'/g)]
                .map(([, to]) => `./${posix.join(posix.dirname(path), to)}`);
        });
        const wanted = new Set([...named, ...imported].map((path) => path.slice(2)));
        assert.deepEqual([...wanted].sort(), [...manifest.files].sort());
    });
});
