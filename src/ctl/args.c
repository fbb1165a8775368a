/* The command line: litfassctl [-c FILE] [--json] NOUN VERB ARGS. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"

static const struct cmd *
args_find(const char *noun, const char *verb, bool *noun_known, bool *wants_verb)
{
	*noun_known = *wants_verb = false;
	for (size_t i = 0; i < n_cmds; i++) {
		if (!noun || strcmp(cmds[i]->noun, noun) != 0)
			continue;
		*noun_known = true;
		if (!cmds[i]->verb)
			return cmds[i];
		*wants_verb = true;
		if (verb && strcmp(cmds[i]->verb, verb) == 0)
			return cmds[i];
	}
	return NULL;
}

static const struct err *
args_option(struct cmd_call *c, struct span arg, int argc, char **argv, int *i)
{
	const size_t equals = span_find_byte(arg, '=');
	const struct span name = span_slice(arg, 2, equals == SIZE_MAX ? arg.n : equals);
	const struct cmd *cmd = c->cmd;

	for (size_t o = 0; o < cmd->n_opts; o++) {
		if (!span_is(name, cmd->opts[o].name))
			continue;
		if (!cmd->opts[o].value) {
			if (equals != SIZE_MAX)
				return err_new(c->arena, ERR_INPUT, "--%s takes no value",
					cmd->opts[o].name);
			c->opts[o] = SPAN("1");
			return NULL;
		}
		if (equals != SIZE_MAX) {
			c->opts[o] = span_slice(arg, equals + 1, arg.n);
			return NULL;
		}
		if (*i + 1 >= argc)
			return err_new(c->arena, ERR_INPUT, "--%s needs a value: --%s %s",
				cmd->opts[o].name, cmd->opts[o].name, cmd->opts[o].value);
		c->opts[o] = span_of(argv[++*i]);
		return NULL;
	}
	return err_new(c->arena, ERR_INPUT, "there is no option %.*s here", SPAN_FMT(arg));
}

/* Options that every command has. False: not one of them. */
static bool
args_global(struct cmd_call *c, int argc, char **argv, int *i, struct cmd_line *out,
	const struct err **e)
{
	const char *arg = argv[*i];

	*e = NULL;
	if (strcmp(arg, "--json") == 0) {
		c->json = true;
	} else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		out->help = true;
	} else if (strcmp(arg, "--version") == 0) {
		out->version = true;
	} else if (strncmp(arg, "--config=", 9) == 0) {
		c->conf_path = arg + 9;
	} else if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config") == 0) {
		if (*i + 1 >= argc)
			*e = err_new(c->arena, ERR_INPUT, "%s needs a file: %s FILE", arg, arg);
		else
			c->conf_path = argv[++*i];
	} else {
		return false;
	}
	return true;
}

static const struct err *
args_count(struct cmd_call *c)
{
	const struct cmd *cmd = c->cmd;

	if (c->n_args < cmd->min_args)
		return err_new(c->arena, ERR_INPUT, "something is missing: %s%s%s %s",
			cmd->noun, cmd->verb ? " " : "", cmd->verb ? cmd->verb : "", cmd->args);
	if (c->n_args > cmd->max_args)
		return err_new(c->arena, ERR_INPUT, "\"%.*s\" is too much: %s%s%s %s",
			SPAN_FMT(c->args[cmd->max_args]), cmd->noun, cmd->verb ? " " : "",
			cmd->verb ? cmd->verb : "", cmd->args);
	return NULL;
}

/* Noun and verb are the first two words that are no global options. */
static const struct err *
args_command(struct cmd_call *c, int argc, char **argv, int *i, struct cmd_line *out)
{
	const char *words[2] = {NULL, NULL};
	bool known, wants_verb;
	const struct err *e;
	size_t n = 0;

	for (; *i < argc && n < 2; (*i)++) {
		if (args_global(c, argc, argv, i, out, &e)) {
			if (e)
				return e;
			continue;
		}
		if (argv[*i][0] == '-')
			return err_new(c->arena, ERR_INPUT,
				"there is no option %s in front of a command", argv[*i]);
		words[n++] = argv[*i];
		c->cmd = args_find(words[0], words[1], &known, &wants_verb);
		if (!known)
			return err_new(
				c->arena, ERR_INPUT, "there is no command \"%s\"", words[0]);
		if (c->cmd) {
			(*i)++;
			break;
		}
	}
	out->cmd = c->cmd;
	out->noun = words[0];
	if (c->cmd || out->help || out->version)
		return NULL;
	if (!words[0])
		return err_new(c->arena, ERR_INPUT, "say what to do");
	if (!words[1])
		return err_new(c->arena, ERR_INPUT, "say what to do with \"%s\"", words[0]);
	return err_new(
		c->arena, ERR_INPUT, "there is no command \"%s %s\"", words[0], words[1]);
}

