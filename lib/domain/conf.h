/*
 * Settings: one row each in conf.c (name, type, default, range). Read from an INI file (inih), then
 * from the environment (CUBBY_<NAME>), which wins. Lower layers never see this struct: they are
 * given values. apache-conf/cubby.ini lists every setting with its default; a lint compares them.
 */
#ifndef DOMAIN_CONF_H
#define DOMAIN_CONF_H

#include "base/arena.h"
#include "base/err.h"

#define CONF_LIST_MAX 32

struct conf_list {
    size_t count;
    struct str item[CONF_LIST_MAX];
};

/* Strings are owned by the arena given to conf_load. Sizes in bytes, 0 means off in every limit. */
struct conf {
    struct str jwt_secret;          /* at least 32 bytes */
    struct str jwt_secret_previous; /* empty: none */
    struct str data_dir;
    struct str bus_dir; /* where pushd's bus sockets are; default data_dir/run/bus */
    struct str collections_dir;
    struct str base_path;  /* "" or "/cubby", no final '/' */
    struct str public_url; /* "" or "https://example.org" */
    struct conf_list cors_origins;
    struct conf_list trusted_proxies; /* addresses or CIDR blocks */
    int64_t max_body;
    int64_t quota_bytes, quota_rows;
    int64_t min_free_bytes;                                    /* of the disk */
    int64_t limit_auth_per_address, limit_auth_per_ip;         /* attempts a minute */
    int64_t delay_after_failures, delay_after_failures_per_ip; /* failed sign-ins */
    int64_t delay_max;                                         /* seconds */
    bool login_codes;                                          /* by mail */
    int64_t password_min;                                      /* characters */
    struct str password_list;                                  /* a file; "" none */
    int64_t session_max_age;                                   /* seconds */
    bool synchronous_full;                                     /* synchronous = full | normal */
    int64_t busy_timeout;                                      /* ms */
    int64_t handle_cache;                                      /* open files per process */
    int64_t log_keep_events, log_keep_bytes;
    int64_t threads; /* 0: 2 × cores, at least 4 */
    int64_t poll_workers;
    int64_t hash_queue;         /* log-ins that may wait for a password hash */
    struct str push_listen;     /* address:port of pushd, or unix:/path */
    struct str push_tls_listen; /* the same for TLS, "" none */
    struct str push_tls_cert, push_tls_key;
    struct str push_metrics_listen; /* loopback address:port, "" none */
    int64_t push_buffer;
    int64_t push_max_connections; /* of the process */
    int64_t push_max_connections_per_user, push_max_connections_per_ip;
    int64_t push_max_rooms_per_connection, push_max_rooms_per_user;
    int64_t push_broadcast_rate; /* a second, of one connection */
    int64_t push_reader_threads;
    int64_t stream_max_age; /* seconds */
    bool rooms, live_public, counters_public, counters_public_write, counters_auto_create;
    int64_t counters_max;
    struct str mail_from; /* "Cubby <cubby@example.org>" */
    struct str mail_smtp; /* smtp:// or smtps:// URL; "" none. At most one of it and the next */
    struct str mail_sendmail;
    struct str mail_user, mail_password, mail_ca;
    struct str mail_templates, mail_language;
    int64_t mail_per_address; /* an hour */
    struct str oauth_dir;     /* "" none */
    struct str oauth_ca_file; /* "" the system's */
    bool oauth_loopback_http;
    int64_t oauth_timeout; /* ms */
    int64_t oauth_workers;
    struct conf_list webhook_url, webhook_secret, webhook_events;
    struct str webhook_ca_file;                     /* "" the system's */
    int64_t webhook_timeout;                        /* ms */
    int64_t webhook_concurrency;                    /* of one url */
    int64_t webhook_retry_first, webhook_retry_max; /* ms, seconds */
    int64_t orgs_max, org_members_max;
    int64_t limit_invitations; /* an hour, of one user */
    bool admin;
    struct conf_list admin_from; /* addresses or CIDR blocks */
    bool org_auto_accept, demo, dev_show_reset_token, test_endpoints;
    struct str metrics_token; /* "" none */
    struct str log_level;
    bool log_json;
    bool log_requests;
};

/*
 * Load path (NULL: no file), then the environment. A failure is ERR_INVALID with *message:
 * file, line (or the variable's name), what stands there and what was expected. `env` as in
 * environ(7).
 */
enum err conf_load(struct conf *c, const char *path, char **env, struct arena *mem,
                   struct str *message) must_check;

/*
 * *c was loaded anew for a cubby-pushd that runs with *old: give what it cannot change its old
 * value (copied to mem). The names of those that would have changed, between commas.
 */
struct str conf_keep_fixed(struct conf *c, const struct conf *old, struct arena *mem);

/* Print every setting with its type, default and meaning as an INI file (cubby.ini is made of it).
 */
void conf_print_defaults(void);

#endif
