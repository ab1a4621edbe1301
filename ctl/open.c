/* The installation that a command works on: settings, declarations, store, bus. */
#include "base/base.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "commands.h"
#include "domain/address.h"
#include "domain/mailer.h"

#define HANDLES 16 /* files that stay open: each is used once, mostly */

bool ctl_load(struct ctl *c)
{
    struct str message = STR_NULL;
    if (conf_load(&c->conf, c->config, environ, &c->mem, &message) == OK)
        return true;
    ctl_fail(c, "%.*s", STR_ARG(message));
    return false;
}

const char *ctl_data_dir(struct ctl *c)
{
    return arena_dup(&c->mem, c->conf.data_dir).p;
}

bool ctl_load_data(struct ctl *c)
{
    struct stat st;
    if (!ctl_load(c))
        return false;
    if (stat(ctl_data_dir(c), &st) < 0 || st.st_uid == geteuid())
        return true;
    ctl_fail(c, "%s: it belongs to another user: run cubbyctl as that one (sudo -u '#%lu')",
             ctl_data_dir(c), (unsigned long)st.st_uid);
    return false;
}

/* The same options as cubby.fcgi's: tables and quotas are part of what a file has to be. */
static enum err open_store(struct ctl *c, bool reader, struct str *message)
{
    const struct conf *conf = &c->conf;
    struct store_options o = {
        .data_dir = ctl_data_dir(c),
        .reader = reader,
        .handles = HANDLES,
        .sync = conf->synchronous_full ? DB_SYNC_FULL : DB_SYNC_NORMAL,
        .busy_ms = (int)conf->busy_timeout,
        .log_keep_events = conf->log_keep_events,
        .log_keep_bytes = conf->log_keep_bytes,
        .quota_bytes = conf->quota_bytes,
        .quota_rows = conf->quota_rows,
    };
    o.tables = collections_tables(&c->collections, &o.table_count);
    return store_open(&c->store, &o, &c->mem, message);
}

bool ctl_open(struct ctl *c, bool reader)
{
    struct str message = STR_NULL;
    if (!ctl_load_data(c))
        return false;
    if (access(arena_printf(&c->mem, "%s/main.db", ctl_data_dir(c)).p, F_OK) < 0) {
        ctl_fail(c, "%s: there is no main.db in it: the setting data_dir must name the data folder",
                 ctl_data_dir(c));
        return false;
    }
    enum err e = collections_load(&c->collections, arena_dup(&c->mem, c->conf.collections_dir).p,
                                  &c->mem, &message);
    if (e == OK)
        e = open_store(c, reader, &message);
    if (e)
        ctl_fail(c, "%.*s", STR_ARG(message.p ? message : err_text(e)));
    return e == OK;
}

void ctl_close(struct ctl *c)
{
    bus_pub_close(c->bus);
    store_close(c->store);
    collections_release(&c->collections);
    arena_release(&c->mem);
}

/* Nothing listens where the programs do not run. */
static struct bus_pub *open_bus(struct ctl *c)
{
    struct str dir = arena_dup(&c->mem, c->conf.bus_dir);
    if (!c->bus && access(dir.p, W_OK) == 0 && bus_pub_open(&c->bus, c->conf.bus_dir) != OK)
        c->bus = NULL;
    return c->bus;
}

void ctl_tell_revoked(struct ctl *c, struct str user_id)
{
    struct bus_pub *bus = open_bus(c);
    if (bus)
        bus_publish(bus, &(struct bus_message){
                             .kind = BUS_SESSIONS, .space_kind = SPACE_USER, .space_id = user_id});
}

struct relay_line ctl_relay(struct ctl *c)
{
    return (struct relay_line){.store = c->store, .bus = open_bus(c)};
}

struct organization_call ctl_call(struct ctl *c, struct space *main_db, struct str user_id)
{
    return (struct organization_call){
        .main_db = main_db,
        .rules = {.auto_accept = c->conf.org_auto_accept,
                  .owned_max = c->conf.orgs_max,
                  .members_max = c->conf.org_members_max,
                  .invitations_per_hour = c->conf.limit_invitations},
        .user_id = user_id,
        .now = clock_wall_ms(),
        .mem = &c->mem,
    };
}

bool ctl_find_user(struct ctl *c, const char *who, struct account *out)
{
    struct str name = address_normal(str_from_c(who), &c->mem);
    enum err e = accounts_by_email(c->store, name, &c->mem, out);
    if (e == ERR_NOT_FOUND)
        e = accounts_by_id(c->store, name, &c->mem, out);
    if (e == ERR_NOT_FOUND)
        ctl_fail(c, "%s: no account has this address or id", who);
    else if (e)
        ctl_fail_with(c, e, "main.db");
    return e == OK;
}
