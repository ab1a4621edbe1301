// A WebSocket that comes back by itself, for counters and notes of cubby.js. Loaded with the first of them.

import { PATIENCE, parse, pauseOf } from './cubby-common.js';

export class Link {
    #channel;
    #socket = null;
    #wanted = false;
    #tries = 0;
    #timer = 0;
    #deadline = 0;
    #beat = 0;

    constructor(channel) {
        this.#channel = channel;
    }

    open() {
        const channel = this.#channel;
        this.#wanted = true;
        if (this.#socket || !channel.client.online) return;
        clearTimeout(this.#timer);
        const socket = this.#socket = new WebSocket(channel.client.address(channel.place()), channel.protocols ?? []);
        channel.isConnecting = true;
        socket.onopen = () => {
            clearTimeout(this.#deadline);
            this.#tries = 0;
            Object.assign(channel, { isConnected: true, isConnecting: false, error: null });
            this.#beat = setInterval(() => this.#ping(10000), 30000);
            channel.opened?.();
            channel.emit('open');
        };
        socket.onmessage = ({ data }) => {
            clearTimeout(this.#deadline);
            const message = parse(data);
            if (!message || message.type === 'pong') return;
            channel.hear(message);
            channel.emit(message.type, message);
        };
        socket.onclose = () => this.#lost();
        this.#expect(PATIENCE);
    }

    #expect(patience) {
        clearTimeout(this.#deadline);
        this.#deadline = setTimeout(() => this.#lost(), patience);
    }

    #ping(patience) {
        this.say({ type: 'ping' });
        this.#expect(patience);
    }

    #lost() {
        const channel = this.#channel;
        this.#end();
        channel.error = new Error('The connection was lost');
        channel.emit('close');
        channel.emit('error', channel.error);
        channel.missed?.();
        if (this.#wanted) this.#timer = setTimeout(() => this.open(), pauseOf(this.#tries++, 2500));
    }

    #end() {
        clearTimeout(this.#deadline);
        clearInterval(this.#beat);
        clearTimeout(this.#timer);
        const socket = this.#socket;
        this.#socket = null;
        Object.assign(this.#channel, { isConnected: false, isConnecting: false });
        if (socket) socket.onopen = socket.onclose = socket.onmessage = null;
        socket?.close();
    }

    // Until wake().
    cut() {
        if (this.#socket) this.#lost();
    }

    wake() {
        if (this.#channel.isConnected) this.#ping(3000);
        else if (this.#wanted) this.open();
    }

    say(message) {
        if (this.#channel.isConnected) this.#socket.send(JSON.stringify(message));
    }

    reconnect() {
        this.#end();
        this.#tries = 0;
        this.open();
    }

    close() {
        this.#wanted = false;
        this.#end();
    }
}
