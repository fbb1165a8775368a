#include "lib/hubrun.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "db/db.h"
#include "hub/record.h"
#include "lib/check.h"
#include "lib/dbrun.h"
#include "lib/pg.h"
#include "net/blob.h"
#include "net/http.h"
#include "task/proc.h"
#include "task/work.h"

#define HUBRUN_BASE "https://hub.example"
#define HUBRUN_SQL_MAX 4096

static void
hubrun_conf(struct hubrun *r, const struct hubrun_opts *o)
{
	struct arena *a = r->arena;

	check_ok(a, url_parse(a, SPAN(HUBRUN_BASE), &r->conf.base_url));
	check_ok(a, url_parse(a, SPAN("https://media.hub.example"), &r->conf.media_base_url));
	assert_true(conf_range_parse(SPAN("127.0.0.0/8"), &r->loopback));
	r->conf.allow_private = &r->loopback;
	r->conf.n_allow_private = 1;
	r->conf.data_dir = o->data_dir;
	r->env.conf = &r->conf;
}

void
hubrun_init(struct hubrun *r, const struct hubrun_opts *o)
{
	*r = (struct hubrun){.arena = arena_new()};
	hubrun_conf(r, o);
	hub_init(&r->hub, r->arena, &r->conf, NULL);
	r->hub.epoch = 1;
	r->env.hub = &r->hub;
	r->env.loop = loop_new(&r->env);
	r->env.work = work_pool_new(r->env.loop, 1, 64);
	r->env.http = http_new(r->env.loop, &r->conf);
	if (o->dsn.p) {
		const struct db_opts opts = dbrun_opts(o->dsn, 2);

		r->env.db = db_new(r->env.loop, &opts);
	}
	if (o->data_dir.p) {
		const struct err *e;

		r->env.blobs = blob_store_files(r->arena, &r->conf, &e);
		check_ok(r->arena, e);
	}
	if (o->helper) {
		const struct proc_opts opts = {.argv = o->helper,
			.max_request = 17u << 20,
			.max_reply = 8u << 20,
			.wall_ms = o->helper_wall_ms};

		r->env.media = proc_new(r->env.loop, &opts);
	}
}

static void
hubrun_ended(void *arg, const struct err *e)
{
	struct hubrun_end *end = arg;
	struct hubrun *r = end->run;

	end->task = NULL;
	end->failed = e != NULL;
	if (e) {
		struct arena *a = arena_new();

		end->kind = e->kind;
		(void)snprintf(end->text, sizeof(end->text), "%.*s", SPAN_FMT(err_text(a, e)));
		arena_free(a);
	}
	if (--r->alive == 0)
		loop_stop(r->env.loop, 0);
}

void
hubrun_start(struct hubrun *r, struct hubrun_end *end, const struct flow *f, const void *arg,
	size_t arg_size, void *out)
{
	*end = (struct hubrun_end){.run = r};
	r->alive++;
	end->task = task_start(&(const struct task_start){.loop = r->env.loop,
		.flow = f,
		.arg = arg,
		.arg_size = arg_size,
		.out = out,
		.ended = hubrun_ended,
		.ended_arg = end});
}

void
hubrun_wait(struct hubrun *r)
{
	loop_run(r->env.loop);
	assert_int_equal(r->alive, 0);
	assert_int_equal(task_count(r->env.loop), 0);
}

void
hubrun_fini(struct hubrun *r)
{
	proc_free(r->env.media);
	blob_store_free(r->env.blobs);
	http_free(r->env.http);
	work_pool_free(r->env.work);
	if (r->env.db)
		db_free(r->env.db);
	loop_free(r->env.loop);
	hub_fini(&r->hub);
	arena_free(r->arena);
}

/* ---- a stop in the middle ---- */

static bool
stop_is_due(void *arg)
{
	const struct hubrun_stop *s = arg;

	return hang_traced(s->run->env.loop, s->at) && (!s->hang || hang_waits(s->hang));
}

static void
stop_now(void *arg)
{
	struct hubrun_stop *s = arg;

	loop_stop(s->run->env.loop, 0);
	hang_over(s->hang);
	s->hang = NULL;
}

void
hubrun_stop_start(struct hubrun *r, struct hubrun_stop *s)
{
	s->run = r;
	look_start(&s->look, r->env.loop, stop_is_due, stop_now, s);
}

void
hubrun_stop_end(struct hubrun_stop *s)
{
	if (!s->look.seen)
		check_fail("nobody came to%s", s->at);
	look_end(&s->look);
}

/* The kernel shakes hands, and nobody accepts. */
const char *
hubrun_mute(void)
{
	static char url[64];
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd;

	if (url[0])
		return url;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/mute", ntohs(sa.sin_port));
	return url;
}

/* ---- the database ---- */

