// cubbyctl doctor: faults of web servers and of the programs behind them. Each is planted in the
// shipped configuration of a real server, beside a stack that has none.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { makeCertificateUntil } from '../lib/certificate.mjs';
import { done } from '../lib/ctl.mjs';
import { Doctor, STRONG } from '../lib/doctor.mjs';
import { Pushd } from '../lib/pushd.mjs';
import { APP, ROOT, SERVERS, Stack, freePort, until } from '../lib/stack.mjs';
import { WebServer, environmentOf } from '../lib/webserver.mjs';

const SITE = 'apache-site.conf', LIGHTTPD = 'lighttpd-site.conf', NGINX = 'nginx-site.conf';
const UPGRADE = ' upgrade=websocket timeout=120';

describe('cubbyctl doctor behind web servers', () => {
    let stack, doctor;
    before(async () => {
        stack = await new Stack({ server: 'apache', env: { CUBBY_JWT_SECRET: STRONG } }).start();
        doctor = new Doctor(stack);
    });
    after(() => stack?.stop());

    // The one fault that a server with these changes has.
    const finds = async (test, server, options, check, message, fix, more = {}) => {
        const { url = '', ...rest } = more;
        const web = await WebServer.start(test, stack, server, options);
        return doctor.finds(check, message, fix, { url: `${web.origin}${url}`, ...rest });
    };

    // A cubby.fcgi with other settings on the stack's data; resolves to its socket.
    const startApp = async (test, env, limits = '') => {
        const socket = `${fs.mkdtempSync('/tmp/cubby-app-')}/fcgi.sock`;
        const child = spawn('sh', ['-c', `${limits} exec "$0" --socket "$1"`, APP, socket], {
            env: { ...environmentOf(stack, 'cubby-fcgi'), ...env }, stdio: 'ignore',
        });
        const exited = new Promise((resolve) => child.on('exit', resolve));
        test.after(async () => {
            child.kill('SIGTERM');
            await exited;
            fs.rmSync(socket.replace('/fcgi.sock', ''), { recursive: true });
        });
        await until(() => fs.existsSync(socket), 'the socket of cubby.fcgi');
        return socket;
    };

    for (const server of SERVERS) {
        it(`nothing is wrong with ${server} as shipped`, async (test) => {
            const web = await WebServer.start(test, stack, server);
            const findings = await doctor.findsNothing({ url: web.origin });
            const open = findings.filter(({ result }) => result === 'not checked').map(({ check }) => check);
            assert.deepEqual(open.filter((check) => check !== 'logs'), ['idle']);
        });
    }

    describe('what answers', () => {
        it('nobody', async () => doctor.finds('url', /connect/, /start the web server, or correct public_url/,
            { url: `http://127.0.0.1:${await freePort()}` }));

        it('another program', (test) => finds(test, 'nginx',
            { change: { [NGINX]: [['|counter|healthz|', '|counter|'], ['push/(healthz|echo)', 'push/echo']] } }, 'app',
            /answered by another program \(status \d+\)/, /public_url and base_path in .*nginx-site\.conf/));

        it('a web server that does not reach cubby.fcgi', async (test) => {
            const variables = { SOCKET: '/nonexistent/fcgi.sock' };
            await finds(test, 'nginx', { variables }, 'app', /status 502/, /fastcgi_pass in nginx-site\.conf/);
            await finds(test, 'apache', { variables }, 'app', /status 503/, /SetHandler.*apache-site\.conf/);
        });

        it('Cubby of another address, or below another path', async () => {
            await doctor.finds('address', /public_url is http:\/\/cubby\.example/, /public_url = http:\/\/127/,
                { url: stack.origin, env: { CUBBY_PUBLIC_URL: 'http://cubby.example' } });
            await doctor.finds('address', /answers at .*:\d+\/, not at .*\/cubby\//, /base_path =/,
                { url: `${stack.origin}/cubby` });
            await doctor.finds('address', /answers at/, /base_path/,
                { env: { CUBBY_PUBLIC_URL: stack.origin, CUBBY_BASE_PATH: '/cubby' } });
        });

        it('an address that leads elsewhere', (test) => finds(test, 'nginx',
            { change: { [NGINX]: [['set $cubby_connection \'\';', 'return 308 https://cubby.example$request_uri;']] } },
            'address', /leads to https:\/\/cubby\.example/, /public_url in/));

        it('a clock that is wrong', (test) => finds(test, 'lighttpd',
            { change: { 'lighttpd.conf': [['server.tag           = ""',
                'server.tag = ""\nsetenv.set-response-header = ("Date" => "Sat, 01 Jan 2022 00:00:00 GMT")']] } },
            'clock', /\d+ s apart/, /timedatectl/));
    });

    it('a host without cubby-pushd has no fault: clients poll there', async (test) => {
        const change = { [NGINX]: [['push/(healthz|echo)', 'none']] };
        const web = await WebServer.start(test, stack, 'nginx', { change });
        const env = { CUBBY_PUSH_LISTEN: `127.0.0.1:${await freePort()}`, CUBBY_TRUSTED_PROXIES: '' };
        const findings = await doctor.findsNothing({ url: web.origin, env });
        const { result, message } = findings.find(({ check }) => check === 'pushd');
        assert.equal(result, 'warning');
        assert.match(message, /clients poll/);
    });

    it('settings that are wrong do not keep it from looking at the URL', async () => {
        const findings = await doctor.finds('settings', /BUSY_TIMEOUT/i, /environment/,
            { url: stack.origin, env: { CUBBY_BUSY_TIMEOUT: 'soon' } });
        assert.equal(findings.find(({ check }) => check === 'app').result, 'ok');
        assert.equal(findings.find(({ check }) => check === 'sse').result, 'not checked');
    });

    describe('TLS', () => {
        const folder = fs.mkdtempSync('/tmp/cubby-doctor-');
        after(() => fs.rmSync(folder, { recursive: true }));
        const few = { CUBBY_PUSH_MAX_CONNECTIONS_PER_USER: '10' }; // streams: each shakes hands
        const trusting = (tls) => ({ words: ['--no-wait', '--ca', tls.cert], env: few });

        it('a certificate that has ended, ends soon, or that nobody trusts', async (test) => {
            const old = makeCertificateUntil(folder, 'old', -1);
            await finds(test, 'nginx', { tls: old }, 'certificate', /ended at \d{4}-/, /ssl_certificate in nginx\.conf/,
                trusting(old));
            const soon = makeCertificateUntil(folder, 'soon', 5);
            const web = await WebServer.start(test, stack, 'nginx', { tls: soon });
            const findings = await doctor.findsNothing({ url: web.origin, ...trusting(soon) });
            assert.equal(findings.find(({ check }) => check === 'certificate').result, 'warning');
            await doctor.finds('certificate', /do not trust/, /--ca/, { url: web.origin, env: few });
        });

        it('cookies that are not Secure on https', async (test) => {
            const tls = makeCertificateUntil(folder, 'cookies', 100);
            const change = { [NGINX]: [['fastcgi_param HTTPS ', 'fastcgi_param NOTHING ']] };
            await finds(test, 'nginx', { tls, change }, 'cookies', /not Secure, though this is https/,
                /public_url = https:\/\/127/, trusting(tls));
        });
    });

    it('cookies that are Secure on http', async (test) => {
        const SOCKET = await startApp(test, { CUBBY_PUBLIC_URL: 'https://cubby.example' });
        await finds(test, 'nginx', { variables: { SOCKET } }, 'cookies', /Secure, though this is http:/,
            /public_url in/);
    });

    describe('what does not arrive', () => {
        it('the header Authorization', async (test) => {
            await finds(test, 'apache', { change: { [SITE]: [['    CGIPassAuth On\n', '']] } }, 'authorization',
                /does not arrive at cubby\.fcgi \(status 401\)/, /CGIPassAuth On.*apache-site\.conf/);
            await finds(test, 'nginx', { change: { [NGINX]: [['proxy_set_header Host $http_host;',
                'proxy_set_header Host $http_host; proxy_set_header Authorization "";']] } }, 'same-settings',
            /at cubby\.fcgi, but not at cubby-pushd/, /proxy_set_header Authorization/);
        });

        it('the client’s address', async (test) => {
            const SOCKET = await startApp(test, {});
            const proxied = await WebServer.start(test, stack, 'nginx', { variables: { SOCKET } });
            const front = { change: { [NGINX]: [['fastcgi_pass unix:@CUBBY_SOCKET@;',
                `proxy_set_header Host $http_host; proxy_set_header Authorization $http_authorization;
                 proxy_pass http://127.0.0.1:${proxied.port};`]] } };
            await finds(test, 'nginx', front, 'client-address', /sees the proxy's address 127\.0\.0\.1/,
                /trusted_proxies = 127\.0\.0\.1/);
        });

        it('the paths of cubby-pushd', async (test) => {
            await finds(test, 'lighttpd', { variables: { PUSH: `127.0.0.1:${await freePort()}` } }, 'push',
                /\/push\/healthz .*status 503/, /proxy\.server in lighttpd-site\.conf/);
            await finds(test, 'apache', { change: { [SITE]: [['|push/(healthz|echo)))$" "', '))$" "']] } }, 'push',
                /does not pass/, /ProxyPassMatch.*apache-site\.conf/);
        });

        it('events, at once', async (test) => {
            const change = { [NGINX]: [['proxy_buffering off;', 'proxy_ignore_headers X-Accel-Buffering;']] };
            await finds(test, 'nginx', { change }, 'sse', /held back/, /proxy_buffering off.*nginx-site\.conf/);
        });

        it('the upgrade to a WebSocket', async (test) => {
            await finds(test, 'apache', { change: { [SITE]: [[UPGRADE, ' timeout=120']] } }, 'websocket',
                /in place of 101/, /upgrade=websocket.*apache-site\.conf/);
            await finds(test, 'lighttpd', { change: { [LIGHTTPD]: [['proxy.header = ("upgrade" => "enable")', '']] } },
                'websocket', /status 426/, /proxy\.header.*lighttpd-site\.conf/);
            await finds(test, 'nginx', { change: { [NGINX]: [['proxy_set_header Upgrade $http_upgrade;', '']] } },
                'websocket', /status 426/, /proxy_set_header Upgrade.*nginx-site\.conf/);
        });
    });

    describe('what does not last', () => {
        it('idle streams', async (test) => {
            const words = [];
            const change = { [NGINX]: [['proxy_read_timeout 120s;', 'proxy_read_timeout 1s;']] };
            await finds(test, 'nginx', { change }, 'idle', /cut after \d+ s/,
                /proxy_read_timeout 120s in.*nginx-site\.conf/, { words });
            await finds(test, 'apache', { change: { [SITE]: [['timeout=120', 'timeout=1']] } },
                'idle', /cut after \d+ s/, /timeout=120.*apache-site\.conf/, { words });
        });

        it('many streams', async (test) => {
            const few = { 'apache.conf': [['ServerLimit 16', 'ServerLimit 1'],
                ['ThreadsPerChild 64', 'ThreadsPerChild 25'], ['MaxRequestWorkers 1024', 'MaxRequestWorkers 25']] };
            await finds(test, 'apache', { change: few }, 'ceiling', /with \d+ streams open nothing else/,
                /MaxRequestWorkers.*apache\.conf/);
            const conf = `${ROOT}/apache-conf/apache.conf`;
            const words = (file) => ['--no-wait', '--apache-conf', file];
            const findings = await doctor.findsNothing({ url: stack.origin, words: words(conf) });
            assert.match(findings.find(({ check }) => check === 'ceiling').message, /1024 workers/);
        });
    });

    it('query strings in a log', async (test) => {
        const access = `access_log ${stack.data}/run/planted.log`;
        await finds(test, 'nginx', { change: { 'nginx.conf': [['$request_method $uri', '$request'],
            ['access_log @CUBBY_RUN@/access.log', access]] } }, 'logs', /planted\.log has query strings/,
        /log_format.*nginx\.conf/);
        fs.rmSync(`${stack.data}/run/planted.log`);
    });

    describe('programs with other settings', () => {
        it('another secret of cubby.fcgi', async (test) => {
            const SOCKET = await startApp(test, { CUBBY_JWT_SECRET: 'x'.repeat(40) });
            await finds(test, 'nginx', { variables: { SOCKET } }, 'authorization', /another jwt_secret or data_dir/,
                /the same jwt_secret and data_dir for cubby\.fcgi/);
        });

        it('another secret, data folder or bus of cubby-pushd', async (test) => {
            const other = fs.mkdtempSync('/tmp/cubby-other-');
            test.after(() => fs.rmSync(other, { recursive: true, force: true }));
            const through = async (env, ...rest) => {
                const pushd = await Pushd.start(test, stack, { CUBBY_JWT_SECRET: STRONG, ...env });
                const PUSH = `127.0.0.1:${pushd.port}`;
                await finds(test, 'nginx', { variables: { PUSH } }, ...rest);
            };
            await through({ CUBBY_JWT_SECRET: 'x'.repeat(40) }, 'same-settings', /another jwt_secret or data_dir/,
                /the same jwt_secret and data_dir for cubby-pushd/);
            await through({ CUBBY_DATA_DIR: `${other}/empty` }, 'push', /status 503, main\.db cannot/, /data_dir/);
            await done(stack, ['backup', `${other}/backup`]);
            await done(`${other}/data`, ['restore', `${other}/backup`]);
            await through({ CUBBY_DATA_DIR: `${other}/data` }, 'same-settings', /another .*data_dir/, /data_dir/);
            await through({ CUBBY_BUS_DIR: `${other}/bus` }, 'delivery', /does not hear of it/, /bus_dir/);
        });

        it('too few files', async (test) => {
            await startApp(test, {}, 'ulimit -n 600;');
            await doctor.finds('descriptors', /cubby\.fcgi \(process \d+\) may have 600 files open/,
                /LimitNOFILE=65536 in cubby\.service/);
        });
    });
});
