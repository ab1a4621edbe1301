/*
 * The variables that describe a request (RFC 3875), as FastCGI and plain CGI bring them, become the
 * first half of a struct req. Only REQUEST_URI says what is asked for: the web servers agree on
 * nothing else.
 */
#ifndef APP_ENVIRONMENT_H
#define APP_ENVIRONMENT_H

#include "req.h"

/* For a whole body: some web servers pass uploads on as they come. */
#define BODY_TIMEOUT_MS 60000

/*
 * Fill r, whose app is set, from "NAME=value" strings up to NULL; the strings are borrowed. *length
 * is what CONTENT_LENGTH says, -1 where it does not.
 */
void environment_read(struct req *r, char **env, int64_t *length);

#endif
