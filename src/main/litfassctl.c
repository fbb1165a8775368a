/* litfassctl: the commands are in src/ctl. */
#include <signal.h>

#include "ctl/cmd.h"

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return ctl_main(argc, argv);
}