/* One connection, to the database that was asked last. */
static PGresult *
hubrun_query(struct span dsn, const char *fmt, va_list ap)
{
	static PGconn *pg;
	static char now[256];
	char sql[HUBRUN_SQL_MAX], want[256];
	PGresult *res;
	int n = vsnprintf(sql, sizeof(sql), fmt, ap);

	assert_true(n > 0 && (size_t)n < sizeof(sql));
	(void)snprintf(want, sizeof(want), "%.*s", SPAN_FMT(dsn));
	if (strcmp(want, now) != 0) {
		PQfinish(pg);
		pg = NULL;
		memcpy(now, want, sizeof(now));
		if (dsn.n == 0)
			return NULL;
		pg = PQconnectdb(want);
	}
	res = PQexec(pg, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		check_fail("%s: %s", sql, PQerrorMessage(pg));
	return res;
}

const char *
hubrun_sql(struct span dsn, const char *fmt, ...)
{
	static char value[65536];
	PGresult *res;
	va_list ap;

	va_start(ap, fmt);
	res = hubrun_query(dsn, fmt, ap);
	va_end(ap);
	value[0] = '\0';
	if (PQntuples(res) > 0 && PQnfields(res) > 0)
		(void)snprintf(value, sizeof(value), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return value;
}

int64_t
hubrun_int(struct span dsn, const char *fmt, ...)
{
	PGresult *res;
	int64_t v = 0;
	va_list ap;

	va_start(ap, fmt);
	res = hubrun_query(dsn, fmt, ap);
	va_end(ap);
	if (PQntuples(res) != 1 ||
		!span_i64(span_of(PQgetvalue(res, 0, 0)), INT64_MIN, INT64_MAX, &v))
		check_fail("%s gives no number", fmt);
	PQclear(res);
	return v;
}

static void
hubrun_disconnect(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)hubrun_query(SPAN(""), fmt, ap);
	va_end(ap);
}

/* Filled once, copied for each test. */
static struct span
hubrun_template(struct pg *pg)
{
	const struct span dsn = pg_database(pg);
	struct arena *a = arena_new();
	int applied;

	check_ok(a, db_migrate(a, dsn, &applied));
	arena_free(a);
	(void)hubrun_sql(dsn,
		"INSERT INTO record_head (hub, epoch, seq, hash, own)"
		" VALUES ('hub.example', 1, 0, decode(repeat('00', 32), 'hex'), true)");
	(void)hubrun_sql(dsn,
		"WITH a AS ("
		"  INSERT INTO account (kind, slug, actor_type, name, public_key_pem,"
		"                       ed25519_public, private_keys)"
		"  VALUES ('organization', 'feuerwehr', 'Organization', 'Feuerwehr', '', '', "
		"'')"
		"  RETURNING id)"
		" INSERT INTO account_count (account) SELECT id FROM a");
	return dsn;
}

struct span
hubrun_database(struct pg *pg)
{
	static struct span admin;
	static char template[64];
	static int n;
	char name[16];

	if (!admin.p) {
		(void)snprintf(template, sizeof(template), "%s",
			hubrun_sql(hubrun_template(pg), "SELECT current_database()"));
		admin = pg_dsn(pg, "postgres");
	}
	hubrun_disconnect("-");
	(void)snprintf(name, sizeof(name), "hub%d", n++);
	(void)hubrun_sql(admin, "CREATE DATABASE %s TEMPLATE %s", name, template);
	return pg_dsn(pg, name);
}

struct job
hubrun_claim(struct arena *a, struct span dsn, const char *kind, int64_t key)
{
	struct job j = {
		.kind = arena_dup(a, span_of(kind)), .key = arena_printf(a, "%" PRId64, key)};

	j.id = hubrun_int(dsn,
		"UPDATE job SET state = 'running', attempt = attempt + 1, worker = 'test',"
		" lease_until = now() + interval '60 s', lease_token = gen_random_uuid()"
		" WHERE kind = '%s' AND key = '%" PRId64 "' AND state = 'ready' RETURNING id",
		kind, key);
	j.attempt = hubrun_int(dsn, "SELECT attempt FROM job WHERE id = %" PRId64, j.id);
	j.crashes = hubrun_int(dsn, "SELECT crashes FROM job WHERE id = %" PRId64, j.id);
	j.args = arena_dup(
		a, span_of(hubrun_sql(dsn, "SELECT args FROM job WHERE id = %" PRId64, j.id)));
	j.token =
		arena_dup(a, span_of(hubrun_sql(dsn,
				     "SELECT lease_token FROM job WHERE id = %" PRId64, j.id)));
	return j;
}

struct hubrun_verifying {
	const struct hub *hub;
	size_t entries, head;
};

static void
hubrun_verify_ask(struct db_batch *b, void *ctx)
{
	struct hubrun_verifying *v = ctx;

	v->entries = record_after(b, v->hub, 1, 0, 100000, true);
	v->head = record_head_read(b);
}

static void
hubrun_verify_read(const struct db_batch *b, void *ctx)
{
	const struct hubrun_verifying *v = ctx;
	struct record_checkpoint head = {0};
	struct record_entry e;
	struct record_verify rv;

	record_verify_init(&rv, 1);
	for (size_t i = 0; i < db_rows(b, v->entries); i++) {
		check_ok(b->arena, record_row(b, v->entries, i, &e));
		check_ok(b->arena, record_verify_entry(&rv, b->arena, &e));
	}
	check_ok(b->arena, record_head_row(b, v->head, &head));
	check_ok(b->arena, record_verify_head(&rv, b->arena, &head));
}

void
hubrun_verify(struct span dsn)
{
	const struct hub hub = {.authority = SPAN("hub.example")};
	struct hubrun_verifying v = {.hub = &hub};

	dbrun_ok(dsn, hubrun_verify_ask, hubrun_verify_read, &v);
}
