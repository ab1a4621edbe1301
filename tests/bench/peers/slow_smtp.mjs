// A mail server that takes two seconds for each answer, and prints a line for each mail offered:
// slow_smtp.mjs PORT

import net from 'node:net';

const LATE_MS = 2000;

net.createServer((socket) => {
    let inMail = false;
    const answer = (line) => setTimeout(() => socket.write(`${line}\r\n`), LATE_MS);
    socket.on('error', () => {});
    answer('220 slow');
    socket.on('data', (bytes) => {
        for (const line of bytes.toString('latin1').split('\r\n')) {
            if (inMail) {
                if (line !== '.') continue;
                inMail = false;
                answer('250 taken');
            } else if (/^data$/i.test(line)) {
                console.log('a mail');
                inMail = true;
                answer('354 go on');
            } else if (line) {
                answer(/^quit$/i.test(line) ? '221 bye' : '250 slow');
            }
        }
    });
}).listen(Number(process.argv[2]), '127.0.0.1');
