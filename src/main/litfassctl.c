/* litfassctl: the commands are in src/ctl. */
#include <signal.h>

#include "base/fds.h"
#include "ctl/cmd.h"

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (!fds_standard())
		return CMD_FAILED;
	return ctl_main(argc, argv);
}
