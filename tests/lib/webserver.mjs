// A web server beside a stack, with the shipped configuration but for what a test changes in it, in
// front of the stack's own programs or of others.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { ROOT, freePort, until } from './stack.mjs';

// The environment that serve.sh gave a program of the stack.
export function environmentOf(stack, name) {
    const text = fs.readFileSync(`/proc/${stack.pid(name)}/environ`, 'latin1');
    return Object.fromEntries(text.split('\0').filter(Boolean).map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
    }));
}

const accepts = (port) => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
});

// The configuration files, as { name: text }, with variables where serve.sh would put values.
function files(server) {
    const names = fs.readdirSync(`${ROOT}/apache-conf`).filter((name) => name.startsWith(server));
    return Object.fromEntries(names.map((name) => [name, fs.readFileSync(`${ROOT}/apache-conf/${name}`, 'utf8')]));
}

function nginxConf(text, variables) {
    const unfit = ['listen [::1]', ...(variables.TLS_CERT ? [] : ['ssl_certificate']),
        ...(variables.BASE_PATH ? [] : ['return 301'])];
    const lines = text.split('\n').filter((line) => !unfit.some((part) => line.includes(part)));
    const values = { ...variables, SSL: variables.TLS_CERT ? 'ssl' : '' };
    return lines.join('\n').replace(/@([A-Z]+(?:_[A-Z]+)*)@/g, (all, name) =>
        (name.startsWith('CUBBY_') ? values[name.slice(6)] ?? '' : all));
}

export class WebServer {
    // change: { file: [[from, to], …] }; each `from` must be there. variables: CUBBY_<NAME>, by their
    // names. tls: { cert, key }.
    static async start(test, stack, server, { change = {}, variables = {}, tls } = {}) {
        const web = new WebServer();
        test.after(() => web.stop());
        web.folder = fs.mkdtempSync('/tmp/cubby-web-');
        web.port = await freePort();
        web.secure = Boolean(tls);
        const texts = files(server);
        for (const [name, changes] of Object.entries(change)) {
            for (const [from, to] of changes) {
                if (!texts[name].includes(from)) throw new Error(`${name} has no ${from}`);
                texts[name] = texts[name].replaceAll(from, to);
            }
        }
        const at = environmentOf(stack, 'cubby-fcgi');
        const push = fs.readFileSync(`${stack.data}/run/push.address`, 'utf8').trim();
        const values = {
            PORT: String(web.port), RUN: web.folder, WWW: `${ROOT}/www`, CONF: `${web.folder}/conf`, ROOT: web.folder,
            BASE_PATH: '', SOCKET: at.CUBBY_SOCKET, USER: 'www-data', APP: 'socket', PUSH: push,
            PUSH_URL: `http://${push}`, PUSH_HOST: '127.0.0.1', PUSH_PORT: push.split(':')[1],
            TLS_CERT: tls?.cert ?? '', TLS_KEY: tls?.key ?? '', ...variables,
        };
        if (variables.PUSH) {
            Object.assign(values, { PUSH_URL: `http://${variables.PUSH}`, PUSH_PORT: variables.PUSH.split(':')[1] });
        }
        fs.mkdirSync(values.CONF);
        fs.cpSync(`${ROOT}/apache-conf/errors`, `${values.CONF}/errors`, { recursive: true });
        if (server === 'nginx') for (const name of Object.keys(texts)) texts[name] = nginxConf(texts[name], values);
        if (server === 'nginx' && process.getuid() === 0) texts['nginx.conf'] = `user root;\n${texts['nginx.conf']}`;
        if (server === 'lighttpd') {
            texts['lighttpd.conf'] = `var.CUBBY_SOCKET = env.CUBBY_SOCKET\n${texts['lighttpd.conf']}`;
        }
        for (const [name, text] of Object.entries(texts)) fs.writeFileSync(`${values.CONF}/${name}`, text);
        await web.#run(server, values);
        return web;
    }

    async #run(server, values) {
        const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
        for (const [name, value] of Object.entries(values)) env[`CUBBY_${name}`] = value;
        const conf = `${values.CONF}/${server}.conf`;
        const lines = {
            nginx: ['nginx', '-c', conf, '-e', `${this.folder}/nginx.log`],
            lighttpd: ['lighttpd', '-D', '-f', conf],
            apache: ['apache2', '-D', 'FOREGROUND', ...(this.secure ? ['-D', 'TLS'] : []), '-f', conf],
        };
        const [program, ...args] = lines[server];
        this.output = '';
        this.process = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
        this.process.stderr.on('data', (chunk) => (this.output += chunk));
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        await until(() => {
            if (this.process.exitCode !== null) throw new Error(`${server} ended: ${this.output}`);
            return accepts(this.port);
        }, `${server} to listen`);
    }

    get origin() {
        return `http${this.secure ? 's' : ''}://127.0.0.1:${this.port}`;
    }

    async stop() {
        if (this.process?.exitCode === null) this.process.kill('SIGTERM');
        await this.exited;
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
