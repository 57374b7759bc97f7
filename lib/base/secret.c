/* secret.c - see secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

bool
secret_eq(struct span a, struct span b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

bool
file_load(const char *path, struct buf *ret, struct problem *pr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0)
		return problem_internal(pr, "cannot open %s: %s", path, strerror(errno));
	do {
		if (!buf_reserve(ret, 1))
			break;
		n = read(fd, ret->p + ret->n, ret->cap - ret->n - 1);
		if (n > 0)
			ret->n += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	if (n < 0)
		return problem_internal(pr, "cannot read %s: %s", path, strerror(errno));
	if (ret->failed || ret->n > ret->max)
		return problem_internal(pr, "%s is larger than %zu octets", path, ret->max);
	return true;
}

bool
secret_load_raw(const char *where, struct buf *ret, struct problem *pr)
{
	AUTO_FREE char *path = NULL;
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	if (strncmp(where, "file:", 5) == 0)
		path = xstrdup(where + 5);
	else if (strncmp(where, "credential:", 11) != 0)
		return problem_internal(pr, "a secret is file:PATH or credential:NAME, not \"%s\"", where);
	else if (!folder || strchr(where + 11, '/'))
		return problem_internal(pr, "no credential \"%s\" was passed by systemd", where + 11);
	else
		path = xasprintf("%s/%s", folder, where + 11);
	return file_load(path, ret, pr);
}

bool
secret_load(const char *where, struct buf *ret, struct problem *pr)
{
	if (!secret_load_raw(where, ret, pr))
		return false;
	while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r'))
		ret->n--;
	return true;
}

static bool
write_all(int fd, struct span data)
{
	while (data.n) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			data = span_from(data, (size_t)n);
	}
	return fsync(fd) == 0;
}

static void
sync_folder_of(const char *path)
{
	AUTO_FREE char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

bool
file_save(const char *path, struct span data, unsigned mode, struct problem *pr)
{
	AUTO_FREE char *tmp = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(tmp, O_CLOEXEC);
	bool good;

	if (fd < 0)
		return problem_internal(pr, "cannot create %s: %s", tmp, strerror(errno));
	good = write_all(fd, data) && fchmod(fd, mode) == 0;
	close(fd);
	if (!good || rename(tmp, path) != 0) {
		problem_internal(pr, "cannot write %s: %s", path, strerror(errno));
		unlink(tmp);
		return false;
	}
	sync_folder_of(path);
	return true;
}
