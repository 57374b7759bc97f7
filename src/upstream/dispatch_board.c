/* dispatch_board.c - what others may know of the queue that this gateway leads; see dispatch.h. */
#include <pthread.h>
#include <stdlib.h>

#include "upstream/dispatch_int.h"

#define S_US 1000000U

const unsigned dispatch_bounds_us[DISPATCH_BOUNDS] = { S_US, 5 * S_US, 15 * S_US, 60 * S_US, 300 * S_US, 900 * S_US, 1800 * S_US, 3600 * S_US };

struct board {
	pthread_mutex_t lock;
	struct dispatch_view *views;
	size_t count;
	struct dispatch_waits waits;
};

struct board *
board_new(void)
{
	struct board *b = xcalloc(1, sizeof(*b));

	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
board_free(struct board *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->lock);
	free(b->views);
	free(b);
}

void
board_publish(struct board *b, const struct dispatch *d, int64_t now_ns)
{
	struct dispatch_view *views = NULL, *before;
	size_t count = 0;

	for (const struct seat *seat = d ? d->seats : NULL; seat; seat = seat->next)
		count++;
	if (count)
		views = xcalloc(count, sizeof(*views));
	count = 0;
	for (const struct seat *seat = d ? d->seats : NULL; seat; seat = seat->next) {
		memcpy(views[count].ca, seat->ca, sizeof(seat->ca));
		sched_stats(seat->s, now_ns, &views[count++].stats);
	}
	pthread_mutex_lock(&b->lock);
	before = b->views;
	b->views = views;
	b->count = count;
	pthread_mutex_unlock(&b->lock);
	free(before);
}

void
board_count(struct board *b, int64_t waited_s)
{
	size_t i = 0;

	while (i < DISPATCH_BOUNDS && waited_s > dispatch_bounds_us[i] / S_US)
		i++;
	pthread_mutex_lock(&b->lock);
	b->waits.counts[i]++;
	b->waits.sum_s += waited_s > 0 ? (uint64_t)waited_s : 0;
	pthread_mutex_unlock(&b->lock);
}

void
dispatch_each(struct upstreams *ups, dispatch_view_fn fn, void *arg)
{
	struct board *b = upstreams_board(ups);
	struct dispatch_view *views = NULL;
	size_t count;

	pthread_mutex_lock(&b->lock);
	count = b->count;
	if (count) {
		views = xcalloc(count, sizeof(*views));
		memcpy(views, b->views, count * sizeof(*views));
	}
	pthread_mutex_unlock(&b->lock);
	for (size_t i = 0; i < count; i++)
		fn(&views[i], arg);
	free(views);
}

void
dispatch_waits(struct upstreams *ups, struct dispatch_waits *ret)
{
	struct board *b = upstreams_board(ups);

	pthread_mutex_lock(&b->lock);
	*ret = b->waits;
	pthread_mutex_unlock(&b->lock);
}
