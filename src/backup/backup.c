/* backup.c - making a backup; see backup.h. */
#include "backup/backup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "config.h"
#include "json/jw.h"
#include "store/schema.h"

bool
backup_gate_runs(const struct gate_conf *conf)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool runs;

	runs = fd >= 0 && span_copy(span_str(conf->admin_socket), sun.sun_path, sizeof(sun.sun_path)) &&
		connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
	if (fd >= 0)
		close(fd);
	return runs;
}

/* Of a copy that nobody else has open. */
static bool
check_copy(const char *path, int64_t *ret_version, struct problem *pr)
{
	AUTO_FREE char *where = xasprintf("sqlite:%s", path);
	struct store *store = NULL;
	bool good = store_open(where, 1, &store, pr) && schema_check(store, ret_version, pr);

	store_close(store);
	return good;
}

static bool
add_file(struct jw *w, const char *folder, const char *name, struct problem *pr)
{
	AUTO_FREE char *path = backup_path(folder, name);
	char sha256[SHA256_TEXT];
	int64_t size;

	if (!backup_digest(path, sha256, &size, pr))
		return false;
	jw_object(w, NULL);
	jw_str(w, "name", name);
	jw_int(w, "size", size);
	jw_str(w, "sha256", sha256);
	jw_end(w);
	return true;
}

static bool
write_manifest(const struct gate_conf *conf, const char *folder, const char *const *names, int64_t schema, struct buf *out, struct problem *pr)
{
	struct jw w = jw_to(out);
	char mark[SHA256_TEXT], now[TIME_TEXT];

	backup_key_mark(conf->master_key, mark);
	jw_object(&w, NULL);
	jw_int(&w, "format", 1);
	jw_str(&w, "made", time_rfc3339(clock_unix_s(), now));
	jw_str(&w, "version", PACKAGE_VERSION);
	jw_int(&w, "schema", schema);
	jw_str(&w, "external_url", conf->external_url);
	jw_str(&w, "master_key", mark);
	jw_array(&w, "files");
	for (; *names; names++) {
		if (!add_file(&w, folder, *names, pr))
			return false;
	}
	jw_end(&w);
	jw_end(&w);
	buf_addc(out, '\n');
	return jw_ok(&w) || problem_internal(pr, "the manifest is too long");
}

/* `from` NULL: it is there already. */
static bool
put(const char *folder, const char *name, const char *from, const char **names, size_t *count, struct problem *pr)
{
	AUTO_FREE char *to = backup_path(folder, name);

	if (from && !backup_copy(from, to, pr))
		return false;
	names[(*count)++] = name;
	return true;
}

static bool
copy_database(const char *from, const char *to, int64_t *ret_version, struct problem *pr)
{
	AUTO_FREE char *where = xasprintf("sqlite:%s", from);
	struct store *store = NULL;
	bool good;

	if (access(from, F_OK) != 0)
		return problem_set(pr, PROBLEM_NOT_FOUND, "there is no database %s", from);
	good = store_open(where, 1, &store, pr) && store_backup(store, to, pr);
	store_close(store);
	return good && check_copy(to, ret_version, pr);
}

bool
backup_make(const struct gate_conf *conf, const char *folder, bool with_master_key, struct buf *ret_manifest, struct problem *pr)
{
	AUTO_FREE char *db = backup_path(folder, "acmegate.db"), *manifest = backup_path(folder, "manifest.json");
	AUTO_FREE char *node = backup_path(conf->state_dir, "node");
	const char *sqlite = backup_sqlite(conf, pr), *names[6] = { NULL };
	bool is_file = span_starts(span_str(conf->master_key), "file:");
	int64_t version;
	size_t n = 0;

	if (!sqlite)
		return false;
	if (with_master_key && !is_file)
		return problem_set(pr, PROBLEM_MALFORMED, "master_key is %s, which is not for us to copy", conf->master_key);
	if (mkdir(folder, 0700) != 0)
		return problem_internal(pr, "cannot make %s: %s", folder, strerror(errno));
	return copy_database(sqlite, db, &version, pr) && put(folder, "acmegate.db", NULL, names, &n, pr) &&
		put(folder, "node", node, names, &n, pr) && put(folder, "acmegate.conf", conf->path, names, &n, pr) &&
		(!with_master_key || put(folder, "master.key", conf->master_key + strlen("file:"), names, &n, pr)) &&
		write_manifest(conf, folder, names, version, ret_manifest, pr) && file_save(manifest, buf_span(ret_manifest), 0600, pr);
}
