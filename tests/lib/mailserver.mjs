// A mail server for tests: keeps what it is given, and does as it is told.

import { SMTPServer } from 'smtp-server';

// A message's headers by lower-case name, unfolded and decoded, and its parts by type.
export function parseMessage(text) {
    const split = (part) => {
        const end = part.indexOf('\r\n\r\n');
        const headers = {};
        for (const line of part.slice(0, end).replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
            const colon = line.indexOf(':');
            headers[line.slice(0, colon).toLowerCase()] = words(line.slice(colon + 1).trim());
        }
        return { headers, body: part.slice(end + 4) };
    };
    const whole = split(text);
    const boundary = /boundary="([^"]+)"/.exec(whole.headers['content-type'])?.[1];
    const between = boundary ? whole.body.split(`--${boundary}`).slice(1, -1) : [];
    const pieces = boundary ? between.map((part) => split(part.slice(2))) : [whole];
    const parts = {};
    for (const piece of pieces) parts[/^[^;]+/.exec(piece.headers['content-type'])[0]] = quotedPrintable(piece.body);
    return { headers: whole.headers, text: parts['text/plain'], html: parts['text/html'] };
}

function words(value) {
    return value.replace(/(\?=) (?==\?)/g, '$1')
        .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (all, base64) => Buffer.from(base64, 'base64').toString());
}

function quotedPrintable(body) {
    const bytes = body.replace(/=\r\n/g, '')
        .replace(/=([0-9A-F]{2})/g, (all, hex) => String.fromCharCode(parseInt(hex, 16)));
    return Buffer.from(bytes, 'latin1').toString();
}

export class MailServer {
    // options: of SMTPServer. onRcpt(address) and onMail(mail) may throw what refuse() gives, or wait.
    constructor({ onRcpt = () => {}, onMail = () => {}, port = 0, ...options } = {}) {
        this.mails = []; // { from, to, text, secure, user }, accepted
        this.offered = 0; // came in whole, accepted or not
        this.wanted = port;
        this.server = new SMTPServer({
            authOptional: true,
            disableReverseLookup: true,
            logger: false,
            closeTimeout: 1,
            onRcptTo: (address, session, done) => {
                Promise.resolve().then(() => onRcpt(address.address)).then(() => done(), done);
            },
            onData: (stream, session, done) => {
                const chunks = [];
                stream.on('data', (chunk) => chunks.push(chunk));
                stream.on('end', () => {
                    const text = Buffer.concat(chunks).toString('latin1');
                    this.take(session, text, onMail).then(() => done(), done);
                });
            },
            ...options,
        });
        this.server.on('error', () => {}); // a client that went away
    }

    async take(session, text, onMail) {
        const mail = {
            from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((one) => one.address),
            secure: session.secure, user: session.user, raw: text, ...parseMessage(text),
        };
        this.offered++;
        await onMail(mail);
        this.mails.push(mail);
    }

    async start() {
        await new Promise((resolve) => this.server.listen(this.wanted, '127.0.0.1', resolve));
        this.port = this.server.server.address().port;
        return this;
    }

    stop() {
        return new Promise((resolve) => this.server.close(resolve));
    }
}

// An answer of the server other than 250.
export const refuse = (responseCode) => Object.assign(new Error('no'), { responseCode });
