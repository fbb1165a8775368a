/*
 * Cmd: the commands of litfassctl, one file each, all in the table `cmds`.
 *
 * A command is a table entry and one of: query and show (one batch, one result), a flow
 * (everything else that waits), a plain function (what works without the loop). ctl_main does
 * the rest: arguments,
 * --help, --json, configuration, connection, loading the hub, errors and exit codes. A result
 * is one JSON document, printed as it is with --json and as an aligned table otherwise.
 */
#ifndef CTL_CMD_H
#define CTL_CMD_H

#include "base/conf.h"
#include "base/json.h"
#include "db/db.h"
#include "hub/hub.h"
#include "task/task.h"

enum cmd_exit {
	CMD_OK,
	CMD_FAILED,      /* unexpected */
	CMD_USAGE,       /* wrong arguments or values */
	CMD_NOT_FOUND,   /* there is no such thing */
	CMD_REFUSED,     /* exists already, or not in a state that allows it */
	CMD_CONFIG,      /* the configuration is wrong */
	CMD_UNAVAILABLE, /* database or network */
	CMD_UNVERIFIED,  /* record verify, doctor: something is not as it must be */
};

struct cmd_opt {
	const char *name;  /* without dashes */
	const char *value; /* its name in the help, NULL = a flag */
	const char *help;
};
#define CMD_OPTS_MAX 8
#define CMD_ARGS_MAX 4

enum cmd_needs {
	CMD_NEEDS_CONF = 1,
	CMD_NEEDS_DB = 3,   /* pool and loaded hub, without secrets */
	CMD_NEEDS_SEAL = 7, /* the master key as well: signing, new keys */
	CMD_NEEDS_HTTP = 8, /* the HTTP client */
};

struct cmd_call;

struct cmd {
	const char *noun, *verb; /* verb NULL: "doctor", "migrate" */
	const char *args;        /* "SLUG URL" */
	const char *summary;     /* one line */
	const char *help;        /* paragraphs, may be NULL */
	const struct cmd_opt *opts;
	size_t n_opts;
	size_t min_args, max_args;
	unsigned needs;
	/* One of the three. The flow's arg is read with cmd_call_of. */
	const struct err *(*query)(struct cmd_call *c, struct db_batch *b);
	const struct err *(*show)(struct cmd_call *c, const struct db_batch *b);
	const struct flow *flow;
	const struct err *(*run)(struct cmd_call *c);
};

struct cmd_call {
	const struct cmd *cmd;
	struct arena *arena;
	const char *conf_path;
	struct conf conf;
	struct env *env;
	struct hub hub;
	struct span args[CMD_ARGS_MAX];
	size_t n_args;
	struct span opts[CMD_OPTS_MAX]; /* in the order of cmd->opts, SPAN_NONE = not given */
	bool json;
	void *ctx;          /* of commands that run others */
	enum cmd_exit exit; /* for results that are no errors, e.g. of doctor */
};

extern const struct cmd *const cmds[];
extern const size_t n_cmds;

/* The whole program; returns the exit code. */
int ctl_main(int argc, char **argv);
/* args.c: which command with what; *cmd NULL with *help = the list of all commands. */
struct cmd_line {
	const struct cmd *cmd;
	const char *noun; /* without a verb: help on all of its commands */
	bool help, version;
};
const struct err *cmd_parse(
	struct cmd_call *c, int argc, char **argv, struct cmd_line *out) MUST_CHECK;
void cmd_help(const struct cmd_line *l);

/* run.c: the command of c with its needs on a loop of its own, for doctor. */
const struct err *cmd_on_loop(struct cmd_call *c) MUST_CHECK;

/* ---- for commands ---- */
struct cmd_call *cmd_call_of(struct task *t);
/* The `failed` step of flows that have nothing to put in order. */
struct next cmd_flow_failed(struct task *t);
struct span cmd_opt(const struct cmd_call *c, const char *name); /* SPAN_NONE = not given */
bool cmd_flag(const struct cmd_call *c, const char *name);
/* Numbers and ids from arguments, with an error that names them. */
const struct err *cmd_number(struct cmd_call *c, const char *what, struct span s, int64_t min,
	int64_t max, int64_t *out) MUST_CHECK;

/* How members of an object are shown to people. */
enum cmd_format {
	CMD_TEXT, /* as it is; also numbers and booleans (yes, no) */
	CMD_TIME, /* RFC 3339 in the JSON: "2026-03-01 10:00 (5 min ago)" */
	CMD_LONG, /* text of several lines, in `show` only */
};
struct cmd_column {
	const char *key, *title;
	enum cmd_format format;
};
/* Take the reference. List: array of objects; show: one object. */
void cmd_list(struct cmd_call *c, json_t *rows, const struct cmd_column *cols, size_t n);
void cmd_show(struct cmd_call *c, json_t *object, const struct cmd_column *cols, size_t n);
/* One sentence on what was done; with --json the object instead. */
void cmd_said(struct cmd_call *c, json_t *object, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Progress for people, on stderr; silent with --json. */
void cmd_note(struct cmd_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* JSON values of our types: ids are text, times RFC 3339 or null, SPAN_NONE null. */
json_t *cmd_json_id(int64_t id);
json_t *cmd_json_time(int64_t us);

#endif
