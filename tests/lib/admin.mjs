// An administrator of a stack: made by cubbyctl, signed in with password and code.

import assert from 'node:assert/strict';
import { done } from './ctl.mjs';
import { PASSWORD, freshEmail, request } from './http.mjs';
import { EventReader } from './streams.mjs';
import { codeOf } from './totp.mjs';

export const STEP_MS = 30000;

export class Admin {
    static async make(stack) {
        const email = freshEmail('admin');
        const made = await done(stack, ['admin', 'create', email, '--password-stdin'], { input: `${PASSWORD}\n` });
        return Object.assign(new Admin(), { stack, email, secret: made.secret, uri: made.uri, cookie: '', base: '' });
    }

    // later: of so many steps. None before now's works for sure, only the next one after.
    code(later = 0) {
        return codeOf(this.secret, Date.now() + later * STEP_MS);
    }

    login(body, headers) {
        return request(this.stack, 'POST', `${this.base}/api/admin/login`, {
            body: { email: this.email, password: PASSWORD, code: this.code(), ...body }, headers,
        });
    }

    async signIn(later = 0, headers = {}) {
        const answer = await this.login({ code: this.code(later) }, headers);
        assert.equal(answer.status, 200, answer.text);
        this.cookie = `adminSession=${answer.cookies.adminSession.value}`;
        return answer;
    }

    request(method, path, { headers, ...options } = {}) {
        return request(this.stack, method, `${this.base}/api/admin/${path}`,
            { ...options, headers: { cookie: this.cookie, ...headers } });
    }

    async ok(method, path, body, headers) {
        const answer = await this.request(method, path, { body, headers });
        assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
        return answer.json;
    }

    async watch({ headers } = {}) {
        const { ticket } = await this.ok('POST', 'ticket', undefined, headers);
        return EventReader.open(this.stack, { path: `${this.base}/api/admin/events?ticket=${ticket}`, headers });
    }
}
