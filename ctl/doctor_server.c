/* What to change in which file of apache-conf/, for each web server. */
#include "base/base.h"

#include "doctor.h"

struct directive {
    const char *apache, *lighttpd, *nginx;
};

static const struct directive directives[TROUBLES] = {
    [TROUBLE_APP] =
        {
            .apache = "start cubby.fcgi (systemctl start cubby), and let SetHandler "
                      "\"proxy:unix:…|fcgi://cubby\" in apache-site.conf name its socket",
            .lighttpd = "let fastcgi.server in lighttpd-fastcgi.conf (bin-path, socket) or "
                        "lighttpd-socket.conf (socket) name the program or its socket",
            .nginx = "start cubby.fcgi (systemctl start cubby), and let fastcgi_pass in "
                     "nginx-site.conf name its socket",
        },
    [TROUBLE_PUSH] =
        {
            .apache = "let ProxyPassMatch and <Proxy> in apache-site.conf name the address of "
                      "cubby-pushd (the setting push_listen)",
            .lighttpd = "let proxy.server in lighttpd-site.conf name the address of cubby-pushd "
                        "(the setting push_listen)",
            .nginx = "let proxy_pass in `location @cubby_push` of nginx-site.conf name the address "
                     "of cubby-pushd (the setting push_listen)",
        },
    [TROUBLE_AUTHORIZATION] =
        {
            .apache = "CGIPassAuth On in the <LocationMatch> of apache-site.conf; in a folder with "
                      ".htaccess, there (shared-host/htaccess)",
            .lighttpd = "take away what removes the header Authorization "
                        "(setenv.set-request-header) from lighttpd-site.conf",
            .nginx = "take away what removes the header (fastcgi_param HTTP_AUTHORIZATION, "
                     "proxy_set_header Authorization) from nginx-site.conf",
        },
    [TROUBLE_BUFFERED] =
        {
            .apache = "take filters that wait for more (BUFFER, DEFLATE) off the paths of "
                      "ProxyPassMatch in apache-site.conf",
            .lighttpd = "server.stream-response-body = 2 beside proxy.server in lighttpd-site.conf",
            .nginx = "proxy_buffering off, and no proxy_ignore_headers X-Accel-Buffering, in "
                     "`location @cubby_push` of nginx-site.conf",
        },
    [TROUBLE_UPGRADE] =
        {
            .apache = "upgrade=websocket at ProxyPassMatch and ProxySet in apache-site.conf",
            .lighttpd = "proxy.header = (\"upgrade\" => \"enable\") beside proxy.server in "
                        "lighttpd-site.conf",
            .nginx = "proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and "
                     "proxy_set_header Connection $cubby_connection in `location @cubby_push` of "
                     "nginx-site.conf",
        },
    [TROUBLE_IDLE] =
        {
            .apache = "timeout=120 at ProxyPassMatch and ProxySet in apache-site.conf",
            .lighttpd = "server.max-read-idle and server.max-write-idle of 60 or more in "
                        "lighttpd.conf",
            .nginx = "proxy_read_timeout 120s in `location @cubby_push` of nginx-site.conf",
        },
    [TROUBLE_CEILING] =
        {
            .apache = "more MaxRequestWorkers (with ServerLimit and ThreadsPerChild) in "
                      "apache.conf, or in mods-available/mpm_event.conf: every open stream holds "
                      "one",
            .lighttpd = "more server.max-connections (and server.max-fds) in lighttpd.conf",
            .nginx = "more worker_connections in nginx.conf: every open stream takes two",
        },
    [TROUBLE_LOGS] =
        {
            .apache = "LogFormat with %m %U in place of %r in apache.conf",
            .lighttpd = "accesslog.format with %m %U in place of %r in lighttpd.conf",
            .nginx = "log_format with $request_method $uri in place of $request in nginx.conf",
        },
    [TROUBLE_FORWARDED] =
        {
            .apache = "ProxyPreserveHost On in the proxy in front (as in apache-site.conf)",
            .lighttpd = "mod_proxy in the proxy in front (as in lighttpd-site.conf)",
            .nginx = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for in the proxy in "
                     "front (as in nginx-site.conf)",
        },
};

const char *doctor_directive(const struct doctor *d, enum trouble t)
{
    const struct directive *one = &directives[t];
    switch (d->server) {
    case SERVER_APACHE:
        return one->apache;
    case SERVER_LIGHTTPD:
        return one->lighttpd;
    case SERVER_NGINX:
        return one->nginx;
    default:
        return TEXT(d, "Apache: %s. lighttpd: %s. nginx: %s", one->apache, one->lighttpd,
                    one->nginx);
    }
}

enum web_server doctor_server(struct str header)
{
    if (str_starts_with(header, STR("Apache")))
        return SERVER_APACHE;
    if (str_starts_with(header, STR("nginx")))
        return SERVER_NGINX;
    return !header.n || str_starts_with(header, STR("lighttpd")) ? SERVER_LIGHTTPD : SERVER_OTHER;
}
