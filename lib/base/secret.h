/* secret.h - octets that are wiped when they go. Never logged, never in a problem. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/buf.h"
#include "base/problem.h"

/* AUTO_SECRET b = BUF_MAX(...): wiped and freed at the end of the scope. */
#define AUTO_SECRET __attribute__((cleanup(buf_wipe))) struct buf

/* Equal in constant time (length is no secret). */
bool secret_eq(struct span a, struct span b);
/* "file:PATH" or "credential:NAME" (systemd, $CREDENTIALS_DIRECTORY), final newline dropped. */
bool secret_load(const char *where, struct buf *ret, struct problem *pr);
/* The same, octet for octet: for what may be binary. */
bool secret_load_raw(const char *where, struct buf *ret, struct problem *pr);
/* Contents of a small file; used for anything that is not secret too. */
bool file_load(const char *path, struct buf *ret, struct problem *pr);
/* Write a file mode `mode` by rename, synced with its folder. */
bool file_save(const char *path, struct span data, unsigned mode, struct problem *pr);
#endif
