// Bytes from a unix socket to a port of loopback: relay.mjs SOCKET PORT. Started within a network of
// its own, it lets others in.

import net from 'node:net';

const [socket, port] = process.argv.slice(2);

net.createServer({ allowHalfOpen: true }, (here) => {
    const there = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [[here, there], [there, here]]) {
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
    }
}).listen(socket);
