// An OpenID provider for tests: oidc-provider on loopback, with people who sign in without being
// asked, keys that change, and answers that a test puts in place of its own. And a browser that
// walks there and back.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import Provider from 'oidc-provider';
import { PASSWORD, request, User } from './http.mjs';

export const CLIENT = { id: 'cubby', secret: 'a secret: with + and % and &' };

const base64url = (value) => Buffer.from(value).toString('base64url');

function newKey(alg, kid) {
    const { privateKey } = alg === 'ES256'
        ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
    return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid };
}

// A JWS of these claims; alg none and HS256 too, for those who should not take them.
export function sign(claims, { alg, key, header = {} }) {
    const head = { alg, typ: 'JWT', ...(key.kid ? { kid: key.kid } : {}), ...header };
    const text = `${base64url(JSON.stringify(head))}.${base64url(JSON.stringify(claims))}`;
    if (alg === 'none') return `${text}.`;
    if (alg === 'HS256') return `${text}.${crypto.createHmac('sha256', key.secret).update(text).digest('base64url')}`;
    const secret = { key: crypto.createPrivateKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
    return `${text}.${crypto.sign('sha256', Buffer.from(text), secret).toString('base64url')}`;
}

// Where the provider keeps things: in memory, for as long as the test.
class Kept {
    static all = new Map();
    constructor(kind) {
        this.kind = kind;
    }
    key(id) {
        return `${this.kind}:${id}`;
    }
    async upsert(id, payload) {
        Kept.all.set(this.key(id), payload);
    }
    async find(id) {
        return Kept.all.get(this.key(id));
    }
    async findByUid(uid) {
        const found = [...Kept.all].find(([key, kept]) => key.startsWith(`${this.kind}:`) && kept.uid === uid);
        return found?.[1];
    }
    async consume(id) {
        Kept.all.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
    }
    async destroy(id) {
        Kept.all.delete(this.key(id));
    }
    async revokeByGrantId(grantId) {
        for (const [key, payload] of Kept.all) if (payload.grantId === grantId) Kept.all.delete(key);
    }
}

export class OpenId {
    // alg: of the ID tokens. claimsInToken: the address is in the ID token, not only at userinfo.
    static async start({ alg = 'RS256', claimsInToken = true } = {}) {
        const it = new OpenId();
        Object.assign(it, { alg, claimsInToken, hooks: {}, asked: {}, people: {}, answer: null, serial: 0 });
        it.server = http.createServer((req, res) => it.handle(req, res));
        await new Promise((resolve) => it.server.listen(0, '127.0.0.1', resolve));
        it.issuer = `http://127.0.0.1:${it.server.address().port}`;
        it.dir = fs.mkdtempSync('/tmp/cubby-openid-');
        it.rotate();
        return it;
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    // Settings of a stack that knows this provider, by these names.
    env(...names) {
        const file = { issuer: this.issuer, clientId: CLIENT.id, clientSecret: CLIENT.secret };
        for (const name of names)
            fs.writeFileSync(`${this.dir}/${name}.json`, JSON.stringify({ ...file, label: `The ${name}` }));
        return { CUBBY_OAUTH_DIR: this.dir, CUBBY_OAUTH_LOOPBACK_HTTP: 'on', CUBBY_OAUTH_TIMEOUT: '1000' };
    }

    // Where the provider may send browsers.
    register(...uris) {
        this.uris = uris;
        this.configure();
    }

    // New keys, and none of the old ones.
    rotate() {
        this.key = newKey(this.alg, `key-${++this.serial}`);
        this.configure();
    }

    configure() {
        const { people } = this;
        this.provider = new Provider(this.issuer, {
            clients: [{
                client_id: CLIENT.id, client_secret: CLIENT.secret,
                redirect_uris: this.uris ?? ['http://127.0.0.1/unused'],
                id_token_signed_response_alg: this.alg,
            }],
            jwks: { keys: [this.key] },
            cookies: { keys: ['tests'] },
            adapter: Kept,
            ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
            claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
            conformIdTokenClaims: !this.claimsInToken,
            features: { devInteractions: { enabled: false } },
            pkce: { required: () => true, methods: ['S256'] },
            interactions: { url: (ctx, interaction) => `/person/${interaction.uid}` },
            findAccount: (ctx, id) => ({
                accountId: id, claims: () => ({ sub: id, name: 'Somebody', ...people[id] }),
            }),
            // Nobody is asked what the client may know.
            loadExistingGrant: async (ctx) => {
                const grant = new ctx.oidc.provider.Grant({
                    clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
                });
                grant.addOIDCScope('openid email profile');
                await grant.save();
                return grant;
            },
        });
        this.provider.on('server_error', (ctx, error) => console.error(error));
        this.callback = this.provider.callback();
    }

    async handle(req, res) {
        const path = req.url.split('?')[0];
        this.asked[path] = (this.asked[path] ?? 0) + 1;
        if (this.hooks[path]) return this.hooks[path](req, res);
        if (!path.startsWith('/person/')) return this.callback(req, res);
        await this.provider.interactionFinished(req, res, this.answer, { mergeWithLastSubmission: false });
    }

    // Whoever comes next is this person.
    person(id, claims = {}) {
        this.people[id] = claims;
        this.answer = { login: { accountId: id } };
    }

    denies() {
        this.answer = { error: 'access_denied', error_description: 'no, thank you' };
    }

    // The token endpoint gives an ID token of these claims, whatever the code.
    forge(claims, { key = this.key, alg = this.alg, header } = {}) {
        const now = Math.floor(Date.now() / 1000);
        const all = { iss: this.issuer, aud: CLIENT.id, sub: 'forged', iat: now, exp: now + 300, ...claims };
        this.hooks['/token'] = (req, res) => {
            req.resume();
            this.json(res, 200, { access_token: 'x', token_type: 'Bearer', id_token: sign(all, { alg, key, header }) });
        };
    }

    json(res, status, body) {
        res.writeHead(status, { 'content-type': 'application/json' });
        res.end(typeof body === 'string' ? body : JSON.stringify(body));
    }
}

// One browser: its cookies at Cubby are a User's, those at the provider its own.
export class Browser extends User {
    constructor(stack, provider) {
        super(stack);
        this.provider = provider;
        this.cookies = {};
    }

    // A page of Cubby; the answer as it is.
    open(path, headers = {}) {
        const usual = { accept: 'text/html', 'sec-fetch-site': 'same-origin' };
        return this.request('GET', path, { headers: { ...usual, ...headers } });
    }

    // To the provider, as far as the first redirect that leaves it: that address.
    async signInAt(url) {
        for (let hops = 0; hops < 10; hops++) {
            const { host, pathname, search, port } = new URL(url);
            if (host !== new URL(this.provider.issuer).host) return url;
            const cookie = Object.entries(this.cookies).map(([name, value]) => `${name}=${value}`).join('; ');
            const sent = { port: Number(port), headers: { cookie } };
            const answer = await request(this.stack, 'GET', pathname + search, sent);
            for (const [name, { value }] of Object.entries(answer.cookies)) {
                if (value) this.cookies[name] = value;
                else delete this.cookies[name];
            }
            assert.ok(answer.headers.location, `${url}: ${answer.status} ${answer.text}`);
            url = new URL(answer.headers.location, url).href;
        }
        throw new Error('too many redirects');
    }

    // There: the address of the callback that the provider sends the browser to.
    async begin(name = 'test') {
        const answer = await this.open(`/api/auth/oauth/${name}`);
        assert.equal(answer.status, 303, answer.text);
        return this.sentTo(answer.headers.location);
    }

    // The same, to link the identity there to the account that is signed in.
    async beginLink(name = 'test', password = PASSWORD) {
        const answer = await this.request('POST', `/api/auth/oauth/${name}`, { body: { password } });
        assert.equal(answer.status, 200, answer.text);
        return this.sentTo(answer.json.url);
    }

    sentTo(url) {
        this.sent = new URL(url).searchParams;
        this.cookies = {};
        return url;
    }

    // And back; the answer of the callback.
    async finish(location, headers) {
        const { pathname, search } = new URL(await this.signInAt(location));
        return this.open(pathname + search, headers ?? { 'sec-fetch-site': 'cross-site' });
    }

    async signIn(name = 'test') {
        return this.finish(await this.begin(name));
    }

    async link(name = 'test') {
        return this.finish(await this.beginLink(name));
    }

    // The callback with a code that the provider never gave, for answers that are forged.
    async forged(claims, options) {
        await this.begin();
        const nonce = this.sent.get('nonce');
        this.provider.forge({ nonce, email: 'forged@example.org', email_verified: true, ...claims }, options);
        return this.answered();
    }

    // The callback with parameters that a test puts in place of the provider's own.
    answered(parameters = {}, name = 'test') {
        const all = { code: 'any', state: this.sent.get('state'), iss: this.provider.issuer, ...parameters };
        for (const key of Object.keys(all)) if (all[key] === undefined) delete all[key];
        return this.open(`/api/auth/oauth/${name}/callback?${new URLSearchParams(all)}`,
            { accept: '*/*', 'sec-fetch-site': 'cross-site' });
    }
}
