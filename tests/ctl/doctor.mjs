// cubbyctl doctor: faults of the settings, the data folder and the machine, planted one at a time.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { CTL, ctl, done } from '../lib/ctl.mjs';
import { Doctor, STRONG, settingsOf } from '../lib/doctor.mjs';
import { MailServer } from '../lib/mailserver.mjs';
import { ROOT, SECRET, Stack, freePort } from '../lib/stack.mjs';

const isRoot = process.getuid() === 0;
// May this machine's tests mount? Containers mostly may not.
const mount = (line) => isRoot && spawnSync('unshare', ['-m', 'sh', '-c', line]).status === 0;
const mayMount = mount('mount -t tmpfs none /tmp');
const mayFuse = mount('mount -t tmpfs none /tmp && bindfs /usr /tmp && umount /tmp');

describe('cubbyctl doctor on a host', () => {
    let stack, doctor, folder, library;
    before(async () => {
        folder = fs.mkdtempSync('/tmp/cubby-doctor-');
        library = `${folder}/planted.so`;
        execFileSync('cc', ['-shared', '-fPIC', '-D_GNU_SOURCE', `-I${ROOT}/lib`, '-o', library,
            `${ROOT}/tests/ctl/planted.c`]);
        stack = await new Stack({ env: { CUBBY_JWT_SECRET: STRONG } }).start();
        doctor = new Doctor(stack);
    });
    after(async () => {
        await stack?.stop();
        fs.rmSync(folder, { recursive: true, force: true });
    });
    const planted = (env) => ({ env: { LD_PRELOAD: library, ASAN_OPTIONS: 'verify_asan_link_order=0', ...env } });
    const file = (name, text, mode = 0o600) => {
        const path = `${folder}/${name}`;
        fs.writeFileSync(path, text);
        fs.chmodSync(path, mode);
        return path;
    };
    const ini = (name, text, mode) => file(name, `jwt_secret = ${STRONG}\n${text}`, mode);

    // A data folder of its own, with the stack's accounts.
    const copy = async (name) => {
        await done(stack, ['backup', `${folder}/backups`]);
        await done(`${folder}/${name}`, ['restore', `${folder}/backups`]);
        return `${folder}/${name}`;
    };

    it('without a fault finds none, and leaves nothing behind', async () => {
        const findings = await doctor.findsNothing({ url: stack.origin });
        const open = findings.filter(({ result }) => result === 'not checked').map(({ check }) => check);
        assert.deepEqual(open.filter((check) => check !== 'logs'), ['idle']); // lighttpd writes logs late
        assert.equal((await done(stack, ['stats'])).accounts, 0);
        const text = await ctl(stack, ['doctor', '--no-wait'], { env: settingsOf(stack) });
        assert.equal(text.code, 0, text.out);
        assert.match(text.out, /^not checked +url +no public URL: give one by --url/m);
        assert.match(text.out, /^\d+ ok, \d+ to think about, 0 at fault, \d+ not checked$/m);
    });

    describe('the settings', () => {
        it('a setting that there is not', () => doctor.finds('settings', /unknown\.ini:2: colour: no such setting/,
            /unknown\.ini/, { config: ini('unknown.ini', 'colour = red\n') }));

        it('a secret that is too short', () => doctor.finds('settings', /CUBBY_JWT_SECRET.*wrong length/,
            /the environment/, { env: { CUBBY_JWT_SECRET: 'short' } }));

        it('secrets of examples, repetitions, sequences and words', async () => {
            for (const [secret, why] of [[SECRET, /an example/], ['changeme-changeme-changeme-changeme', /an example/],
                ['0123456789abcdef'.repeat(2), /a repetition/], ['abcdefghijklmnopqrstuvwxyz0123456789', /a sequence/],
                ['correct horse battery staple mountain', /guessed/]])
                await doctor.finds('secret', why, /openssl rand.*restart/, { env: { CUBBY_JWT_SECRET: secret } });
            await doctor.finds('secret', /jwt_secret_previous/, /jwt_secret_previous out of/,
                { env: { CUBBY_JWT_SECRET_PREVIOUS: SECRET } });
        });

        it('secrets that everybody can read', async () => {
            await doctor.finds('settings-files', /open\.ini: others can read/, /chmod 640 .*open\.ini/,
                { config: ini('open.ini', '', 0o644) });
            const config = file('closed.ini', 'demo = on\n', 0o644);
            const env = file('cubby.env', 'CUBBY_JWT_SECRET=…\n', 0o644);
            await doctor.finds('settings-files', /cubby\.env: others can read/, /chmod 640 .*cubby\.env/, { config });
            fs.rmSync(env);
            await doctor.findsNothing({ config });
        });

        it('a TLS key that everybody can read, and a TLS port where nobody is', async () => {
            const { cert, key } = makeCertificate(folder, 'push');
            fs.chmodSync(key, 0o644);
            const config = ini('tls.ini', `push_tls_cert = ${cert}\npush_tls_key = ${key}\n`);
            await doctor.finds('settings-files', /push\.key.*private key/, /chmod 640 .*push\.key/, { config });
            fs.chmodSync(key, 0o600);
            const env = { CUBBY_PUSH_TLS_LISTEN: `127.0.0.1:${await freePort()}` };
            await doctor.finds('push-tls', /nobody speaks TLS/, /push_tls_cert and push_tls_key in .*tls\.ini/,
                { config, env });
        });

        it('what is for development, on a public host', () => doctor.finds('development', /anybody's password/,
            /dev_show_reset_token = off/,
            { env: { CUBBY_DEV_SHOW_RESET_TOKEN: 'on', CUBBY_PUBLIC_URL: `http://cubby.localhost:${stack.port}` } }));

        it('a mail server that is not there, or no sender', async () => {
            const env = { CUBBY_MAIL_SMTP: `smtp://127.0.0.1:${await freePort()}`,
                CUBBY_MAIL_TEMPLATES: `${ROOT}/fcgi-app/mail` };
            await doctor.finds('mail', /mail_from/, /mail_from, public_url/, { env });
            Object.assign(env, { CUBBY_MAIL_FROM: 'cubby@cubby.example', CUBBY_PUBLIC_URL: stack.origin });
            await doctor.finds('mail', /connect/, /mail_smtp.* in/, { env });
            const mail = new MailServer({ authOptional: false });
            await mail.start();
            env.CUBBY_MAIL_SMTP = `smtp://127.0.0.1:${mail.port}`;
            const taken = (await doctor.findsNothing({ env })).find(({ check }) => check === 'mail').message;
            await mail.stop();
            assert.match(taken, /takes mails/);
            assert.equal(mail.offered, 0);
        });

        it('a web server that is not trusted', () => doctor.finds('proxies', /has not 127\.0\.0\.1/,
            /trusted_proxies = 127\.0\.0\.1 ::1 unix: in/, { env: { CUBBY_TRUSTED_PROXIES: '' } }));

        it('cubby-pushd that does not run', async () => doctor.finds('pushd', /does not answer at 127\.0\.0\.1/,
            /systemctl start cubby-pushd.*push_listen/,
            { env: { CUBBY_PUSH_LISTEN: `127.0.0.1:${await freePort()}` } }));
    });

    describe('the data folder', () => {
        it('one that is not there, is none, or is empty', async () => {
            await doctor.finds('data-folder', /No such file/, /data_dir in/, { data: '/nonexistent/cubby' });
            await doctor.finds('data-folder', /no folder/, /data_dir in/, { data: file('flat', '') });
            fs.mkdirSync(`${folder}/empty`);
            await doctor.finds('data-folder', /no main\.db/, /data_dir in/, { data: `${folder}/empty` });
        });

        it('one that its owner cannot write to, or that others can read', async () => {
            const data = await copy('modes');
            fs.chmodSync(data, 0o500);
            await doctor.finds('data-folder', /cannot write/, /chmod 700/, { data });
            fs.chmodSync(data, 0o755);
            await doctor.finds('permissions', /others than its owner/, /chmod -R go= /, { data });
            fs.chmodSync(data, 0o700);
            fs.chmodSync(`${data}/main.db`, 0o644);
            await doctor.finds('permissions', /main\.db: others/, /chmod -R go= /, { data });
        });

        if (isRoot) {
            it('a file of another user', async () => {
                const data = await copy('owners');
                fs.chownSync(`${data}/main.db`, 12345, 12345);
                await doctor.finds('owner', /main\.db: it belongs to another user/, /chown -R 0 /, { data });
            });
        }

        it('a database of a newer program, or a damaged one', async () => {
            const data = await copy('newer');
            execFileSync('sqlite3', [`${data}/main.db`, 'PRAGMA user_version=999']);
            await doctor.finds('databases', /main\.db .*a newer version of Cubby/, /newer programs/, { data });
            fs.writeFileSync(`${data}/main.db`, 'x'.repeat(8192));
            await doctor.finds('databases', /main\.db .*damaged/, /cubbyctl restore/, { data });
        });

        it('a restore that was cut short', async () => {
            const data = await copy('half');
            fs.mkdirSync(`${data}/restoring`, 0o700);
            await doctor.finds('restore', /restoring: a restore was cut short/, /restore BACKUP --force/, { data });
        });

        it('a file of the future', async () => {
            const data = await copy('future');
            const later = Date.now() / 1000 + 7200;
            fs.utimesSync(`${data}/main.db`, later, later);
            await doctor.finds('file-times', /main\.db: it was changed in the future/, /clock/, { data });
        });
    });

    describe('the machine', () => {
        it('an SQLite that is too old; one with the WAL-reset bug is told of', async () => {
            await doctor.finds('sqlite', /3\.30\.1 is too old/, /libsqlite3-0/,
                planted({ CUBBY_TEST_SQLITE: '3.30.1' }));
            const of = async (version) => (await doctor.findsNothing(planted({ CUBBY_TEST_SQLITE: version })))
                .find(({ check }) => check === 'sqlite').result;
            for (const [version, result] of [['3.40.1', 'warning'], ['3.44.6', 'ok'], ['3.50.6', 'warning'],
                ['3.50.7', 'ok'], ['3.51.2', 'warning'], ['3.51.3', 'ok'], ['3.52.0', 'ok']])
                assert.equal(await of(version), result, version);
        });

        it('network file systems', async () => {
            for (const [type, name] of [['6969', 'NFS'], ['fe534d42', 'SMB'], ['01021997', '9p']])
                await doctor.finds('file-system', new RegExp(`is on ${name}`), /data_dir in .*local disk/,
                    planted({ CUBBY_TEST_FS: type }));
        });

        // Mounted for real, where that may be: gone with the process.
        const mounted = (data, script) => {
            const at = fs.mkdtempSync(`${folder}/mount-`);
            const env = { ...process.env, ...settingsOf(stack), CUBBY_DATA_DIR: at,
                CUBBY_COLLECTIONS_DIR: `${ROOT}/fcgi-app/collections` };
            const line = `${script}; '${CTL}' doctor --json`;
            const result = spawnSync('unshare', ['-m', 'sh', '-euc', line, 'sh', data, at], { env, encoding: 'utf8' });
            return JSON.parse(result.stdout).filter((finding) => finding.result === 'fault').map(({ check }) => check);
        };
        if (mayMount) {
            it('a disk that is full, of bytes or of files', async () => {
                const data = await copy('full');
                const fill = (options) =>
                    mounted(data, `mount -t tmpfs -o mode=700,${options} none "$2"; cp -a "$1"/. "$2"`);
                assert.deepEqual(fill('size=8m'), ['disk']);
                assert.deepEqual(fill('size=900m,nr_inodes=300'), ['disk']);
            });
        }
        if (mayFuse) {
            it('a folder by FUSE', async () => {
                const data = await copy('fuse');
                assert.deepEqual(mounted(data, 'bindfs "$1" "$2"; trap "umount $2" EXIT'), ['file-system']);
            });
        }
    });
});
