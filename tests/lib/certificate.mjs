// Self-signed certificates for tests, made by openssl.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

// Writes <name>.pem and <name>.key to a folder; { cert, key } are their paths, `ca` what a client
// has to trust.
export function makeCertificate(folder, name) {
    const cert = `${folder}/${name}.pem`;
    const key = `${folder}/${name}.key`;
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-keyout', key, '-out', cert],
    { stdio: 'ignore' });
    return { cert, key, ca: fs.readFileSync(cert) };
}