const struct err *
cmd_parse(struct cmd_call *c, int argc, char **argv, struct cmd_line *out)
{
	bool only_args = false;
	int i = 1;
	const struct err *e = args_command(c, argc, argv, &i, out);

	if (e || !c->cmd)
		return e;
	for (; i < argc; i++) {
		const struct span arg = span_of(argv[i]);

		if (!only_args && span_is(arg, "--")) {
			only_args = true;
			continue;
		}
		if (!only_args && args_global(c, argc, argv, &i, out, &e)) {
			if (e)
				return e;
			continue;
		}
		if (!only_args && arg.n > 1 && arg.p[0] == '-') {
			e = span_starts(arg, SPAN("--"))
				    ? args_option(c, arg, argc, argv, &i)
				    : err_new(c->arena, ERR_INPUT, "there is no option %s here",
					      argv[i]);
			if (e)
				return e;
			continue;
		}
		if (c->n_args == CMD_ARGS_MAX)
			return err_new(c->arena, ERR_INPUT, "too many words");
		c->args[c->n_args++] = arg;
	}
	return out->help || out->version ? NULL : args_count(c);
}

struct span
cmd_opt(const struct cmd_call *c, const char *name)
{
	for (size_t o = 0; o < c->cmd->n_opts; o++)
		if (strcmp(c->cmd->opts[o].name, name) == 0)
			return c->opts[o];
	assert(0 && "an option the command does not have");
	return SPAN_NONE;
}

bool
cmd_flag(const struct cmd_call *c, const char *name)
{
	return cmd_opt(c, name).p != NULL;
}

const struct err *
cmd_number(struct cmd_call *c, const char *what, struct span s, int64_t min, int64_t max,
	int64_t *out)
{
	if (span_i64(s, min, max, out))
		return NULL;
	return err_new(c->arena, ERR_INPUT,
		"\"%.*s\" is no %s: give a whole number from %lld to %lld", SPAN_FMT(s), what,
		(long long)min, (long long)max);
}

/* ---- help ---- */

static void
help_usage(const struct cmd *cmd)
{
	(void)printf("Usage: litfassctl [-c FILE] [--json] %s%s%s", cmd->noun,
		cmd->verb ? " " : "", cmd->verb ? cmd->verb : "");
	if (cmd->args[0])
		(void)printf(" %s", cmd->args);
	(void)printf("%s\n", cmd->n_opts ? " [OPTIONS]" : "");
}

static void
help_one(const struct cmd *cmd)
{
	help_usage(cmd);
	(void)printf("\n%s\n", cmd->summary);
	if (cmd->help)
		(void)printf("\n%s\n", cmd->help);
	if (cmd->n_opts)
		(void)printf("\nOptions:\n");
	for (size_t o = 0; o < cmd->n_opts; o++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "--%s%s%s", cmd->opts[o].name,
			cmd->opts[o].value ? " " : "",
			cmd->opts[o].value ? cmd->opts[o].value : "");
		(void)printf("  %-24s%s\n", left, cmd->opts[o].help);
	}
}

static void
help_all(const char *noun)
{
	(void)printf("Usage: litfassctl [-c FILE] [--json] NOUN [VERB] [ARGS]\n\n"
		     "Manages a Litfass hub.\n\nCommands:\n");
	for (size_t i = 0; i < n_cmds; i++) {
		const struct cmd *cmd = cmds[i];
		char left[32];

		if (noun && strcmp(noun, cmd->noun) != 0)
			continue;
		(void)snprintf(
			left, sizeof(left), "%s %s", cmd->noun, cmd->verb ? cmd->verb : "");
		(void)printf("  %-20s%s\n", left, cmd->summary);
	}
	(void)printf(
		"\nOptions:\n"
		"  -c, --config FILE   instead of $LITFASS_CONFIG or "
		"/etc/litfass/litfass.conf\n"
		"      --json          one JSON document on standard output, errors as JSON\n"
		"      --help          of a command: litfassctl org add --help\n"
		"      --version\n"
		"\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 "
		"configuration,\n"
		"6 database or network unavailable, 7 not as it must be (record verify, "
		"doctor).\n");
}

void
cmd_help(const struct cmd_line *l)
{
	if (l->cmd)
		help_one(l->cmd);
	else
		help_all(l->noun);
}
