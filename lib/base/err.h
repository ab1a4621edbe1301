/*
 * The one list of errors: name, HTTP status, wire code, sentence. A number is all this layer knows
 * of HTTP. A handler ends with `return ERR_NOT_FOUND;` and the dispatcher writes the JSON;
 * pushd's realtime:error uses the same row.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

#define ERR_LIST(X)                                                                                \
    X(OK, 200, "ok", "OK")                                                                         \
    /* Not on the wire: a parser needs more bytes. */                                              \
    X(ERR_MORE, 500, "incomplete", "Incomplete input")                                             \
    X(ERR_INVALID, 400, "invalid", "The request is not valid")                                     \
    X(ERR_INVALID_JSON, 400, "invalid_json", "The body is not valid JSON")                         \
    X(ERR_VALIDATION, 400, "validation_failed", "The data does not match the schema")              \
    X(ERR_INVALID_QUERY, 400, "invalid_query", "The query is not valid")                           \
    X(ERR_INVALID_TOKEN, 400, "invalid_token", "The token is invalid, used or expired")            \
    X(ERR_UNAUTHORIZED, 401, "unauthorized", "Sign in first")                                      \
    X(ERR_INVALID_CREDENTIALS, 401, "invalid_credentials", "Invalid credentials")                  \
    X(ERR_FORBIDDEN, 403, "forbidden", "Not allowed")                                              \
    X(ERR_DISABLED, 403, "disabled", "This account is disabled")                                   \
    X(ERR_CROSS_SITE, 403, "cross_site", "Requests from other sites are not allowed here")         \
    X(ERR_NOT_FOUND, 404, "not_found", "No such thing")                                            \
    X(ERR_METHOD, 405, "method_not_allowed", "This method is not allowed here")                    \
    X(ERR_CONFLICT, 409, "conflict", "It exists already")                                          \
    X(ERR_EMAIL_TAKEN, 409, "email_taken", "Email already registered")                             \
    X(ERR_PRECONDITION, 412, "precondition_failed", "The row was changed by someone else")         \
    X(ERR_TOO_LARGE, 413, "too_large", "The body is too large")                                    \
    X(ERR_URI_TOO_LONG, 414, "uri_too_long", "The address is too long")                            \
    X(ERR_MEDIA_TYPE, 415, "unsupported_media_type", "This content type is not accepted here")     \
    X(ERR_IDEMPOTENCY, 422, "idempotency_key_reused",                                              \
      "This idempotency key was used for another request")                                         \
    X(ERR_UPGRADE, 426, "upgrade_required", "This path speaks WebSocket")                          \
    X(ERR_RATE_LIMIT, 429, "rate_limited", "Too many requests")                                    \
    X(ERR_HEAD_TOO_LARGE, 431, "headers_too_large", "The request head is too large")               \
    X(ERR_INTERNAL, 500, "internal", "Something went wrong on our side")                           \
    X(ERR_CORRUPT, 500, "corrupt", "This account's data file is damaged")                          \
    X(ERR_TOO_NEW, 500, "schema_too_new", "This data file was written by a newer version")         \
    X(ERR_NOT_IMPLEMENTED, 501, "not_implemented", "This server does not do that")                 \
    X(ERR_PROVIDER, 502, "provider_failed", "The sign-in provider did not answer as it should")    \
    X(ERR_BUSY, 503, "busy", "The server is busy, try again")                                      \
    X(ERR_FULL, 507, "storage_full", "There is no room left to store this")                        \
    X(ERR_QUOTA, 507, "quota_exceeded", "Your storage quota is used up")

enum err {
#define X(name, status, code, text) name,
    ERR_LIST(X)
#undef X
        ERRORS /* how many there are, OK included */
};

/* HTTP status number. */
int err_status(enum err e);

/* The snake_case word of the wire. */
struct str err_code(enum err e);

/* One clear sentence. */
struct str err_text(enum err e);

#endif
