// Readers of event streams that remember what came: Server-Sent Events over a plain socket's
// response, and WebSocket.

import http from 'node:http';
import https from 'node:https';
import WebSocket from 'ws';
import { until } from './stack.mjs';

class Reader {
    constructor() {
        this.events = []; // all that came, in order
        this.taken = 0;
        this.ended = false;
    }

    // The next event that was not taken yet; with match, those before it are passed over.
    async next(match = () => true, timeoutMs = 5000) {
        return until(() => {
            while (this.taken < this.events.length) {
                const event = this.events[this.taken++];
                if (match(event)) return event;
            }
            return undefined;
        }, `next event (have ${JSON.stringify(this.events.slice(-3))})`, timeoutMs);
    }

    // All that came within ms, and was not taken.
    async rest(ms) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        const left = this.events.slice(this.taken);
        this.taken = this.events.length;
        return left;
    }

    end(timeoutMs = 5000) {
        return until(() => this.ended, 'the stream to end', timeoutMs);
    }
}

// An SSE event: { id, name, data (parsed), raw (its lines) }.
export class EventReader extends Reader {
    // via: further options of the request; with `ca` it goes by https.
    static async open(stack, { path = '/api/events', headers = {}, port, method = 'GET', via = stack.via ?? {} } = {}) {
        const reader = new EventReader();
        await reader.connect(port ?? stack.port, (stack.base ?? '') + path, headers, method, via);
        return reader;
    }

    connect(port, path, headers, method, via) {
        this.comments = [];
        this.retry = null;
        let text = '';
        return new Promise((resolve, reject) => {
            this.request = (via.ca ? https : http).request({
                host: '127.0.0.1', port, path, method, agent: false,
                headers: { accept: 'text/event-stream', ...headers }, ...via,
            }, (response) => {
                this.status = response.statusCode;
                this.headers = response.headers;
                this.body = '';
                response.setEncoding('utf8');
                response.on('data', (chunk) => {
                    this.body += chunk;
                    text += chunk;
                    let end;
                    while ((end = text.indexOf('\n\n')) >= 0) {
                        this.#take(text.slice(0, end));
                        text = text.slice(end + 2);
                    }
                });
                const ended = () => (this.ended = true);
                response.on('end', ended);
                response.on('error', ended);
                response.on('close', ended);
                resolve(this);
            });
            this.request.on('error', (error) => {
                this.ended = true;
                reject(error);
            });
            this.request.end();
        });
    }

    #take(block) {
        const event = { id: null, name: 'message', raw: block };
        const data = [];
        for (const line of block.split('\n')) {
            const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
            if (line.startsWith(':')) this.comments.push(line.slice(1).trim());
            else if (field === 'id') event.id = value;
            else if (field === 'event') event.name = value;
            else if (field === 'data') data.push(value);
            else if (field === 'retry') this.retry = Number(value);
        }
        if (data.length === 0) return;
        event.data = JSON.parse(data.join('\n'));
        this.events.push(event);
    }

    close() {
        this.request.destroy();
    }
}

// Messages parsed where they are JSON.
export class SocketReader extends Reader {
    // Resolves when open; a refused upgrade resolves too, with `status` and `text` set.
    static open(stack, path, { headers = {}, protocols = [], port, via = {} } = {}) {
        const reader = new SocketReader();
        return new Promise((resolve, reject) => {
            const url = `${via.ca ? 'wss' : 'ws'}://127.0.0.1:${port ?? stack.port}${path}`;
            const ws = new WebSocket(url, protocols, { headers, ...via });
            reader.ws = ws;
            ws.on('close', (code) => {
                reader.ended = true;
                reader.code = code;
            });
            ws.on('message', (data, binary) => {
                const text = data.toString();
                try {
                    reader.events.push(binary ? data : JSON.parse(text));
                } catch {
                    reader.events.push(text);
                }
            });
            ws.on('open', () => {
                reader.status = 101;
                resolve(reader);
            });
            ws.on('unexpected-response', (out, response) => {
                reader.status = response.statusCode;
                reader.headers = response.headers;
                reader.text = '';
                response.on('data', (chunk) => (reader.text += chunk));
                response.on('end', () => resolve(reader));
            });
            ws.on('error', (error) => (reader.status ? undefined : reject(error)));
        });
    }

    async closeCode(timeoutMs) {
        await this.end(timeoutMs);
        return this.code;
    }

    send(value) {
        this.ws.send(typeof value === 'string' ? value : JSON.stringify(value));
    }

    close() {
        this.ws.terminate();
    }
}
