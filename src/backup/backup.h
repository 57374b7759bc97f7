/* backup.h - a copy of the store with what belongs to it, made while the gateway runs, and put back where there is none.
 *
 * A backup is a folder: acmegate.db, node, acmegate.conf, master.key if it is wanted, and manifest.json, which is written last and has the
 * SHA-256 of each. Sealed secrets stay sealed. It is made of SQLite; a PostgreSQL has pg_dump. For acmegatectl: one thread. */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include "gate/conf.h"

/* Make the folder, which must not be there, and fill it; the copy is read whole before it counts. What fails leaves no manifest. */
bool backup_make(const struct gate_conf *conf, const char *folder, bool with_master_key, struct buf *ret_manifest, struct problem *pr) MUST_CHECK;

struct restore {
	const char *folder; /* NULL: PostgreSQL, whose dump pg_restore has put back */
	bool check;     /* look at it, and put nothing in its place */
	/* The gateway has done nothing since the backup was made (a move to another machine). Else what may have happened since is taken for
	 * granted: orders under way end, so that none is issued twice, and limits of CAs that are known here are taken as used up. */
	bool unchanged;
	const char *uid, *user; /* who does it, for the audit trail */
};
struct restored {
	int64_t made_at;      /* unix s */
	int64_t orders_ended, buckets_spent;
	bool has_master_key;  /* where the configuration wants it, by now */
};
/* Verify the backup, and make the store of the configuration, migrated to this release. Refused if the gateway runs, if there is a database
 * already, or the log of one, and if the backup is not whole, of a newer release, or of another master key than the one that is there. */
bool backup_restore(const struct gate_conf *conf, const struct restore *r, struct restored *ret, struct problem *pr) MUST_CHECK;

/* Does somebody listen at the admin socket? */
bool backup_gate_runs(const struct gate_conf *conf);

/* ---- inside the room: files.c ---- */

#define SHA256_TEXT 65
/* A file's digest in hex, and how long it is. */
bool backup_digest(const char *path, char ret[SHA256_TEXT], int64_t *ret_size, struct problem *pr) MUST_CHECK;
/* A copy, mode 0600, synced; `to` must not be there. It gets the owner of the folder that it is in, if we may give it away. */
bool backup_copy(const char *from, const char *to, struct problem *pr) MUST_CHECK;
/* Put a database that was closed in its place, which must be free, synced with its folder. */
bool backup_rename(const char *from, const char *to, struct problem *pr) MUST_CHECK;
/* "DIR/NAME" on the heap. */
char *backup_path(const char *folder, const char *name);
/* The file of a "sqlite:PATH"; NULL and a problem that tells of pg_dump if it is none. */
const char *backup_sqlite(const struct gate_conf *conf, struct problem *pr);
/* What a master key can be known by, and not be found from: hex. "" if it is no file that we can read. */
void backup_key_mark(const char *master_key, char ret[SHA256_TEXT]);
#endif
