// What is installed works from where it lies: `make install`, the tarball, the .deb.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../lib/certificate.mjs';
import { blocksOf } from '../lib/installing.mjs';
import { APP, ROOT, SECRET, freePort, processesOf, until } from '../lib/stack.mjs';

const BUILT = path.dirname(APP);
const run = (program, args, options = {}) =>
    execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

// One request, as a web server starts a CGI program.
const ask = (program, env, uri) => run(program, [], {
    env: { PATH: process.env.PATH, GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'GET', REQUEST_URI: uri, ...env },
});

describe('installed', { timeout: 300000 }, () => {
    let folder;
    before(() => (folder = fs.mkdtempSync('/tmp/cubby-install-')));
    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    it('below a prefix: programs, settings and pages are there, and work from there', async () => {
        const prefix = `${folder}/usr`;
        run('packaging/install.sh', [BUILT], { env: { ...process.env, PREFIX: prefix } });
        const env = { CUBBY_CONFIG: `${prefix}/etc/cubby/cubby.ini`, CUBBY_JWT_SECRET: SECRET };
        assert.match(ask(`${prefix}/bin/cubby.fcgi`, env, '/healthz'), /^Status: 200 [^]*\{"ok":true\}$/);
        assert.ok(fs.existsSync(`${prefix}/var/lib/cubby/main.db`));
        assert.ok(fs.existsSync(`${prefix}/share/cubby/www/index.html`));
        const port = await freePort();
        const pushd = spawn(`${prefix}/bin/cubby-pushd`, ['--config', env.CUBBY_CONFIG],
            { env: { ...process.env, ...env, CUBBY_PUSH_LISTEN: `127.0.0.1:${port}` }, stdio: 'ignore' });
        const ended = new Promise((resolve) => pushd.on('exit', resolve));
        const well = () => fetch(`http://127.0.0.1:${port}/push/healthz`).then(({ ok }) => ok, () => false);
        await until(well, 'the installed cubby-pushd').finally(() => pushd.kill());
        assert.equal(await ended, 0);
    });

    it('again: settings and collections that were changed stay', () => {
        const env = { ...process.env, DESTDIR: `${folder}/staged`, PREFIX: '/usr' };
        run('packaging/install.sh', [BUILT], { env });
        const etc = `${folder}/staged/etc/cubby`;
        assert.match(fs.readFileSync(`${etc}/cubby.ini`, 'utf8'), /^data_dir = \/var\/lib\/cubby$/m);
        for (const file of ['cubby.ini', 'collections/posts.json']) fs.writeFileSync(`${etc}/${file}`, 'mine');
        run('packaging/install.sh', [BUILT], { env });
        for (const file of ['cubby.ini', 'collections/posts.json'])
            assert.equal(fs.readFileSync(`${etc}/${file}`, 'utf8'), 'mine');
        const unit = fs.readFileSync(`${folder}/staged/lib/systemd/system/cubby.service`, 'utf8');
        assert.match(unit, /^ExecStart=\/usr\/bin\/cubby\.fcgi --config \/etc\/cubby\/cubby\.ini$/m);
        assert.doesNotMatch(unit, /@[A-Z]+@/);
    });

    it('from the tarball: with its own libraries, anywhere', () => {
        const home = `${folder}/home`;
        fs.mkdirSync(home);
        run('packaging/tarball.sh', [BUILT, `${home}/cubby-1.tar.gz`]);
        const env = { PATH: process.env.PATH, HOME: home };
        run('bash', ['-euc', blocksOf('home').join('\n')], { env, cwd: home });
        assert.match(ask(`${home}/public_html/app/cubby.fcgi`, {}, '/app/healthz'), /\{"ok":true\}$/);
        assert.ok(fs.existsSync(`${home}/.cubby/data/main.db`));
        const linked = run('ldd', [`${home}/cubby/lib/cubby.fcgi`],
            { env: { ...env, LD_LIBRARY_PATH: `${home}/cubby/lib` } });
        for (const name of ['libfcgi', 'libsqlite3', 'libnng', 'libcjson'])
            assert.match(linked, new RegExp(`${name}\\S* => ${home}/cubby/lib/`));
        const bad = spawnSync(`${home}/cubby/bin/cubby-setup`, [`${home}/x`, 'c/'], { env, encoding: 'utf8' });
        assert.equal(bad.status, 1);
        assert.match(bad.stderr, /BASE_PATH/);
    });

    it('the .deb: what is in it, and whose it is', () => {
        const file = run('packaging/deb/build.sh', [BUILT, `${folder}/cubby.deb`]).trim();
        const list = run('dpkg-deb', ['-c', file]);
        for (const line of list.trim().split('\n')) assert.match(line, /^[-dl]\S+ root\/root /);
        assert.match(list, /^-rw-r----- .* \.\/etc\/cubby\/cubby\.ini$/m);
        run('dpkg-deb', ['-e', file, `${folder}/control`]);
        const conffiles = fs.readFileSync(`${folder}/control/conffiles`, 'utf8').trim().split('\n');
        for (const name of conffiles) assert.match(name, /^\/etc\//);
        assert.ok(conffiles.includes('/etc/cubby/cubby.ini'));
        const needs = run('dpkg-deb', ['-f', file, 'Depends']);
        for (const name of ['adduser', 'libc6 ', 'libfcgi0ldbl', 'libsqlite3-0', 'libnng1', 'libargon2-1'])
            assert.ok(needs.includes(name), `${name} of ${needs}`);
        for (const script of ['postinst', 'prerm', 'postrm']) run('sh', ['-n', `${folder}/control/${script}`]);
    });

    it('each web server, by make run', async (t) => {
        const [lines] = blocksOf('run');
        const { cert, key } = makeCertificate(folder, 'localhost');
        for (const line of lines.split('\n')) {
            const data = `${folder}/run`;
            const port = String(await freePort());
            const command = line.replace('make run', `make -C ${ROOT} run`).replace('8081', port)
                .replace('cert.pem', cert).replace('key.pem', key);
            const env = { ...process.env, PORT: port, DATA: data };
            for (const name of Object.keys(env)) if (name.startsWith('CUBBY_')) delete env[name];
            let said = '', over = false;
            const shell = spawn('bash', ['-c', command], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
            for (const pipe of [shell.stdout, shell.stderr]) pipe.on('data', (text) => (said += text));
            shell.on('exit', () => (over = true));
            const end = () => over || process.kill(-shell.pid, 'SIGTERM');
            t.after(end);
            await until(() => said.includes('Cubby serves') || over, line, 60000);
            const [, origin] = /Cubby serves (\S+)/.exec(said) ?? assert.fail(`${line}: ${said}`);
            assert.match(run('curl', ['-sk', `${origin}healthz`]), /\{"ok":true\}/, line);
            end();
            await until(() => over && processesOf(data).length === 0, `the end of ${line}`, 20000);
        }
    });
});
