// Mail: from the queue to a real mail server or program, whatever happens on the way. Mails are put
// into the queue by hand, while no app runs; an app looks there as it starts.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { Application } from '../lib/fastcgi.mjs';
import { MailServer, refuse } from '../lib/mailserver.mjs';
import { APP, ROOT, SECRET, freePort, sleep, until } from '../lib/stack.mjs';

const RESET = { template: 'reset_password', fields: { link: '/?reset=a.b-c_d' } };

// A data folder with a queue, and the apps that work on it.
class Office {
    static async open(test) {
        const office = new Office();
        office.data = fs.mkdtempSync('/tmp/cubby-mail-');
        office.apps = new Set();
        test.after(() => office.close());
        await (await office.start()).stop(); // makes main.db
        return office;
    }

    async start(env = {}) {
        const app = await Application.start({ data: this.data, env });
        this.apps.add(app);
        return app;
    }

    // An app that sends to this server.
    startFor(server, env = {}) {
        return this.start({ ...this.settings(`smtp://127.0.0.1:${server.port}`), ...env });
    }

    settings(url) {
        return {
            CUBBY_PUBLIC_URL: 'https://cubby.example', CUBBY_BASE_PATH: '/cubby',
            CUBBY_MAIL_FROM: 'Cübby <cubby@example.org>', ...(url ? { CUBBY_MAIL_SMTP: url } : {}),
        };
    }

    sql(text) {
        const words = ['-cmd', '.timeout 5000', `${this.data}/main.db`, text];
        return execFileSync('sqlite3', words, { encoding: 'utf8' }).trim();
    }

    queue({ template, fields, language = '', to = 'a@example.org' }) {
        const values = [to, template, language, JSON.stringify(fields)]
            .map((value) => `'${value.replaceAll("'", "''")}'`);
        const now = Date.now();
        this.sql('INSERT INTO mail(recipient, template, language, data, created_at, due_at) ' +
            `VALUES(${values.join(', ')}, ${now}, ${now})`);
    }

    waiting() {
        return Number(this.sql('SELECT count(*) FROM mail'));
    }

    // What waits for its next try, or for the lease of a process that died, waits no more.
    hurry() {
        this.sql('UPDATE mail SET due_at = 0, lease = 0');
    }

    empty() {
        return until(() => this.waiting() === 0, 'an empty queue', 15000);
    }

    async close() {
        for (const app of this.apps) await app.stop();
        fs.rmSync(this.data, { recursive: true, force: true });
        for (const app of this.apps) assert.doesNotMatch(app.output, /ERROR: \w+Sanitizer|runtime error:/);
    }
}

async function openServer(test, options) {
    const server = await new MailServer(options).start();
    test.after(() => server.stop());
    return server;
}

