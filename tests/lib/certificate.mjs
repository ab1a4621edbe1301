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

// The same, good from long ago until so many days from now, which may be in the past.
export function makeCertificateUntil(folder, name, days) {
    const made = makeCertificate(folder, name);
    const [home, request] = [`${folder}/${name}.ca`, `${folder}/${name}.csr`];
    const day = (add) => new Date(Date.now() + add * 86400000).toISOString().replace(/[-:T]|\.\d+/g, '').slice(2);
    fs.mkdirSync(home);
    fs.writeFileSync(`${home}/index`, '');
    fs.writeFileSync(`${home}/conf`, ['[ca]', 'default_ca = one', '[one]', `new_certs_dir = ${home}`,
        `database = ${home}/index`, 'default_md = sha256', 'policy = any', 'rand_serial = yes', '[any]',
        'commonName = supplied', '[names]', 'subjectAltName = IP:127.0.0.1', ''].join('\n'));
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
    openssl('req', '-new', '-key', made.key, '-subj', `/CN=${name}`, '-out', request);
    openssl('ca', '-batch', '-selfsign', '-notext', '-config', `${home}/conf`, '-extensions', 'names',
        '-keyfile', made.key, '-in', request, '-out', made.cert, '-startdate', day(-400), '-enddate', day(days));
    return { ...made, ca: fs.readFileSync(made.cert) };
}
