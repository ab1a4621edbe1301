// The commands of docs/install.md: the lines of its ```sh blocks of a kind (```sh root).

import fs from 'node:fs';
import { ROOT } from './stack.mjs';

export const PAGE = fs.readFileSync(`${ROOT}/docs/install.md`, 'utf8');

export const blocksOf = (kind) => [...PAGE.matchAll(/^```sh (\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === kind).map(([, , lines]) => lines.trim());
