// cubbyctl doctor beside a stack: what it finds, and that it finds nothing else.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { ctl } from './ctl.mjs';

export const STRONG = crypto.randomBytes(48).toString('base64');

// Settings with which the programs of the stack run, as they stand in no file.
export const settingsOf = (stack) => ({
    CUBBY_JWT_SECRET: STRONG,
    CUBBY_PUSH_LISTEN: fs.readFileSync(`${stack.data}/run/push.address`, 'utf8').trim(),
    CUBBY_TRUSTED_PROXIES: '127.0.0.1 ::1 unix:',
});

export class Doctor {
    constructor(stack) {
        this.stack = stack;
        this.data = stack.data;
    }

    // Resolves to its findings. url: of what is looked at from outside. env: on top of the settings.
    async look({ url, words = ['--no-wait'], env = {}, data = this.data, config } = {}) {
        const line = ['doctor', '--json', ...words, ...(url ? ['--url', url] : []),
            ...(config ? ['--config', config] : [])];
        const result = await ctl(data, line, { env: { ...settingsOf(this.stack), ...env } });
        const findings = result.json;
        assert.equal(result.err, '', 'it says nothing else');
        const faults = findings.filter(({ result: verdict }) => verdict === 'fault');
        assert.equal(result.code, faults.length > 0 ? 1 : 0);
        for (const finding of findings) assert.ok(finding.message, finding.check);
        return findings;
    }

    // The one fault is of this check, its message and its fix match.
    async finds(check, message, fix, options) {
        const findings = await this.look(options);
        const faults = findings.filter(({ result }) => result === 'fault');
        assert.deepEqual(faults.map((fault) => fault.check), [check], JSON.stringify(faults, null, 1));
        assert.match(faults[0].message, message);
        assert.match(faults[0].fix, fix);
        return findings;
    }

    async findsNothing(options) {
        const findings = await this.look(options);
        const bad = findings.filter(({ result }) => result === 'fault');
        assert.deepEqual(bad, []);
        return findings;
    }
}
