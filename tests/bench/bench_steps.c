/* bench_steps - what each step of an issuance costs on this machine, and the least a whole one can.
 */
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench.h"
#include "steps.h"

int
main(void)
{
	char folder[] = "/tmp/acmegate-bench-XXXXXX";
	AUTO_FREE char *clean = xasprintf("rm -r %s", mkdtemp(folder));
	struct steps s;

	signal(SIGPIPE, SIG_IGN);
	steps_measure(&s, folder);
	steps_print(&s);
	return system(clean) != 0;
}
