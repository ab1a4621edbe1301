// The package on a Debian machine with systemd (tests/lib/machine.sh): the commands of
// docs/install.md as they stand there, then whatever may happen to it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { User, request } from '../lib/http.mjs';
import { PAGE, blocksOf } from '../lib/installing.mjs';
import { startLasting } from '../lib/lasting.mjs';
import { Machine } from '../lib/machine.mjs';
import { APP, ROOT, until } from '../lib/stack.mjs';
import { EventReader, SocketReader } from '../lib/streams.mjs';

const BUILT = path.dirname(APP);
const SERVICES = ['cubby.socket', 'cubby.service', 'cubby-pushd.service'];

describe('a Debian machine', { timeout: 300000 }, () => {
    let machine, web;
    before(async () => {
        machine = await Machine.boot();
        if (machine.why) return;
        fs.mkdirSync(`${machine.shared}/built`);
        for (const name of ['cubby.fcgi', 'cubby-pushd', 'cubbyctl'])
            fs.copyFileSync(`${BUILT}/${name}`, `${machine.shared}/built/${name}`);
        execFileSync(`${ROOT}/packaging/deb/build.sh`, [BUILT, `${machine.shared}/cubby_1_amd64.deb`]);
        machine.sh(`sed -i 's/^Listen .*/Listen 80/' /etc/apache2/ports.conf; rm -f /root/jar
            echo 'ServerName localhost' > /etc/apache2/conf-enabled/name.conf; systemctl start apache2
            echo 127.0.0.1 localhost > /etc/hosts; cp /shared/*.deb /root`);
        web = { ...await machine.web(80), base: '/cubby' };
    });
    after(() => machine?.stop());

    const there = (what, body) => it(what, (t) => {
        if (machine.why) return t.skip(`no machine can be made here: ${machine.why}`);
        return body(t);
    });
    const active = () => SERVICES.map((unit) => machine.try(`systemctl is-active ${unit}`).stdout.trim());
    const well = async () => {
        const paths = ['/healthz', '/push/healthz'];
        const answers = await Promise.all(paths.map((name) => request(web, 'GET', name).catch(() => ({}))));
        return answers.every(({ status }) => status === 200);
    };
    const main = (unit) => Number(machine.sh(`systemctl show -P MainPID ${unit}`));
    const journal = (unit) => machine.sh(`journalctl --no-pager -o cat -n 20 -u ${unit}`);
    // A deb with the same content and another version.
    const repacked = (version) => machine.sh(`dpkg-deb -R /shared/cubby_1_amd64.deb /tmp/repacked
        sed -i 's/^Version: .*/Version: ${version}/' /tmp/repacked/DEBIAN/control
        dpkg-deb -Znone -b /tmp/repacked /root/cubby_${version}.deb > /dev/null; rm -r /tmp/repacked`);

    there('three commands from the .deb to a live event', async (t) => {
        const [commands] = blocksOf('root');
        assert.equal(commands.split('\n').length, 3);
        const start = performance.now();
        const shell = machine.spawn(`cd /root\n${commands}`);
        let said = '';
        shell.stdout.on('data', (text) => (said += text));
        await until(() => /event: realtime:connected/.test(said), 'the stream to be open', 60000)
            .catch((error) => assert.fail(`${error.message}\n${said}`));
        machine.sh(`cd /root; ${/`(curl -b jar [^`]*)`/.exec(PAGE)[1]}`);
        await until(() => /event: kv:set/.test(said), 'the event');
        const seconds = (performance.now() - start) / 1000;
        shell.kill();
        machine.sh('pkill curl; rm -f /var/lib/man-db/auto-update'); // the index of manuals is no more ours
        t.diagnostic(`${seconds.toFixed(1)} s to the first live event, with dependencies there already`);
        assert.deepEqual(active(), ['active', 'active', 'active']);
    });

    there('the services are closed in, and what they may do is enough', () => {
        for (const unit of ['cubby.service', 'cubby-pushd.service'])
            machine.sh(`systemd-analyze security --no-pager --threshold=20 ${unit}`);
        const dropIn = '/run/systemd/system/cubby.service.d';
        const tries = ['/usr/bin/x', '/etc/cubby/x', '/home/x', '/run/x', '/var/lib/x', '/root/x']
            .map((file) => `! touch ${file}`).join(' && ');
        machine.sh(`mkdir -p ${dropIn}; cat > ${dropIn}/try.conf; systemctl daemon-reload; systemctl restart cubby`, {
            input: `[Service]\nExecStartPre=/bin/sh -c '${tries} && ! ls /root && touch /var/lib/cubby/x'\n`,
        });
        assert.equal(machine.sh('stat -c %U:%a /var/lib/cubby/x; rm /var/lib/cubby/x'), 'cubby:600');
        assert.match(journal('cubby'), /Read-only file system/);
        machine.sh(`rm -r ${dropIn}; systemctl daemon-reload`);
    });

    there('the commands of every day', async () => {
        const [, services, users] = blocksOf('root');
        machine.sh(services, { timeout: 60000 });
        assert.match(machine.sh(users), /ada@example\.org/);
        assert.deepEqual(active(), ['active', 'active', 'active']);
        await until(well, 'both to answer');
    });

    there('stopped with streams open it ends in time, and nothing of it is left', async () => {
        const user = await User.signUp(web);
        const reader = await EventReader.open(web, { headers: { authorization: `Bearer ${user.token}` } });
        await reader.next();
        const start = Date.now();
        machine.sh('systemctl stop "cubby*"');
        assert.ok(Date.now() - start < 10000);
        await reader.end();
        assert.deepEqual(active(), ['inactive', 'inactive', 'inactive']);
        assert.equal(machine.try('pgrep -u cubby').stdout, '');
        machine.sh('systemctl start cubby');
        await until(well, 'both to answer');
        assert.deepEqual(active(), ['active', 'active', 'active']);
    });

    there('killed at any moment, each is back, and nothing that was acknowledged is lost', async (t) => {
        const lasting = await startLasting(t, web);
        const away = {};
        const kill = async (what, command) => {
            await machine.run(command);
            const start = performance.now();
            await until(well, `${what} to be back`);
            (away[what] ??= []).push(Math.round(performance.now() - start));
        };
        for (const unit of ['cubby', 'cubby-pushd']) {
            const other = unit === 'cubby' ? 'cubby-pushd' : 'cubby';
            const before = main(other);
            for (let round = 0; round < 3; round++) await kill(unit, `systemctl kill -s KILL ${unit}`);
            // As soon as it is there again, more often than systemd by itself would start it.
            await kill(`${unit}, eight times`, `for n in 1 2 3 4 5 6 7 8; do
                until systemctl kill -s KILL ${unit} 2> /dev/null; do sleep 0.01; done; sleep 0.15; done`);
            assert.equal(main(other), before, `${other} goes on`);
        }
        for (let round = 0; round < 2; round++)
            await kill('a worker of Apache', `until kill -9 $(pgrep -P $(systemctl show -P MainPID apache2) |
                tail -n 1); do sleep 0.01; done`);
        const { acknowledged, pause, opened } = await lasting.stop();
        for (const [what, times] of Object.entries(away)) t.diagnostic(`${what}: back after ${times.join(', ')} ms`);
        t.diagnostic(`${acknowledged} writes, ${pause} ms without one at most; the stream opened ${opened} times`);
        assert.ok(opened > 1);
    });

    there('upgraded while it is used: data, secret and settings stay, streams come back', async (t) => {
        const secret = machine.sh('cat /etc/cubby/cubby.env; echo log_level = warn >> /etc/cubby/cubby.ini');
        repacked('2');
        const lasting = await startLasting(t, web);
        const before = main('cubby-pushd');
        await machine.run('apt install -qq -y /root/cubby_2.deb 2>&1');
        await until(well, 'both to answer');
        const { opened } = await lasting.stop();
        assert.ok(opened > 1 && main('cubby-pushd') !== before);
        assert.equal(machine.sh('cat /etc/cubby/cubby.env'), secret);
        assert.equal(machine.sh('tail -n 1 /etc/cubby/cubby.ini'), 'log_level = warn');
    });

    async function servesAll() {
        await until(well, 'both to answer');
        const user = await User.signUp(web);
        const page = await request(web, 'GET', '/');
        assert.match(page.text, /<title>Cubby/);
        assert.match(page.headers['content-security-policy'], /default-src 'none'/);
        assert.equal((await request(web, 'GET', '/organizations')).status, 200);
        assert.equal((await request({ ...web, base: '' }, 'GET', '/cubby')).status, 301);
        const rest = await request({ ...web, base: '' }, 'GET', '/');
        assert.ok([200, 403].includes(rest.status), 'the rest is the host’s');
        const headers = { authorization: `Bearer ${user.token}` };
        const events = await EventReader.open(web, { headers });
        const sockets = await Promise.all(['/cubby/api/ws', '/cubby/'].map((name) =>
            SocketReader.open(web, name, { headers: { ...headers, cookie: user.cookie }, via: web.via })));
        assert.deepEqual([events.status, ...sockets.map(({ status }) => status)], [200, 101, 101]);
        const key = 'a/b', value = 'x'.repeat(120000);
        await user.ok('POST', '/data', { key, value });
        assert.equal((await user.ok('GET', '/data?key=a%2Fb')).data, value);
        await user.ok('POST', '/data', { key, value: 7 });
        assert.equal((await events.next(({ data }) => data.data?.value === 7)).data.data.key, key);
        assert.equal((await sockets[0].next(({ event, data }) => event === 'kv:a/b' && data === 7)).data, 7);
        for (const reader of [events, ...sockets]) reader.close();
    }

    there('Apache serves all of it', servesAll);

    there('so does lighttpd, by its file', async () => {
        machine.sh(`systemctl kill -s KILL apache2; systemctl stop apache2; ${blocksOf('lighttpd').join('\n')}`);
        await servesAll();
        machine.sh('systemctl kill -s KILL lighttpd; systemctl stop lighttpd');
    });

    there('so does nginx, by its snippet', async () => {
        const line = /`(include snippets\/cubby\.conf;)` within/.exec(PAGE)[1];
        machine.sh(`sed -i 's|^.*server_name _;|&\\n${line}|' /etc/nginx/sites-available/default
            nginx -t 2>&1; systemctl start nginx`);
        await servesAll();
        machine.sh('systemctl kill -s KILL nginx; systemctl stop nginx; systemctl start apache2');
    });

    // `unit` does not start after `breaks`, says what and why, tries no more, and starts after `mends`.
    async function refuses(unit, breaks, said, mends) {
        machine.sh(breaks);
        machine.try(`systemctl restart ${unit}`);
        await until(() => machine.sh(`systemctl show -P ActiveState ${unit}`) === 'failed', `${unit} to give up`);
        assert.equal(machine.sh(`systemctl show -P ExecMainStatus ${unit}`), '78');
        assert.match(journal(unit), said);
        machine.sh(`${mends}; systemctl start ${unit}`);
        await until(well, 'both to answer');
    }

    there('wrong settings: refused, with the file and the reason', async () => {
        const ini = '/etc/cubby/cubby.ini';
        const mends = `sed -i '$ d' ${ini}`;
        await refuses('cubby', `echo 'threads = many' >> ${ini}`, /cubby\.ini:\d+: threads = many: expected/, mends);
        await refuses('cubby-pushd', `echo 'threeds = 4' >> ${ini}`, /cubby\.ini:\d+: threeds: no such setting/, mends);
        const posts = '/etc/cubby/collections/posts.json';
        await refuses('cubby', `cp ${posts} /tmp; echo x >> ${posts}`, /posts\.json/, `cp /tmp/posts.json ${posts}`);
    });

    there('wrong permissions: refused, with the folder, and the data stays as it is', async () => {
        const data = '/var/lib/cubby';
        await refuses('cubby', `chown root ${data}/main.db`, /\/var\/lib\/cubby: not a folder whose files .* main\.db/,
            `chown cubby ${data}/main.db`);
    });

    there('a port that is taken: said, and had as soon as it is free', async () => {
        const squat = `require('net').createServer().listen(8090, '127.0.0.1')`;
        machine.sh(`systemctl stop cubby-pushd; systemd-run -q --unit=squat ${process.execPath} -e "${squat}"
            until ss -ltn | grep -q :8090; do sleep 0.05; done; systemctl start cubby-pushd`);
        await until(() => /cannot listen on 127\.0\.0\.1:8090: Address already in use/.test(journal('cubby-pushd')),
            'the reason');
        machine.sh('systemctl stop squat');
        await until(well, 'both to answer');
    });

    there('data of a newer version: an older one refuses it and leaves it', async () => {
        const file = '/var/lib/cubby/main.db';
        const ask = (sql) => machine.sh(`runuser -u cubby -- sqlite3 ${file} '${sql}'`);
        const version = ask('PRAGMA user_version');
        machine.sh('systemctl stop "cubby*"');
        ask('PRAGMA user_version = 999');
        const sum = machine.sh(`sha256sum ${file}`);
        machine.sh('apt install -qq -y --allow-downgrades /shared/cubby_1_amd64.deb 2>&1');
        await refuses('cubby', ':', /\/var\/lib\/cubby: main\.db was written by a newer version/,
            `[ "$(sha256sum ${file})" = "${sum}" ]
            runuser -u cubby -- sqlite3 ${file} 'PRAGMA user_version = ${version}'`);
    });

    there('purged, nothing is left', () => {
        machine.sh(blocksOf('purge').join('\n'));
        assert.deepEqual(active(), ['inactive', 'inactive', 'inactive']);
        assert.equal(machine.try('getent passwd cubby').stdout, '');
        const left = machine.sh('find /etc /usr /var/lib /run -xdev -iname "*cubby*" -not -path "/usr/src/*" ' +
            '-not -path "/var/lib/systemd/*" 2> /dev/null || true');
        assert.equal(left, '');
        machine.sh('apache2ctl configtest 2>&1; lighttpd -tt -f /etc/lighttpd/lighttpd.conf 2>&1');
    });

    there('make install: the services start from another prefix', async () => {
        machine.sh(`mkdir /tmp/built; cp /shared/built/* /tmp/built
            make() { command make -C ${ROOT} -o all B=/tmp/built "$@"; }; ${blocksOf('make').join('\n')}`);
        await until(() => machine.try('curl -fs http://127.0.0.1:8090/push/healthz').status === 0, 'its streams');
        assert.deepEqual(active(), ['active', 'active', 'active']);
        assert.match(machine.sh('man -w cubbyctl'), /^\/usr\/local\//);
    });
});
