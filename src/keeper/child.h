/* child.h - the life of the keeper process: sandbox, secrets, sandbox again, serve. */
#ifndef KEEPER_CHILD_H
#define KEEPER_CHILD_H

#include <sys/types.h>

#include "keeper/keeper.h"

/* Right after the fork. One reply frame on `life` tells whether the start succeeded; then life says nothing more until it
 * ends. `fds` are the connections. Never returns. */
_Noreturn void child_main(const struct keeper_conf *conf, pid_t parent, int life, const int *fds);
#endif
