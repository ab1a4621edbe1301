/* The hooks of all endpoints, for the table in endpoints.c. One block per file of this folder. */
#ifndef PUSHD_EP_EP_H
#define PUSHD_EP_EP_H

#include "endpoints.h"

/* events.c */
enum err events_open(struct conn *c, const struct request *r);
struct pass *events_pass(struct conn *c, struct str *organization_id);
enum err events_start(struct conn *c, struct str user_id, struct buf *out);
void events_on_drain(struct conn *c);
void events_on_expiring(struct conn *c);
void events_on_end(struct conn *c, enum end why, struct buf *out);
void events_on_close(struct conn *c);

/* user_ws.c */
enum err user_ws_open(struct conn *c, const struct request *r);
enum err user_ws_start(struct conn *c, struct str user_id, struct buf *out);
void user_ws_on_message(struct conn *c, const struct ws_message *m);
void user_ws_on_close(struct conn *c);

/* v1.c */
enum err v1_open(struct conn *c, const struct request *r);
enum err v1_start(struct conn *c, struct str user_id, struct buf *out);
void v1_on_message(struct conn *c, const struct ws_message *m);
void v1_on_drain(struct conn *c);
void v1_on_expiring(struct conn *c);
void v1_on_close(struct conn *c);

/* connect.c */
bool connect_append_error(struct buf *body, struct str *type, enum err e);
enum err connect_open(struct conn *c, const struct request *r);
enum err connect_start(struct conn *c, struct str user_id, struct buf *out);
void connect_on_message(struct conn *c, const struct ws_message *m);
void connect_on_close(struct conn *c);

/* publish.c */
bool publish_append_error(struct buf *body, struct str *type, enum err e);
enum err publish_post(struct conn *c, const struct call *call);
void publish_on_end(struct conn *c, enum end why, struct buf *out);
void publish_on_close(struct conn *c);

/* counter_ws.c */
enum err counter_ws_open(struct conn *c, const struct request *r);
enum err counter_ws_start(struct conn *c, struct str user_id, struct buf *out);
enum err counter_v1_start(struct conn *c, struct str user_id, struct buf *out);
void counter_ws_on_message(struct conn *c, const struct ws_message *m);
void counter_ws_on_close(struct conn *c);

/* realtime.c */
enum err realtime_open(struct conn *c, const struct request *r);
enum err realtime_start(struct conn *c, struct str user_id, struct buf *out);
void realtime_on_message(struct conn *c, const struct ws_message *m);
void realtime_on_close(struct conn *c);

/* live_render.c */
enum err live_render_post(struct conn *c, const struct call *call);

/* notes_ws.c */
enum err notes_ws_open(struct conn *c, const struct request *r);
enum err notes_ws_start(struct conn *c, struct str user_id, struct buf *out);
void notes_ws_on_message(struct conn *c, const struct ws_message *m);
void notes_ws_on_drain(struct conn *c);
void notes_ws_on_close(struct conn *c);

/* admin.c */
enum err admin_allow(const struct request *r);
enum err admin_open(struct conn *c, const struct request *r);
enum err admin_start(struct conn *c, struct str user_id, struct buf *out);
void admin_on_close(struct conn *c);

/* healthz.c */
enum err healthz_answer(const struct request *r, struct answer *a);
void healthz_on_end(struct conn *c, enum end why, struct buf *out);
void healthz_on_close(struct conn *c);

/* ops.c */
enum err metrics_allow(const struct request *r);
enum err metrics_answer(const struct request *r, struct answer *a);
enum err echo_allow(const struct request *r);
void echo_on_message(struct conn *c, const struct ws_message *m);

#endif
