// Every call that cubby.fcgi answers, from its own table (fcgi-app/routes.c).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ROOT } from './stack.mjs';

const ROW = /^ {4}\{((?:METHOD_\w+[ |]*)+), "([^"]+)",\s*([\w\s|]+?),\s*\w+,\s*"/gm;

const words = (text, macros) => text.replace(/\b[A-Z]+\b/g, (word) => macros[word] ?? word).match(/\w+/g);

// One for each method of a row: { name: `METHOD /path`, method, path, needs: a set of its flags }.
export function routesOfTable() {
    const text = fs.readFileSync(`${ROOT}/fcgi-app/routes.c`, 'utf8');
    const macros = { WRITE: /#define WRITE \((.*)\)/.exec(text)[1] };
    const table = /const struct route routes\[\] = \{\n(.*?)\n\};/s.exec(text)[1].replace(/\/\*.*?\*\//gs, '');
    const plain = [...table.matchAll(ROW)].map(([, methods, path, needs]) => [methods, path, needs]);
    const counters = [...table.matchAll(/^ {4}COUNTER\("(\w+)", ([\w| ]+), /gm)].flatMap(([, op, needs]) =>
        ['.', '/'].map((between) =>
            ['METHOD_POST', `/rpc/counter${between}${op}`, `IN_COUNTERS | NEED_JSON | ${needs}`]));
    const rows = table.match(/^ {4}\{|^ {4}COUNTER\(/gm).length;
    assert.equal(plain.length + counters.length / 2, rows, 'every row of the table is read');
    return [...plain, ...counters].flatMap(([methods, path, needs]) =>
        methods.match(/(?<=METHOD_)\w+/g).map((method) =>
            ({ name: `${method} ${path}`, method, path, needs: new Set(words(needs, macros)) })));
}
