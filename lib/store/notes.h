/*
 * The rows of the collection `notes` in the form of /api/notes and its stream (docs/protocol.md
 * section 8): {"id","text","userId","created","updated"}. Written they are like any row:
 * domain/change.h.
 */
#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#include "store/rows.h"

/* A list ends after so many notes, and before the one whose text would exceed so many bytes. */
#define NOTES_MAX        1000
#define NOTES_TEXT_BYTES (4 * 1024 * 1024)

/* Append the row as a note. ERR_CORRUPT when its data is no JSON object. */
enum err note_append(struct buf *out, const struct row *r, struct str user_id) must_check;

/*
 * Append a JSON array of the space's notes, newest first. Works on a reader's space too; a file
 * that has no such table yet has no notes. After a failure out holds part of the array.
 */
enum err notes_list(struct space *sp, struct str user_id, struct buf *out) must_check;

#endif
