// A cubby-pushd of a test's own, beside the one of a stack: on the same data and bus, with a plain
// and a TLS port. Its end is the test's to look at.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { makeCertificate } from './certificate.mjs';
import { PUSHD, SECRET, freePort, until } from './stack.mjs';

export class Pushd {
    static async start(test, stack, env = {}, args = []) {
        const pushd = new Pushd();
        test.after(() => pushd.#clear());
        pushd.folder = fs.mkdtempSync('/tmp/cubby-pushd-');
        const { cert, key, ca } = makeCertificate(pushd.folder, 'pushd');
        pushd.port = await freePort();
        pushd.secure = { port: await freePort(), via: { ca } };
        pushd.log = '';
        pushd.process = spawn(PUSHD, args, {
            env: { PATH: process.env.PATH, DATA: stack.data, CUBBY_DATA_DIR: stack.data, CUBBY_JWT_SECRET: SECRET,
                CUBBY_TEST_ENDPOINTS: 'on', CUBBY_PUSH_LISTEN: `127.0.0.1:${pushd.port}`,
                CUBBY_PUSH_TLS_LISTEN: `127.0.0.1:${pushd.secure.port}`, CUBBY_PUSH_TLS_CERT: cert,
                CUBBY_PUSH_TLS_KEY: key, ...env },
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        pushd.process.stderr.on('data', (chunk) => (pushd.log += chunk));
        pushd.exited = new Promise((resolve) => pushd.process.on('exit', (code) => resolve(code)));
        await until(() => / ready /.test(pushd.log) || pushd.process.exitCode !== null, 'pushd to be ready');
        return pushd;
    }

    // Tells it to end; resolves to { code, ms } when it has.
    async end(signal = 'SIGTERM') {
        const begun = Date.now();
        this.process.kill(signal);
        const code = await this.exited;
        return { code, ms: Date.now() - begun };
    }

    #clear() {
        this.process?.kill('SIGKILL');
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
