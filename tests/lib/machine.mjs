// A machine of the test's own (machine.sh) with a running systemd: root may install there.

import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { promisify } from 'node:util';
import { ROOT, until } from './stack.mjs';

const SCRIPT = `${ROOT}/tests/lib/machine.sh`;
const ENV = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8',
    'DEBIAN_FRONTEND=noninteractive'];

export class Machine {
    // Boots; `why` is set where that is not possible here.
    static async boot() {
        const machine = new Machine();
        if (process.getuid() !== 0) machine.why = 'only root can make a machine';
        else await machine.#start();
        return machine;
    }

    async #start() {
        this.place = fs.mkdtempSync('/tmp/cubby-machine-');
        this.shared = `${this.place}/shared`;
        let said = '';
        const args = ['--pdeathsig', 'KILL', 'bash', SCRIPT, 'boot', this.place]; // no test, no machine
        this.process = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (said += text));
        this.exited = new Promise((resolve) => this.process.on('exit', resolve));
        await until(() => {
            if (this.process.exitCode !== null) return true;
            this.init ??= this.#findInit();
            return this.init && /running|degraded/.test(this.try('systemctl is-system-running').stdout);
        }, `a machine to boot: ${said}`, 30000);
        if (this.process.exitCode === null) return;
        assert.equal(this.process.exitCode, 77, said);
        this.why = said.trim();
        this.process = null;
        fs.rmSync(this.place, { recursive: true });
    }

    // unshare became systemd's parent.
    #findInit() {
        const { pid } = this.process;
        const [child] = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
        try {
            return child && fs.readlinkSync(`/proc/${child}/exe`).endsWith('/systemd') ? child : undefined;
        } catch {
            return undefined;
        }
    }

    #enter(program, args) {
        return ['nsenter', ['-t', this.init, '--all', '--', ...ENV, program, ...args]];
    }

    // { status, stdout, stderr } of shell commands there.
    try(commands, { input } = {}) {
        const options = { encoding: 'utf8', input, timeout: 120000 };
        return spawnSync(...this.#enter('bash', ['--norc', '-euc', commands]), options);
    }

    // Their output; they succeed.
    sh(commands, options) {
        const { status, stdout, stderr } = this.try(commands, options);
        assert.equal(status, 0, `${commands}\n${stdout}${stderr}`);
        return stdout.trim();
    }

    // The same, while the test does other things.
    async run(commands) {
        return (await promisify(execFile)(...this.#enter('bash', ['--norc', '-euc', commands]))).stdout.trim();
    }

    spawn(commands) {
        return spawn(...this.#enter('bash', ['--norc', '-euc', commands]), { stdio: ['ignore', 'pipe', 'inherit'] });
    }

    // What the requests of http.mjs and the readers of streams.mjs take as a stack: a port there.
    async web(port) {
        const socketPath = `${this.place}/${port}.sock`;
        const args = [`--net=/proc/${this.init}/ns/net`, '--', process.execPath, `${ROOT}/tests/lib/relay.mjs`];
        const relay = spawn('nsenter', [...args, socketPath, String(port)], { stdio: 'inherit' });
        (this.relays ??= []).push(relay);
        await until(() => fs.existsSync(socketPath), 'the relay');
        const createConnection = () => net.connect(socketPath); // what `ws` takes
        return { port, via: { socketPath, createConnection } };
    }

    async stop() {
        if (!this.process) return;
        for (const relay of this.relays ?? []) relay.kill();
        this.process.kill('SIGKILL'); // takes systemd with it, which takes everything
        await this.exited;
        const clear = () => spawnSync('bash', [SCRIPT, 'clear', this.place.split('/').pop()]).status === 0;
        await until(clear, 'the last processes of the machine to end');
        fs.rmSync(this.place, { recursive: true, force: true });
    }
}
