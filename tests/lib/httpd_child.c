#include "lib/httpd_child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "lib/check.h"
#include "net/httpd.h"
#include "task/loop.h"

struct child {
	struct env env;
	struct conf conf;
	struct conf_net_range proxy;
	struct httpd *httpd;
	struct httpd_frozen *page;
	char file[64];
};

struct slow {
	struct loop_timer timer;
	struct httpd_req *req;
};

static size_t
child_body_limit(enum httpd_method m, enum httpd_site site, struct span path, void *arg)
{
	(void)arg;
	return m == HTTPD_POST && site == SITE_MAIN && span_is(path, "/echo") ? 1000 : 0;
}

static void
child_slow(void *arg)
{
	struct slow *s = arg;

	httpd_send(s->req,
		&(const struct httpd_reply){
			.status = 200, .type = SPAN("text/plain"), .body = SPAN("late")});
	free(s);
}

static void
child_file(struct child *c, struct httpd_req *r)
{
	struct arena *a = httpd_arena(r);
	struct span n = httpd_param(r, "n");
	int fd = open(c->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int64_t size = 0;

	if (fd < 0 || !span_i64(n, 0, 100 << 20, &size) || ftruncate(fd, size) != 0) {
		httpd_send_error(r, err_new(a, ERR_INTERNAL, "no file"));
		return;
	}
	httpd_send_file(r, fd, size,
		&(const struct httpd_reply){.status = 200,
			.type = SPAN("application/octet-stream"),
			.etag = SPAN("\"f\"")});
}

static void
child_handle(struct httpd_req *r, void *arg)
{
	static const char *const methods[] = {[HTTPD_GET] = "GET",
		[HTTPD_HEAD] = "HEAD",
		[HTTPD_POST] = "POST",
		[HTTPD_PUT] = "PUT",
		[HTTPD_PATCH] = "PATCH",
		[HTTPD_DELETE] = "DELETE",
		[HTTPD_OPTIONS] = "OPTIONS"};
	struct child *c = arg;
	struct arena *a = httpd_arena(r);
	struct span path = httpd_path(r);
	struct httpd_reply p = {.status = 200, .type = SPAN("text/plain")};

	if (span_is(path, "/page")) {
		httpd_send_frozen(r, c->page);
		return;
	}
	if (span_is(path, "/file")) {
		child_file(c, r);
		return;
	}
	if (span_is(path, "/slow")) {
		struct slow *s = xcalloc(1, sizeof(*s));

		s->req = r;
		loop_timer_set(c->env.loop, &s->timer, 300, child_slow, s);
		return;
	}
	if (span_is(path, "/param")) {
		p.status = 302;
		p.location = httpd_param(r, "to");
	} else {
		p.body = arena_printf(a, "%s\n%.*s\n%.*s\n%.*s\n", methods[httpd_method(r)],
			SPAN_FMT(path), SPAN_FMT(httpd_client(r)), SPAN_FMT(httpd_body(r)));
	}
	httpd_send(r, &p);
}

static void
child_end(void *arg)
{
	struct child *c = arg;

	httpd_drain(c->httpd, 0);
	loop_stop(c->env.loop, 1000);
}

static struct httpd_frozen *
child_page(struct arena *a)
{
	char *body = arena_alloc(a, 5000);

	memset(body, 'x', 5000);
	return httpd_freeze(&(const struct httpd_reply){.status = 200,
		.type = SPAN("text/html"),
		.body = span_from(body, 5000),
		.etag = SPAN("\"p\""),
		.vary = SPAN("Accept")});
}

/* Uses up descriptors until only some are left. */
static void
child_starve(int left)
{
	struct rlimit tight = {.rlim_cur = 256, .rlim_max = 256};
	int fds[256], n = 0;

	(void)setrlimit(RLIMIT_NOFILE, &tight);
	while (n < 256 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	while (left-- > 0 && n > 0)
		(void)close(fds[--n]);
}

static void
child_run(int fd, int free_descriptors)
{
	struct arena *a = arena_new();
	struct child *c = xcalloc(1, sizeof(*c));

	(void)!url_parse(a, SPAN("http://hub.example"), &c->conf.base_url);
	(void)!url_parse(a, SPAN("http://media.example:8081"), &c->conf.media_base_url);
	(void)!conf_range_parse(SPAN("127.43.0.2"), &c->proxy);
	c->conf.trusted_proxies = &c->proxy;
	c->conf.n_trusted_proxies = 1;
	c->env.conf = &c->conf;
	c->env.loop = loop_new(&c->env);
	(void)snprintf(c->file, sizeof(c->file), "/tmp/litfass-httpd.%d", (int)getpid());
	c->page = child_page(a);
	c->httpd = httpd_new(c->env.loop, &(const struct httpd_opts){.conf = &c->conf,
						  .handler = child_handle,
						  .arg = c,
						  .body_limit = child_body_limit});
	httpd_listen(c->httpd, fd);
	loop_on_signal(c->env.loop, SIGTERM, child_end, c);
	if (free_descriptors > 0)
		child_starve(free_descriptors);
	loop_run(c->env.loop);
	httpd_free(c->httpd);
	httpd_frozen_unref(c->page);
	loop_free(c->env.loop);
	(void)unlink(c->file);
	free(c);
	arena_free(a);
}

struct httpd_child
httpd_child_start(int free_descriptors)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct httpd_child c;

	if (inet_pton(AF_INET, HTTPD_CHILD_IP, &sa.sin_addr) != 1 ||
		bind(fd, (struct sockaddr *)(void *)&sa, sizeof(sa)) != 0 ||
		listen(fd, 128) != 0 ||
		getsockname(fd, (struct sockaddr *)(void *)&sa, &n) != 0)
		check_fail("%s cannot be listened on", HTTPD_CHILD_IP);
	c.port = ntohs(sa.sin_port);
	c.pid = fork();
	if (c.pid == 0) {
		child_run(fd, free_descriptors);
		exit(0); /* with the leak check of the sanitizer */
	}
	(void)close(fd);
	return c;
}

bool
httpd_child_stop(struct httpd_child *c)
{
	int status = -1;

	(void)kill(c->pid, SIGTERM);
	(void)waitpid(c->pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double
httpd_child_cpu_s(const struct httpd_child *c)
{
	char path[64], text[1024];
	unsigned long ticks = 0;
	FILE *f;
	char *p;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)c->pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		check_fail("%s cannot be read", path);
	(void)fclose(f);
	p = strrchr(text, ')');
	/* Fields 14 and 15, the name being the second. */
	for (int field = 2; p && field < 14; field++)
		p = strchr(p + 1, ' ');
	for (int i = 0; p && i < 2; i++)
		ticks += strtoul(p, &p, 10);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}