describe('mail', () => {
    it('a mail arrives in its language, as text and HTML, with links made of public_url', async (test) => {
        const [office, server] = [await Office.open(test), await openServer(test)];
        office.queue({ ...RESET, language: 'de-AT' });
        office.queue({ template: 'login_code', fields: { code: '042137' }, to: "o'neill+x@example.org" });
        const app = await office.startFor(server);
        await office.empty();
        const [mail, code] = server.mails;
        assert.deepEqual([mail.from, mail.to], ['cubby@example.org', ['a@example.org']]);
        assert.equal(mail.headers.from, 'Cübby <cubby@example.org>');
        assert.equal(mail.headers.to, '<a@example.org>');
        assert.equal(mail.headers.subject, 'Neues Passwort setzen');
        assert.ok(Math.abs(Date.parse(mail.headers.date) - Date.now()) < 60000);
        assert.match(mail.headers['message-id'], /^<cubby\.\d+\.1@example\.org>$/);
        assert.ok(mail.text.includes('\r\nhttps://cubby.example/cubby/?reset=a.b-c_d\r\n'));
        assert.ok(mail.text.includes('möchte ein neues Passwort für a@example.org'));
        assert.ok(mail.html.includes('href="https://cubby.example/cubby/?reset=a.b-c_d"'));
        assert.ok(!/[^\r]\n|\r[^\n]/.test(mail.raw), 'lines end with CRLF');
        assert.ok(mail.raw.split('\r\n').every((line) => line.length <= 78));
        assert.equal(code.headers.subject, '042137 is your code to sign in');
        assert.deepEqual(code.to, ["o'neill+x@example.org"]);
        assert.match(app.output, /mail sent id=1 template=reset_password attempt=1/);
        assert.doesNotMatch(app.output, /example\.org|042137|a\.b-c_d/, 'no address and no secret in the log');
    });

    it('what a request queues is sent at once, to one address ten an hour, and no answer tells', async (test) => {
        const [office, server] = [await Office.open(test), await openServer(test)];
        const app = await office.startFor(server, { CUBBY_LIMIT_AUTH_PER_IP: '0', CUBBY_LIMIT_AUTH_PER_ADDRESS: '0' });
        const email = 'a@example.org';
        await app.request('POST', '/api/signup', { body: { email, password: 'correct horse' } });
        await until(() => server.mails.length === 1, 'the mail', 4000);
        assert.ok(server.mails[0].text.includes('https://cubby.example/cubby/'));
        const answers = new Set();
        for (let i = 0; i < 15; i++)
            answers.add(JSON.stringify(await app.request('POST', '/api/password-reset/request', { body: { email } })));
        await until(() => server.mails.length >= 10, 'the others', 4000);
        await office.empty();
        assert.equal(server.mails.length, 10);
        assert.equal(answers.size, 1, [...answers].join());
        assert.equal(JSON.parse([...answers][0]).status, 200);
    });

    it('values cannot add headers, lines or markup', async (test) => {
        const [office, server] = [await Office.open(test), await openServer(test)];
        const organization = 'Café\r\nBcc: b@example.org\r\n\r\n.\r\n<script>alert(1)</script>';
        office.queue({ template: 'invitation', fields: { link: '/', organization, inviter: '"; {to}' } });
        await office.startFor(server);
        await office.empty();
        const [{ to, headers, text, html }] = server.mails;
        assert.deepEqual(to, ['a@example.org']);
        assert.equal(headers.bcc, undefined);
        assert.ok(headers.subject.startsWith('"; {to} invites you to Café  Bcc: b@example.org'));
        assert.ok(text.includes('Café  Bcc: b@example.org    .  <script>'));
        assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;') && !html.includes('<script>'));
    });

    it('a server that is down gets its mail when it is up', async (test) => {
        const office = await Office.open(test);
        const port = await freePort();
        office.queue(RESET);
        const app = await office.startFor({ port });
        const line = /mail deferred id=1 .*attempt=1 code=0 why="Couldn't connect to server"/;
        await until(() => line.test(app.output), 'the line');
        assert.equal(office.waiting(), 1);
        const server = await openServer(test, { port });
        office.hurry();
        await office.empty();
        assert.equal(server.mails.length, 1);
        assert.match(app.output, /mail sent id=1 template=reset_password attempt=2/);
    });

    it('a 4xx is tried again, a 5xx is not', async (test) => {
        let first = true;
        const office = await Office.open(test);
        const server = await openServer(test, {
            onRcpt: (address) => {
                if (address === 'gone@example.org') throw refuse(550);
            },
            onMail: () => {
                if (first) throw ((first = false), refuse(451));
            },
        });
        office.queue(RESET);
        office.queue({ ...RESET, to: 'gone@example.org' });
        const app = await office.startFor(server);
        await until(() => /mail dropped id=2 .*code=550/.test(app.output), 'the line of the second');
        assert.match(app.output, /mail deferred id=1 .*code=451 why="refused by the server"/);
        assert.equal(office.sql('SELECT id, attempts, due_at - created_at >= 60000, lease FROM mail'), '1|1|1|0');
        office.hurry();
        await office.empty();
        assert.deepEqual(server.mails.map((mail) => mail.to), [['a@example.org']]);
        assert.doesNotMatch(app.output, /gone@/);
    });

    it('a server that says nothing delays no request, no end, and loses no mail', async (test) => {
        const office = await Office.open(test);
        let connections = 0;
        const silent = await openServer(test, { onConnect: () => connections++ });
        office.queue(RESET);
        const app = await office.startFor(silent);
        await until(() => connections, 'the app to be at the server');
        const times = [];
        for (let i = 0; i < 20; i++) {
            const start = performance.now();
            const body = { email: `user${i}@example.org`, password: 'correct horse' };
            assert.equal((await app.request('POST', '/api/signup', { body })).status, 200);
            times.push(performance.now() - start);
        }
        assert.ok(Math.max(...times) < 5000, `${Math.max(...times)} ms`);
        const start = performance.now();
        await app.stop();
        assert.ok(performance.now() - start < 10000);
        assert.equal(office.sql('SELECT attempts, lease FROM mail WHERE id = 1'), '0|0', 'given back');
        const server = await openServer(test);
        await office.startFor(server);
        await office.empty();
        assert.equal(server.mails.length, 21, 'that one, and one for each account');
    });

    it('killed with a mail on its way, or before, it loses none', async (test) => {
        const office = await Office.open(test);
        const hanging = await openServer(test, { onMail: () => new Promise(() => {}) });
        for (let i = 0; i < 3; i++) office.queue(RESET);
        const app = await office.startFor(hanging);
        await until(() => hanging.offered === 1, 'the first mail to be at the server');
        await app.kill();
        assert.equal(office.waiting(), 3);
        const server = await openServer(test);
        await office.startFor(server);
        await until(() => server.mails.length === 2, 'those that nobody had taken');
        office.hurry(); // the lease of the dead one
        await office.empty();
        const ids = server.mails.map((mail) => mail.headers['message-id']);
        assert.equal(new Set(ids).size, 3);
    });

    it('two apps send each mail once', async (test) => {
        const office = await Office.open(test);
        const server = await openServer(test, { onMail: () => sleep(60) });
        for (let i = 0; i < 40; i++) office.queue({ ...RESET, to: `user${i}@example.org` });
        const apps = await Promise.all([office.startFor(server), office.startFor(server)]);
        await office.empty();
        assert.equal(server.offered, 40);
        assert.equal(new Set(server.mails.map((mail) => mail.to[0])).size, 40);
        for (const app of apps) assert.match(app.output, /mail sent/, 'both had a share');
    });

    it('the program of the host takes mails', async (test) => {
        const office = await Office.open(test);
        const program = `${office.data}/sendmail`;
        fs.writeFileSync(program, `#!/bin/sh\n{ echo "args: $*"; cat; } >>${office.data}/sent\n`, { mode: 0o700 });
        office.queue(RESET);
        await office.start({ ...office.settings(), CUBBY_MAIL_SENDMAIL: program });
        await office.empty();
        const sent = fs.readFileSync(`${office.data}/sent`, 'utf8');
        assert.match(sent, /^args: -t -i\n/);
        assert.match(sent, /\nTo: <a@example\.org>\n/);
        assert.doesNotMatch(sent, /\r/);
    });

    describe('TLS', () => {
        const secured = (office, options = {}) => {
            const { cert, key } = makeCertificate(office.data, 'mail');
            return {
                ca: cert,
                options: {
                    cert: fs.readFileSync(cert), key: fs.readFileSync(key),
                    onAuth: (auth, session, done) => (auth.username === 'cubby' && auth.password === 'pass word'
                        ? done(null, { user: 'cubby' }) : done(new Error('no'))),
                    ...options,
                },
            };
        };
        const signIn = (ca) => ({
            CUBBY_MAIL_USER: 'cubby', CUBBY_MAIL_PASSWORD: 'pass word', ...(ca ? { CUBBY_MAIL_CA: ca } : {}),
        });

        it('credentials travel by STARTTLS, to a server that mail_ca vouches for', async (test) => {
            const office = await Office.open(test);
            const { ca, options } = secured(office);
            const server = await openServer(test, options);
            office.queue(RESET);
            const app = await office.startFor(server, signIn(ca));
            await office.empty();
            assert.deepEqual([server.mails[0].secure, server.mails[0].user], [true, 'cubby']);
            assert.doesNotMatch(app.output, /pass word/);
        });

        it('smtps is TLS from the first byte', async (test) => {
            const office = await Office.open(test);
            const { ca, options } = secured(office, { secure: true });
            const server = await openServer(test, options);
            office.queue(RESET);
            await office.start({ ...office.settings(`smtps://127.0.0.1:${server.port}`), ...signIn(ca) });
            await office.empty();
            assert.deepEqual([server.mails[0].secure, server.mails[0].user], [true, 'cubby']);
        });

        it('a server that nobody vouches for, or without TLS, gets neither password nor mail', async (test) => {
            for (const plain of [false, true]) {
                const office = await Office.open(test);
                let asked = 0;
                const { options } = secured(office, {
                    onAuth: (auth, session, done) => done(new Error(`asked ${++asked}`)),
                    ...(plain ? { disabledCommands: ['STARTTLS'], allowInsecureAuth: true } : {}),
                });
                const server = await openServer(test, options);
                office.queue(RESET);
                const app = await office.startFor(server, signIn());
                await until(() => /mail deferred id=1/.test(app.output), 'the line');
                assert.deepEqual([asked, server.offered, office.waiting()], [0, 0, 1]);
            }
        });

        it('a wrong password drops no mail', async (test) => {
            const office = await Office.open(test);
            const { ca, options } = secured(office);
            const server = await openServer(test, options);
            office.queue(RESET);
            const app = await office.startFor(server, { ...signIn(ca), CUBBY_MAIL_PASSWORD: 'another' });
            await until(() => /mail deferred id=1 .*why="Login denied"/.test(app.output), 'the line');
            assert.deepEqual([server.offered, office.waiting()], [0, 1]);
        });

        it('without credentials TLS is used where it is offered', async (test) => {
            const office = await Office.open(test);
            const { options } = secured(office);
            const server = await openServer(test, options);
            office.queue(RESET);
            await office.startFor(server);
            await office.empty();
            assert.equal(server.mails[0].secure, true);
        });
    });

    it('settings that cannot work stop the start, and say why', () => {
        const data = fs.mkdtempSync('/tmp/cubby-mail-');
        const fails = (env) => {
            const ended = spawnSync(APP, ['--socket', `${data}/socket`], {
                cwd: ROOT, encoding: 'utf8', timeout: 10000,
                env: { PATH: process.env.PATH, CUBBY_DATA_DIR: data, CUBBY_JWT_SECRET: SECRET, ...env },
            });
            assert.equal(ended.status, 78);
            return ended.stderr;
        };
        const smtp = { CUBBY_MAIL_SMTP: 'smtp://127.0.0.1:25' };
        fs.mkdirSync(`${data}/mail/en`, { recursive: true });
        fs.cpSync(`${ROOT}/fcgi-app/mail/en`, `${data}/mail/en`, { recursive: true });
        fs.writeFileSync(`${data}/mail/en/login_code.txt`, 'Subject: {code}\n\nYour {kode}\n');
        assert.match(fails({ ...smtp, CUBBY_PUBLIC_URL: 'https://x.example' }), /expected mail_from/);
        assert.match(fails({ ...smtp, CUBBY_MAIL_FROM: 'a@x.example' }), /expected public_url/);
        const good = { ...smtp, CUBBY_MAIL_FROM: 'a@x.example', CUBBY_PUBLIC_URL: 'https://x.example' };
        assert.match(fails({ ...good, CUBBY_MAIL_TEMPLATES: `${data}/mail` }),
            /mail\/en\/login_code\.txt:3: \{kode\}: no such placeholder; expected one of \{code\}, \{to\}, \{site\}/);
        fs.rmSync(data, { recursive: true });
    });
});
