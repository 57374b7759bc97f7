/* holder.h - the configuration in force. A request or job takes one snapshot and keeps it to its end. Any thread. */
#ifndef GATE_HOLDER_H
#define GATE_HOLDER_H

#include "gate/conf.h"

struct conf_holder;

/* Takes over the caller's reference. */
struct conf_holder *conf_holder_new(struct gate_conf *conf);
/* A reference: give it back with gate_conf_unref. */
struct gate_conf *conf_holder_take(struct conf_holder *holder);
/* Swap; the old one goes when its last user does. Takes over the reference. */
void conf_holder_set(struct conf_holder *holder, struct gate_conf *conf);
void conf_holder_free(struct conf_holder *holder);
#endif
