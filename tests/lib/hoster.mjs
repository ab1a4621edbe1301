// A shared host's Apache with a folder that somebody rents; it runs as one user, never as root.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { APP, ROOT, freePort, until } from './stack.mjs';

const USER = process.getuid() === 0
    ? ['setpriv', '--reuid=www-data', '--regid=www-data', '--init-groups'] : [];

// Runs a program as that user.
export function asRenter(program, args, options = {}) {
    const [first, ...rest] = [...USER, program, ...args];
    return execFileSync(first, rest, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', ...options });
}

export class Hoster {
    // What Apache has (hoster.conf): FCGID, PREFORK.
    constructor(...has) {
        this.has = has;
        this.folder = fs.mkdtempSync('/tmp/cubby-host-');
        this.programs = `${this.folder}/programs`; // PREFIX of what is installed
        this.home = `${this.folder}/home`;
        fs.mkdirSync(`${this.folder}/public_html`);
        fs.mkdirSync(this.home);
        if (USER.length > 0) execFileSync('chown', ['-R', 'www-data:', this.folder]);
    }

    // From a build's programs into the folder of public_html.
    install(folder, base) {
        const env = { ...process.env, PREFIX: this.programs };
        asRenter(`${ROOT}/packaging/install.sh`, [path.dirname(APP)], { env });
        return this.setup(folder, base);
    }

    setup(folder, base) {
        const env = { PATH: process.env.PATH, HOME_OF_CUBBY: `${this.home}/cubby` };
        return asRenter(`${this.programs}/bin/cubby-setup`, [`${this.folder}/public_html/${folder}`, base], { env });
    }

    async start() {
        this.port = await freePort();
        const defines = this.has.flatMap((name) => ['-D', name]);
        const args = ['-D', 'FOREGROUND', ...defines, '-f', `${ROOT}/tests/lib/hoster.conf`];
        const env = { PATH: process.env.PATH, HOSTER: this.folder, HOSTER_PORT: String(this.port) };
        const [program, ...rest] = [...USER, '/usr/sbin/apache2', ...args];
        // With prefork it ends by killing its process group: without one of its own, all that runs beside it.
        this.process = spawn(program, rest, { env, stdio: 'ignore', detached: true });
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        await until(() => fetch(`http://127.0.0.1:${this.port}/`).then(() => true, () => false), 'the host’s Apache');
        return this;
    }

    log() {
        return fs.readFileSync(`${this.folder}/apache.log`, 'utf8');
    }

    async stop() {
        this.process?.kill('SIGTERM');
        await this.exited;
        const ours = () => fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
            try {
                return fs.readlinkSync(`/proc/${pid}/exe`).startsWith(this.programs);
            } catch {
                return false;
            }
        });
        await until(() => ours().length === 0, 'its programs to end', 10000);
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
