// A sendmail for tests: mails become files of a folder.

import fs from 'node:fs';
import { parseMessage } from './mailserver.mjs';
import { until } from './stack.mjs';

export class MailFolder {
    constructor() {
        this.folder = fs.mkdtempSync('/tmp/cubby-mails-');
        this.program = `${this.folder}/sendmail`;
        const script = `#!/bin/sh\nf=$(mktemp ${this.folder}/new.XXXXXX) && cat > "$f" && mv "$f" "$f.eml"\n`;
        fs.writeFileSync(this.program, script, { mode: 0o700 });
        process.on('exit', () => fs.rmSync(this.folder, { recursive: true, force: true }));
    }

    get env() {
        return {
            CUBBY_MAIL_SENDMAIL: this.program, CUBBY_MAIL_FROM: 'cubby@example.org',
            CUBBY_PUBLIC_URL: 'http://cubby.test', CUBBY_MAIL_PER_ADDRESS: '0',
        };
    }

    mails() {
        return fs.readdirSync(this.folder).filter((name) => name.endsWith('.eml'))
            .map((name) => parseMessage(fs.readFileSync(`${this.folder}/${name}`, 'latin1').replace(/\r?\n/g, '\r\n')));
    }

    // The mail to this address whose text matches.
    find(to, pattern) {
        return until(() => this.mails().find((mail) => mail.headers.to.includes(to) && pattern.test(mail.text)),
            `a mail to ${to}`, 8000);
    }

    // What stands behind the '#' of such a mail's link.
    async token(to, pattern) {
        const { text } = await this.find(to, pattern);
        return /#([\w.-]+)/.exec(text)[1];
    }
}
