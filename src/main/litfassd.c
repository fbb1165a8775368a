/* litfassd: reads its arguments and becomes the supervisor, or one of its children. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "base/fds.h"
#include "base/log.h"
#include "ctl/cmd.h"
#include "main/embedded.h"
#include "main/part.h"
#include "main/prepare.h"
#include "main/supervisor.h"
#include "main/worker.h"

struct options {
	const char *conf_path;
	bool check, help, version;
};

static void
litfassd_help(void)
{
	(void)printf("Usage: litfassd [-c FILE]\n\n"
		     "The hub: runs in the foreground until SIGTERM or Ctrl-C, and logs to "
		     "standard error.\n\n"
		     "  -c, --config FILE   instead of $LITFASS_CONFIG or "
		     "/etc/litfass/litfass.conf\n"
		     "      --check         only read the configuration\n"
		     "      --help\n"
		     "      --version\n\n"
		     "SIGHUP reads the configuration again and replaces the workers one by "
		     "one.\n"
		     "Exit codes: 0 stopped, 1 failed, 2 usage, 4 another litfassd runs on "
		     "the same\n"
		     "data, 5 configuration, 6 the database does not start. "
		     "See litfassd(8), litfass.conf(5).\n");
}

static int
litfassd_usage(const char *what, const char *arg)
{
	(void)fprintf(stderr, "litfassd: %s%s\nTry: litfassd --help\n", what, arg);
	return CMD_USAGE;
}

static int
litfassd_options(int argc, char **argv, struct options *o)
{
	const char *env = getenv("LITFASS_CONFIG");

	o->conf_path = env && env[0] ? env : "/etc/litfass/litfass.conf";
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "--check") == 0) {
			o->check = true;
		} else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			o->help = true;
		} else if (strcmp(arg, "--version") == 0) {
			o->version = true;
		} else if (strncmp(arg, "--config=", 9) == 0) {
			o->conf_path = arg + 9;
		} else if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config") == 0) {
			if (++i == argc)
				return litfassd_usage("a file is missing behind ", arg);
			o->conf_path = argv[i];
		} else {
			return litfassd_usage("there is no option ", arg);
		}
	}
	return CMD_OK;
}

/* ---- a child ---- */

static const struct err *
litfassd_child_conf(struct arena *a, const struct part_args *p, struct conf *out)
{
	struct stat st;
	char *text;

	if (fstat(p->conf_fd, &st) != 0)
		return err_new(a, ERR_INTERNAL, "the configuration was not handed over");
	text = arena_alloc(a, (size_t)st.st_size + 1);
	if (pread(p->conf_fd, text, (size_t)st.st_size, 0) != (ssize_t)st.st_size)
		return err_new(a, ERR_INTERNAL, "the configuration cannot be read again");
	return conf_parse(
		a, arena_cstr(a, p->conf_path), span_from(text, (size_t)st.st_size), out);
}

static int
litfassd_child(struct arena *a, int argc, char **argv)
{
	struct part_args p = {0};
	struct prepare_opts o;
	struct conf c = {0};
	const struct err *e;

	if (!part_read(a, argc, argv, &p))
		return litfassd_usage("only litfassd itself uses ", PART_FLAG);
	(void)prctl(PR_SET_NAME, part_name(a, &p));
	child_harden();
	e = litfassd_child_conf(a, &p, &c);
	if (e) {
		(void)fprintf(stderr, "litfassd: %.*s\n", SPAN_FMT(err_text(a, e)));
		return CMD_FAILED;
	}
	log_setup((enum log_level)c.log_level, c.log_json, part_name(a, &p));
	switch (p.part) {
	case PART_DATABASE:
		return embedded_run(a, &c);
	case PART_PREPARE:
		o = (struct prepare_opts){
			.conf = &c, .what = p.what, .name = p.name, .crashed = p.crashed};
		return prepare_run(a, &o);
	default:
		return worker_run(a, &c, &p);
	}
}

/* ---- the supervisor ---- */

static int
litfassd_start(struct arena *a, const struct options *o)
{
	struct setup *s;
	const struct err *e = setup_read(a, o->conf_path, 1, &s);

	if (e) {
		(void)fprintf(stderr, "litfassd: %.*s\n", SPAN_FMT(err_text(a, e)));
		return CMD_CONFIG;
	}
	if (o->check) {
		(void)printf("%s is valid\n", o->conf_path);
		setup_free(s);
		return CMD_OK;
	}
	log_setup((enum log_level)s->conf.log_level, s->conf.log_json, "litfassd");
	child_harden();
	return supervisor_run(a, o->conf_path, s);
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct options o = {0};
	int code;

	(void)umask(0027);
	(void)signal(SIGPIPE, SIG_IGN);
	child_hold_signals(); /* until there are handlers */
	if (!fds_standard())
		return CMD_FAILED;
	if (argc > 1 && strcmp(argv[1], PART_FLAG) == 0) {
		code = litfassd_child(a, argc, argv);
	} else if ((code = litfassd_options(argc, argv, &o)) == CMD_OK) {
		if (o.help)
			litfassd_help();
		else if (o.version)
			(void)printf("litfassd %s\n", PACKAGE_VERSION);
		else
			code = litfassd_start(a, &o);
	}
	arena_free(a);
	return code;
}
