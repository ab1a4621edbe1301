/* What to change in which configuration, for each web server. */
#include "base/base.h"

#include "doctor.h"

static const char *const directives[TROUBLES][SERVER_OTHER] = {
    [TROUBLE_APP] = {"start cubby.fcgi (systemctl start cubby), and let `SetHandler "
                     "\"proxy:unix:…|fcgi://cubby\"` "
                     "in apache-site.conf name its socket (CUBBY_SOCKET)",
                     "let \"bin-path\" and \"socket\" of fastcgi.server in lighttpd-fastcgi.conf "
                     "name the program "
                     "and a socket that lighttpd may make",
                     "start cubby.fcgi (systemctl start cubby), and let `fastcgi_pass unix:…` in "
                     "nginx.conf name "
                     "its socket"},
    [TROUBLE_PUSH] = {"start cubby-pushd, and let ProxyPassMatch and <Proxy> in apache-site.conf "
                      "name its address "
                      "(CUBBY_PUSH_URL: the setting push_listen)",
                      "start cubby-pushd, and let proxy.server in lighttpd.conf name its address "
                      "(CUBBY_PUSH_HOST, "
                      "CUBBY_PUSH_PORT: the setting push_listen)",
                      "start cubby-pushd, and let `location @push` in nginx.conf have a proxy_pass "
                      "to its address "
                      "(the setting push_listen)"},
    [TROUBLE_AUTHORIZATION] =
        {"`CGIPassAuth On` in the <LocationMatch> of apache-site.conf; in a folder with .htaccess, "
         "the same line there (shared-host/htaccess)",
         "take away what removes the header Authorization (setenv.set-request-header) from "
         "lighttpd.conf",
         "take away what removes the header from nginx.conf (fastcgi_param HTTP_AUTHORIZATION, "
         "proxy_set_header Authorization)"},
    [TROUBLE_BUFFERED] =
        {"take filters that wait for more (BUFFER, DEFLATE, `flushpackets=off`) off the paths of "
         "ProxyPassMatch in apache-site.conf",
         "`server.stream-response-body = 2` at proxy.server in lighttpd.conf (1 for all of it)",
         "`proxy_buffering off;` in `location @push` of nginx.conf, without proxy_ignore_headers "
         "X-Accel-Buffering"},
    [TROUBLE_UPGRADE] =
        {"`upgrade=websocket` at ProxyPassMatch and ProxySet in apache-site.conf",
         "`proxy.header = (\"upgrade\" => \"enable\")` beside proxy.server in lighttpd.conf",
         "`proxy_http_version 1.1;`, `proxy_set_header Upgrade $http_upgrade;` and "
         "`proxy_set_header Connection $connection_upgrade;` in `location @push` of nginx.conf"},
    [TROUBLE_IDLE] =
        {"`timeout=120` at ProxyPassMatch and ProxySet in apache-site.conf",
         "`server.max-read-idle` and `server.max-write-idle` of 120 or more in lighttpd.conf",
         "`proxy_read_timeout 120s;` in `location @push` of nginx.conf"},
    [TROUBLE_CEILING] = {"more `MaxRequestWorkers` (with `ServerLimit` and `ThreadsPerChild`) in "
                         "apache.conf, or in "
                         "mods-available/mpm_event.conf: every open stream holds one",
                         "more `server.max-connections` in lighttpd.conf (and `server.max-fds`)",
                         "more `worker_connections` in nginx.conf: every open stream takes two"},
    [TROUBLE_LOGS] =
        {"`LogFormat \"%h %t %m %U %>s %b %D\"` in apache.conf: %r has the query string, %U has "
         "not",
         "`accesslog.format = \"%h %t %m %U %s %b %D\"` in lighttpd.conf: %r has the query string, "
         "%U has not",
         "`log_format` in nginx.conf with $request_method and $uri: $request has the query string"},
    [TROUBLE_FORWARDED] =
        {"`ProxyPreserveHost On` and X-Forwarded-For (mod_proxy_http adds it) in apache-site.conf "
         "of "
         "the proxy in front, and its address in trusted_proxies",
         "mod_proxy in lighttpd.conf of the proxy in front adds X-Forwarded-For; its address goes "
         "into trusted_proxies",
         "`proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;` in nginx.conf of the "
         "proxy "
         "in front, and its address in trusted_proxies"},
};

const char *doctor_directive(const struct doctor *d, enum trouble t)
{
    if (d->server != SERVER_OTHER)
        return directives[t][d->server];
    return TEXT(d, "Apache: %s. lighttpd: %s. nginx: %s", directives[t][SERVER_APACHE],
                directives[t][SERVER_LIGHTTPD], directives[t][SERVER_NGINX]);
}

enum web_server doctor_server(struct str header)
{
    if (str_starts_with(header, STR("Apache")))
        return SERVER_APACHE;
    if (str_starts_with(header, STR("nginx")))
        return SERVER_NGINX;
    return !header.n || str_starts_with(header, STR("lighttpd")) ? SERVER_LIGHTTPD : SERVER_OTHER;
}
