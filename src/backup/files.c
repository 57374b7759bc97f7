/* files.c - files of a backup; see backup.h. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/secret.h"

#define PIECE (64 * 1024)
#define KEY_MAX 4096

char *
backup_path(const char *folder, const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

const char *
backup_sqlite(const struct gate_conf *conf, struct problem *pr)
{
	if (span_starts(span_str(conf->store), "sqlite:"))
		return conf->store + strlen("sqlite:");
	problem_set(pr, PROBLEM_MALFORMED, "the store is PostgreSQL: back it up by pg_dump --format=custom, and restore it by pg_restore, as acmegatectl(1) says");
	return NULL;
}

static void
write_hex(const unsigned char *octets, unsigned n, char ret[SHA256_TEXT])
{
	ret[0] = '\0';
	for (unsigned i = 0; i < n && i < (SHA256_TEXT - 1) / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", octets[i]);
}

/* Each piece of the file goes to a digest or to a file, or both. */
static bool
pour(int from, EVP_MD_CTX *digest, int to, int64_t *ret_size)
{
	AUTO_FREE char *piece = xmalloc(PIECE);
	ssize_t n;

	*ret_size = 0;
	while ((n = read(from, piece, PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (digest && EVP_DigestUpdate(digest, piece, (size_t)n) != 1))
			return false;
		for (ssize_t done = 0, m; to >= 0 && done < n; done += m) {
			m = write(to, piece + done, (size_t)(n - done));
			if (m < 0 && errno != EINTR)
				return false;
			m = m < 0 ? 0 : m;
		}
		*ret_size += n;
	}
	return true;
}

bool
backup_digest(const char *path, char ret[SHA256_TEXT], int64_t *ret_size, struct problem *pr)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char octets[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 && pour(fd, digest, -1, ret_size) &&
		EVP_DigestFinal_ex(digest, octets, &n) == 1;

	if (good)
		write_hex(octets, n, ret);
	else
		problem_internal(pr, "%s cannot be read: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	EVP_MD_CTX_free(digest);
	return good;
}

/* A gateway that is no root must be able to use what root has put there. */
static void
give_away(const char *path, int fd)
{
	AUTO_FREE char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	struct stat st;

	if (slash)
		*slash = '\0';
	if (geteuid() == 0 && stat(slash && slash != folder ? folder : slash ? "/" : ".", &st) == 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

bool
backup_copy(const char *from, const char *to, struct problem *pr)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	int64_t size;
	bool good;

	if (in < 0)
		return problem_internal(pr, "%s cannot be read: %s", from, strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	good = out >= 0 && pour(in, NULL, out, &size) && fsync(out) == 0;
	if (good)
		give_away(to, out);
	else
		problem_internal(pr, "%s cannot be copied to %s: %s", from, to, strerror(errno));
	if (out >= 0)
		close(out);
	if (out >= 0 && !good)
		unlink(to);
	close(in);
	return good;
}

bool
backup_rename(const char *from, const char *to, struct problem *pr)
{
	AUTO_FREE char *wal = xasprintf("%s-wal", from), *folder = xstrdup(to);
	char *slash = strrchr(folder, '/');
	bool good;
	int fd;

	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* what was not written back yet would be left behind; and a gateway that was started meanwhile keeps the database that it has made */
	good = access(wal, F_OK) != 0 && fd >= 0 && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 && fsync(fd) == 0;
	if (!good)
		problem_internal(pr, "%s cannot be put in its place %s: %s", from, to, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

void
backup_key_mark(const char *master_key, char ret[SHA256_TEXT])
{
	static const char label[] = "acmegate: which master key is it?";
	AUTO_SECRET key = BUF_MAX(KEY_MAX);
	AUTO_SECRET text = BUF_MAX(KEY_MAX + sizeof(label));
	struct problem pr = { 0 };
	unsigned char octets[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	ret[0] = '\0';
	if (!span_starts(span_str(master_key), "file:") || !secret_load(master_key, &key, &pr))
		return;
	buf_add(&text, label, sizeof(label));
	buf_addspan(&text, buf_span(&key));
	if (EVP_Digest(text.p, text.n, octets, &n, EVP_sha256(), NULL) == 1)
		write_hex(octets, n / 2, ret);
}
