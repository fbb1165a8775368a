/* From the command line to the exit code. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "ctl/cmd.h"
#include "net/http.h"

#define RUN_WAIT_MS 5000
#define RUN_STATEMENT_MS 600000

/* ---- the flow around every command that needs the loop ---- */

struct run_state {
	struct db_batch batch;
	size_t i;
};

static step_fn run_start, run_loaded, run_command, run_asked, run_ended;

static const struct flow run_flow = {
	.name = "ctl.run",
	.size = sizeof(struct run_state),
	.deadline_ms = 24 * 3600 * 1000,
	.first = run_start,
	.failed = cmd_flow_failed,
};

struct cmd_call *
cmd_call_of(struct task *t)
{
	return *(struct cmd_call *const *)task_arg(t);
}

struct next
cmd_flow_failed(struct task *t)
{
	return fail(t, task_error(t));
}

static struct next
run_start(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct run_state *s = task_state(t);

	if ((c->cmd->needs & CMD_NEEDS_DB) != CMD_NEEDS_DB)
		return go(t, run_command);
	db_batch_init(&s->batch, task_arena(t));
	s->i = hub_query(&s->batch);
	return await_rows(t, &s->batch, run_loaded);
}

static struct next
run_loaded(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct run_state *s = task_state(t);
	const struct err *e = hub_load(&s->batch, s->i, &c->hub);

	if (e && e->kind == ERR_NOT_FOUND)
		return fail(t,
			err_new(task_arena(t), ERR_CONFIG,
				"there is no hub in this database yet: start litfassd once, it "
				"makes one"));
	return e ? fail(t, e) : go(t, run_command);
}

static struct next
run_command(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct run_state *s = task_state(t);
	const struct err *e;

	if (c->cmd->flow)
		return task_call(t, c->cmd->flow, &c, sizeof(struct cmd_call *), NULL,
			run_ended, "run_ended");
	db_batch_init(&s->batch, task_arena(t));
	e = c->cmd->query(c, &s->batch);
	return e ? fail(t, e) : await_rows(t, &s->batch, run_asked);
}

static struct next
run_asked(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct run_state *s = task_state(t);
	const struct err *e = c->cmd->show(c, &s->batch);

	return e ? fail(t, e) : done(t);
}

static struct next
run_ended(struct task *t)
{
	return done(t);
}

/* ---- around the flow ---- */

struct run_end {
	struct cmd_call *call;
	struct loop *loop;
	const struct err *e;
};

static void
run_on_end(void *arg, const struct err *e)
{
	struct run_end *end = arg;

	end->e = e ? err_copy(end->call->arena, e) : NULL;
	loop_stop(end->loop, 0);
}

static void
run_on_signal(void *arg)
{
	struct run_end *end = arg;

	loop_stop(end->loop, 0);
}

static const struct err *
run_seal(struct cmd_call *c)
{
	if ((c->cmd->needs & CMD_NEEDS_SEAL) != CMD_NEEDS_SEAL)
		return NULL;
	return seal_load(
		c->arena, arena_cstr(c->arena, c->conf.master_key_file), false, &c->hub.seal);
}

static const struct err *
run_services(struct cmd_call *c, struct env *env)
{
	struct db_opts o = {
		.name = SPAN("litfassctl"),
		.connections = 1,
		.wait_ms = RUN_WAIT_MS,
		.statement_timeout_ms = RUN_STATEMENT_MS,
	};
	const struct err *e;

	hub_init(&c->hub, c->arena, &c->conf, NULL);
	env->conf = &c->conf;
	env->hub = &c->hub;
	c->env = env;
	if ((c->cmd->needs & CMD_NEEDS_DB) == CMD_NEEDS_DB) {
		if ((e = run_seal(c)) || (e = db_dsn(c->arena, &c->conf, &o.dsn)))
			return e;
		env->db = db_new(env->loop, &o);
	}
	if (c->cmd->needs & CMD_NEEDS_HTTP)
		env->http = http_new(env->loop, &c->conf);
	return NULL;
}

const struct err *
cmd_on_loop(struct cmd_call *c)
{
	struct env env = {0};
	struct run_end end = {.call = c};
	const struct err *e;

	env.loop = loop_new(&env);
	end.loop = env.loop;
	loop_slow_step_ms(env.loop, 60000); /* nobody else waits here */
	e = run_services(c, &env);
	if (!e) {
		const struct task_start s = {
			.loop = env.loop,
			.flow = &run_flow,
			.arg = &c,
			.arg_size = sizeof(struct cmd_call *),
			.ended = run_on_end,
			.ended_arg = &end,
		};

		loop_on_signal(env.loop, SIGINT, run_on_signal, &end);
		loop_on_signal(env.loop, SIGTERM, run_on_signal, &end);
		(void)task_start(&s);
		loop_run(env.loop);
		e = end.e;
	}
	http_free(env.http);
	db_free(env.db);
	loop_free(env.loop);
	hub_fini(&c->hub);
	seal_free(c->hub.seal);
	return e;
}

