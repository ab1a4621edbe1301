// The rows of one collection on the page, newest first: loaded in parts, kept up to date by events.
// An event may tell what is shown already (the snapshot was newer): the row's version decides.

import { call } from './api.js';

const PAGE = 50;

export class Rows {
    #rows = new Map();
    #next = null;

    // draw(rows in order, whether there are older ones) after every change.
    constructor(collection, draw) {
        this.collection = collection;
        this.draw = draw;
    }

    // Resolves to the id of the last event the rows contain.
    async load() {
        const answer = await call('GET', `/api/${this.collection}?limit=${PAGE}`);
        this.#rows = new Map(answer.data.map((row) => [row.id, row]));
        this.#next = answer.next ?? null;
        this.#redraw();
        return answer.asOf;
    }

    async older() {
        const query = new URLSearchParams({ limit: PAGE, cursor: this.#next });
        const answer = await call('GET', `/api/${this.collection}?${query}`);
        for (const row of answer.data) this.#rows.set(row.id, row);
        this.#next = answer.next ?? null;
        this.#redraw();
    }

    put(row) {
        const known = this.#rows.get(row.id);
        if (known && known.version >= row.version) return;
        this.#rows.set(row.id, row);
        this.#redraw();
    }

    remove(id) {
        if (this.#rows.delete(id)) this.#redraw();
    }

    clear() {
        this.#rows.clear();
        this.#next = null;
        this.#redraw();
    }

    event({ event, data }) {
        const prefix = `table:${this.collection}:`;
        if (!event.startsWith(prefix)) return;
        if (event.endsWith(':delete')) this.remove(data.id);
        else this.put(data);
    }

    all() {
        // Ids rise with time.
        return [...this.#rows.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    }

    #redraw() {
        this.draw(this.all(), this.#next !== null);
    }
}
