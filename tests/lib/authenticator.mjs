// A passkey authenticator and the browser around it, in software: makes credentials and answers
// challenges as PublicKeyCredential.toJSON() has them, and as wrongly as a test wants them.

import crypto from 'node:crypto';

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();

// --- CBOR, as little as authenticators need: numbers, bytes, texts, arrays, maps (Map) ---

function head(major, n) {
    if (n < 24) return Buffer.from([major << 5 | n]);
    if (n < 256) return Buffer.from([major << 5 | 24, n]);
    return Buffer.from([major << 5 | 25, n >> 8, n & 255]);
}

export function cbor(value) {
    if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
    if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
    if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
    if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
    return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
}

// --- keys ---

export const ES256 = -7;
export const RS256 = -257;

function makeKey(alg) {
    const pair = alg === ES256 ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = pair.publicKey.export({ format: 'jwk' });
    const number = (name) => Buffer.from(jwk[name], 'base64url');
    const cose = alg === ES256 ? new Map([[1, 2], [3, ES256], [-1, 1], [-2, number('x')], [-3, number('y')]])
        : new Map([[1, 3], [3, RS256], [-1, number('n')], [-2, number('e')]]);
    return { privateKey: pair.privateKey, cose };
}

// Flags of authenticator data.
export const FLAG = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 };

// One authenticator with one passkey, in a browser whose page is of `origin`.
export class Passkey {
    constructor({ origin, alg = ES256, counts = true, flags = FLAG.UP | FLAG.UV } = {}) {
        this.origin = origin;
        this.alg = alg;
        this.count = counts ? 1 : 0;
        this.counts = counts;
        this.flags = flags;
        this.id = crypto.randomBytes(32);
        Object.assign(this, makeKey(alg));
    }

    // But for what `wrong` has: origin, type, challenge, crossOrigin; json: the text itself.
    clientData(type, options, wrong) {
        if (wrong.json !== undefined) return Buffer.from(wrong.json);
        return Buffer.from(JSON.stringify({
            type: wrong.type ?? type, challenge: wrong.challenge ?? options.challenge,
            origin: wrong.origin ?? this.origin, crossOrigin: wrong.crossOrigin ?? false,
        }));
    }

    authenticatorData(rpId, wrong, more = 0) {
        const counter = Buffer.alloc(4);
        counter.writeUInt32BE(wrong.count ?? this.count);
        return Buffer.concat([sha256(wrong.rpId ?? rpId), Buffer.from([(wrong.flags ?? this.flags) | more]), counter]);
    }

    // navigator.credentials.create(): what POST /api/passkeys takes as credential.
    create(options, wrong = {}) {
        const clientData = this.clientData('webauthn.create', options, wrong);
        this.rpId = options.rp.id;
        this.userHandle = options.user.id;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(this.id.length);
        const authData = Buffer.concat([this.authenticatorData(this.rpId, wrong, FLAG.AT), Buffer.alloc(16), length,
            this.id, cbor(wrong.cose ?? this.cose)]);
        const attestation = cbor(new Map([['fmt', wrong.fmt ?? 'none'], ['attStmt', wrong.statement ?? new Map()],
            ['authData', authData]]));
        return {
            id: base64url(this.id), rawId: base64url(this.id), type: 'public-key', authenticatorAttachment: 'platform',
            clientExtensionResults: {},
            response: {
                clientDataJSON: base64url(clientData), attestationObject: base64url(attestation),
                transports: ['internal', 'hybrid'],
            },
        };
    }

    // navigator.credentials.get(): what POST /api/login/passkey takes as credential.
    get(options, wrong = {}) {
        const clientData = this.clientData('webauthn.get', options, wrong);
        if (this.counts) this.count++;
        const authData = this.authenticatorData(options.rpId, wrong);
        const signature = crypto.sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.privateKey);
        return {
            id: base64url(this.id), rawId: base64url(this.id), type: 'public-key', authenticatorAttachment: 'platform',
            clientExtensionResults: {},
            response: {
                clientDataJSON: base64url(clientData), authenticatorData: base64url(authData),
                signature: base64url(signature), userHandle: wrong.userHandle ?? this.userHandle,
            },
        };
    }
}
