// A broadcast server as one writes it with Node.js: messages posted to /pub go to the readers at
// /sub, over WebSocket (package ws) or as Server-Sent Events.
//
//   node broadcast.mjs PORT
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const streams = new Set();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

function publish(message) {
    const event = `data: ${message}\n\n`;
    for (const stream of streams) stream.write(event);
    for (const socket of sockets.clients) socket.send(message);
}

async function receive(request, response) {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    publish(body);
    response.end('{"ok":true}');
}

function subscribe(response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    streams.add(response);
    response.on('close', () => streams.delete(response));
}

const server = createServer((request, response) => {
    if (request.url === '/pub') receive(request, response);
    else if (request.url === '/sub') subscribe(response);
    else response.end();
});
server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, () => {});
});
server.keepAliveTimeout = 0;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
