/* flag.h - a test waits until other threads are done. */
#ifndef TESTS_FLAG_H
#define TESTS_FLAG_H

#include <pthread.h>

struct flag {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned up; /* times raised; under lock */
};
#define FLAG { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void
flag_raise(struct flag *f)
{
	pthread_mutex_lock(&f->lock);
	f->up++;
	pthread_cond_signal(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

/* Until it was raised so many times; then it is down again. */
static inline void
flag_wait(struct flag *f, unsigned times)
{
	pthread_mutex_lock(&f->lock);
	while (f->up < times)
		pthread_cond_wait(&f->cond, &f->lock);
	f->up = 0;
	pthread_mutex_unlock(&f->lock);
}
#endif