/*
 * Started as root it becomes the account that owns the data: the database knows that one by
 * its uid, and the master key is readable for it alone.
 */
static const struct err *
run_become_owner(struct cmd_call *c)
{
	struct stat st;
	const struct passwd *pw;

	if (geteuid() != 0 || stat(arena_cstr(c->arena, c->conf.data_dir), &st) != 0 ||
		st.st_uid == 0)
		return NULL;
	pw = getpwuid(st.st_uid);
	if (chdir("/") == 0 &&
		(pw ? initgroups(pw->pw_name, st.st_gid) : setgroups(0, NULL)) == 0 &&
		setgid(pw ? pw->pw_gid : st.st_gid) == 0 && setuid(st.st_uid) == 0)
		return NULL;
	return err_new(c->arena, ERR_CONFIG, "cannot become the owner of %.*s: %s",
		SPAN_FMT(c->conf.data_dir), strerror(errno));
}

static const struct err *
run_command_line(struct cmd_call *c)
{
	const struct err *e = NULL;

	if (c->cmd->needs & CMD_NEEDS_CONF) {
		e = conf_load(c->arena, c->conf_path, &c->conf);
		if (!e)
			e = run_become_owner(c);
	}
	if (e)
		return e;
	return c->cmd->run ? c->cmd->run(c) : cmd_on_loop(c);
}

/* ---- errors ---- */

static enum cmd_exit
run_exit(const struct err *e)
{
	switch (e->kind) {
	case ERR_INPUT:
	case ERR_TOO_LARGE:
	case ERR_UNPROCESSABLE:
		return CMD_USAGE;
	case ERR_NOT_FOUND:
	case ERR_GONE:
		return CMD_NOT_FOUND;
	case ERR_CONFLICT:
	case ERR_FORBIDDEN:
	case ERR_ADDRESS:
		return CMD_REFUSED;
	case ERR_CONFIG:
		return CMD_CONFIG;
	case ERR_DB_GONE:
	case ERR_UNAVAILABLE:
	case ERR_UNCERTAIN:
	case ERR_TIMEOUT:
	case ERR_NETWORK:
	case ERR_TLS:
	case ERR_UPSTREAM:
	case ERR_TOO_MANY:
		return CMD_UNAVAILABLE;
	case ERR_CORRUPT:
		return CMD_UNVERIFIED;
	default:
		return CMD_FAILED;
	}
}

static void
run_complain(struct cmd_call *c, const struct err *e, bool usage)
{
	const struct span text = err_text(c->arena, e);

	if (c->json) {
		json_t *j = json_pack("{s:{s:s, s:o}}", "error", "kind", err_name(e->kind),
			"message", json_str(text));

		(void)json_dumpf(j, stderr, JSON_COMPACT);
		(void)fputc('\n', stderr);
		json_decref(j);
		return;
	}
	(void)fprintf(stderr, "litfassctl: %.*s\n", SPAN_FMT(text));
	if (usage && c->cmd)
		(void)fprintf(stderr, "Try: litfassctl %s%s%s --help\n", c->cmd->noun,
			c->cmd->verb ? " " : "", c->cmd->verb ? c->cmd->verb : "");
	else if (usage)
		(void)fprintf(stderr, "Try: litfassctl --help\n");
}

static const char *
run_conf_path(void)
{
	const char *path = getenv("LITFASS_CONFIG");

	return path && path[0] ? path : "/etc/litfass/litfass.conf";
}

int
ctl_main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct cmd_call c = {.arena = a, .conf_path = run_conf_path()};
	struct cmd_line line = {0};
	const struct err *e = cmd_parse(&c, argc, argv, &line);
	const bool usage = e != NULL;

	log_setup(LOG_ERROR, false, "litfassctl");
	if (!e && line.version)
		(void)printf("litfassctl %s\n", PACKAGE_VERSION);
	else if (!e && line.help)
		cmd_help(&line);
	else if (!e)
		e = run_command_line(&c);
	if (e) {
		c.exit = run_exit(e);
		run_complain(&c, e, usage);
	}
	if (fflush(stdout) != 0 && !e)
		c.exit = CMD_FAILED;
	arena_free(a);
	return (int)c.exit;
}
