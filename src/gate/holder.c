/* holder.c - see holder.h. */
#include "gate/holder.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct conf_holder {
	pthread_mutex_t lock;
	struct gate_conf *now;
};

struct conf_holder *
conf_holder_new(struct gate_conf *conf)
{
	struct conf_holder *holder = xcalloc(1, sizeof(*holder));

	pthread_mutex_init(&holder->lock, NULL);
	holder->now = conf;
	return holder;
}

struct gate_conf *
conf_holder_take(struct conf_holder *holder)
{
	struct gate_conf *conf;

	pthread_mutex_lock(&holder->lock);
	conf = gate_conf_ref(holder->now);
	pthread_mutex_unlock(&holder->lock);
	return conf;
}

void
conf_holder_set(struct conf_holder *holder, struct gate_conf *conf)
{
	struct gate_conf *old;

	pthread_mutex_lock(&holder->lock);
	old = holder->now;
	holder->now = conf;
	pthread_mutex_unlock(&holder->lock);
	gate_conf_unref(old);
}

void
conf_holder_free(struct conf_holder *holder)
{
	if (!holder)
		return;
	gate_conf_unref(holder->now);
	pthread_mutex_destroy(&holder->lock);
	free(holder);
}
