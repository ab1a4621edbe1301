// The live event stream: opened at the id a snapshot is as of, reopened at the last id seen, so that
// every event arrives once and in order. EventSource alone gives up on the first refused connection;
// here it is opened again, with growing pauses.

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 15000;

export class Stream {
    #source = null;
    #timer = 0;
    #failures = 0;
    #lastId = null;
    #handlers;

    // handlers: event({event, data, timestamp}), state("connecting" | "live" | "waiting", pauseMs),
    // resync(): what was missed is no longer kept, load everything again; lost(): asked before each
    // attempt to reconnect, resolves to false when there is no point in trying.
    constructor(handlers) {
        this.#handlers = handlers;
    }

    open(lastId) {
        this.close();
        this.#lastId = lastId;
        this.#failures = 0;
        this.#connect();
    }

    close() {
        clearTimeout(this.#timer);
        this.#source?.close();
        this.#source = null;
    }

    #connect() {
        const query = new URLSearchParams({ format: 'message' });
        if (this.#lastId) query.set('lastEventId', this.#lastId);
        this.#handlers.state('connecting');
        const source = new EventSource(`/api/events?${query}`);
        this.#source = source;
        source.onmessage = (message) => this.#receive(message);
        source.onerror = () => {
            if (source === this.#source) this.#reconnect();
        };
    }

    #receive(message) {
        if (message.lastEventId) this.#lastId = message.lastEventId;
        const event = JSON.parse(message.data);
        if (event.event === 'realtime:connected') {
            this.#failures = 0;
            this.#lastId ??= `${event.data.epoch}.${event.data.seq}`;
            this.#handlers.state('live');
        } else if (event.event === 'realtime:resync') {
            this.#handlers.resync();
        } else {
            this.#handlers.event(event);
        }
    }

    async #reconnect() {
        this.close();
        const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
        const pause = longest / 2 + (Math.random() * longest) / 2;
        this.#handlers.state('waiting', pause);
        this.#timer = setTimeout(async () => {
            if (await this.#handlers.lost()) this.#connect();
        }, pause);
    }
}
