/*
 * The server against raw bytes: framing, limits, addresses, slow and many connections. Behind
 * every doubtful request stands a second one, which must not be served.
 */
#include "lib/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "lib/httpd_child.h"

#define CLIENT_IP "127.43.0.9"
#define PROXY_IP "127.43.0.2"
#define HOST "Host: hub.example\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"

/* ---- raw exchanges ---- */

struct exchange {
	char text[64 * 1024];
	size_t n;
	int statuses[8];
	size_t n_statuses;
	bool closed;
	int64_t ms;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
dial(const struct httpd_child *c, const char *from)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in me = {.sin_family = AF_INET},
			   to = {.sin_family = AF_INET, .sin_port = htons(c->port)};

	(void)inet_pton(AF_INET, from, &me.sin_addr);
	(void)inet_pton(AF_INET, HTTPD_CHILD_IP, &to.sin_addr);
	if (bind(fd, (struct sockaddr *)(void *)&me, sizeof(me)) != 0 ||
		connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)) != 0)
		check_fail("no connection: %s", strerror(errno));
	return fd;
}

static void
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return; /* the server has closed already: seen when reading */
		p += k;
		n -= (size_t)k;
	}
}

static void
find_statuses(struct exchange *x)
{
	for (const char *p = x->text; (p = strstr(p, "HTTP/1.")) != NULL; p += 8) {
		long status = strtol(p + 8, NULL, 10);

		if (status >= 100 && status < 600 && x->n_statuses < ARRAY_LEN(x->statuses))
			x->statuses[x->n_statuses++] = (int)status;
	}
}

static void
read_all(int fd, struct exchange *x, int patience_ms)
{
	int64_t began = now_ms();

	while (x->n < sizeof(x->text) - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = began + patience_ms - now_ms();
		ssize_t k;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			break;
		k = recv(fd, x->text + x->n, sizeof(x->text) - 1 - x->n, 0);
		if (k <= 0) {
			x->closed = true;
			break;
		}
		x->n += (size_t)k;
	}
	x->text[x->n] = '\0';
	x->ms = now_ms() - began;
	/* NUL bytes in bodies would hide what follows. */
	for (size_t i = 0; i < x->n; i++)
		x->text[i] = (char)(x->text[i] ? x->text[i] : '0');
	find_statuses(x);
}

static void
ask_from(const struct httpd_child *c, const char *from, const char *bytes, size_t n,
	struct exchange *x)
{
	int fd = dial(c, from);

	*x = (struct exchange){0};
	send_all(fd, bytes, n);
	read_all(fd, x, 8000);
	(void)close(fd);
}

static struct exchange *
ask(const struct httpd_child *c, const char *text)
{
	static struct exchange x;

	ask_from(c, CLIENT_IP, text, strlen(text), &x);
	return &x;
}

/* ---- what is refused ---- */

#define GET(headers) "GET /echo HTTP/1.1\r\n" HOST headers "\r\n"
#define POST(headers, body) "POST /echo HTTP/1.1\r\n" HOST headers "\r\n" body
#define X16(s) s s s s s s s s s s s s s s s s
#define X64(s) X16(s) X16(s) X16(s) X16(s)
#define X1024(s) X16(X64(s))

/* Its status; nothing that stands behind it is served. */
static const struct {
	const char *name, *request;
	int status;
} refused[] = {
	{"two different Content-Length",
		POST("Content-Length: 3\r\nContent-Length: 30\r\n", "abc"), 400},
	{"two equal Content-Length", POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
		400},
	{"a sign", POST("Content-Length: +3\r\n", "abc"), 400},
	{"negative", POST("Content-Length: -3\r\n", "abc"), 400},
	{"a list", POST("Content-Length: 3, 3\r\n", "abc"), 400},
	{"hexadecimal", POST("Content-Length: 0x3\r\n", "abc"), 400},
	{"a length without digits", POST("Content-Length: \r\n", "abc"), 400},
	{"a length beyond integers", POST("Content-Length: 99999999999999999999\r\n", "abc"),
		413},
	{"length and coding",
		POST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
	{"xchunked", POST("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400},
	{"identity", POST("Transfer-Encoding: identity\r\n", ""), 400},
	{"quoted", POST("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400},
	{"chunked twice",
		POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
			"0\r\n\r\n"),
		400},
	{"gzip, chunked", POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400},
	{"coding in HTTP/1.0",
		"POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400},
	{"a space before the colon", POST("Content-Length : 3\r\n", "abc"), 400},
	{"an empty name", GET(": x\r\n"), 400},
	{"a name that is no token", GET("Bad(name): x\r\n"), 400},
	{"no colon", GET("Nonsense\r\n"), 400},
	{"a control character in a value", GET("X: a\x01z\r\n"), 400},
	{"no Host", "GET /echo HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", GET(HOST), 400},
	{"a Host with a path", "GET /echo HTTP/1.1\r\nHost: a@b/c\r\n\r\n", 421},
	{"a foreign Host", "GET /echo HTTP/1.1\r\nHost: fremd.example\r\n\r\n", 421},
	{"our Host with another port", "GET /echo HTTP/1.1\r\nHost: hub.example:8080\r\n\r\n",
		421},
	{"our Host with more behind",
		"GET /echo HTTP/1.1\r\nHost: hub.example.evil.example\r\n\r\n", 421},
	{"a foreign absolute target", "GET http://fremd.example/echo HTTP/1.1\r\n" HOST "\r\n",
		400},
	{"https for http", "GET https://hub.example/echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a star", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a target without slash", "GET echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a fragment", "GET /echo#x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"an encoded slash", "GET /echo%2fx HTTP/1.1\r\n" HOST "\r\n", 400},
	{"an encoded backslash", "GET /echo%5Cx HTTP/1.1\r\n" HOST "\r\n", 400},
	{"an encoded NUL", "GET /echo%00x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"an encoded line end", "GET /echo%0d%0aX:%20y HTTP/1.1\r\n" HOST "\r\n", 400},
	{"an encoded DEL", "GET /echo%7f HTTP/1.1\r\n" HOST "\r\n", 400},
	{"bad UTF-8", "GET /echo%ff HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a bad escape", "GET /echo%4 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"dots", "GET /a/../echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"encoded dots", "GET /a/%2e%2E/echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a dot", "GET /./echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"two slashes", "GET //echo HTTP/1.1\r\n" HOST "\r\n", 400},
	{"a backslash", "GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"65 headers", GET(X64("X: y\r\n")), 400},
	{"TRACE", "TRACE /echo HTTP/1.1\r\n" HOST "\r\n", 501},
	{"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 501},
	{"an unknown method", "BREW /echo HTTP/1.1\r\n" HOST "\r\n", 501},
	{"HTTP/1.9", "GET /echo HTTP/1.9\r\n" HOST "\r\n", 505},
	{"HTTP/2.0", "GET /echo HTTP/2.0\r\n" HOST "\r\n", 400},
	{"HTTP/0.9 with a version", "GET /echo HTTP/0.9\r\n" HOST "\r\n", 505},
	{"an absurd version", "GET /echo HTTP/4294967295.255\r\n" HOST "\r\n", 505},
	{"another protocol", "GET /echo SIP/2.0\r\n" HOST "\r\n", 400},
	{"no version", "GET /echo\r\n\r\n", 400},
	{"only a method", "GET\r\n\r\n", 400},
	{"TLS in clear", "\x16\x03\x01\x02 \r\n\r\n", 400},
	{"a body where none belongs",
		"POST /page HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 413},
	{"a body beyond its route's limit", POST("Content-Length: 1024\r\n", X1024("a")), 413},
	{"a body beyond any limit", POST("Content-Length: 2000000\r\n", ""), 413},
};

static void
refuses(void **state)
{
	const struct httpd_child *c = *state;
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		char text[20000];
		struct exchange *x;

		(void)snprintf(text, sizeof(text), "%s%s", refused[i].request, NEXT);
		x = ask(c, text);
		if (x->n_statuses == 1 && x->statuses[0] == refused[i].status && x->closed &&
			x->ms < 5000)
			continue;
		wrong++;
		print_error("%s: %zu answers, first %d, closed %d after %d ms\n%.300s\n",
			refused[i].name, x->n_statuses, x->statuses[0], x->closed, (int)x->ms,
			x->text);
	}
	assert_int_equal(wrong, 0);
}

static void
long_heads(void **state)
{
	static const struct {
		const char *before;
		size_t n;
		const char *behind;
		int status;
	} rows[] = {
		{"GET /", 4095, " HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200},
		{"GET /", 4096, " HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /?", 5000, " HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /echo HTTP/1.1\r\n" HOST "X: ", 15000, "\r\nConnection: close\r\n\r\n",
			200},
		{"GET /echo HTTP/1.1\r\n" HOST "X: ", 17000, "\r\n\r\n", 400},
		{"GET /echo HTTP/1.1\r\n" HOST, 17000, ": x\r\n\r\n", 400},
		{"GET /echo HTTP/1.1\r\n" HOST "X: y\r\n", 17000, "", 400},
	};
	const struct httpd_child *c = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[20000], fill[18000];
		struct exchange *x;

		memset(fill, 'a', rows[i].n);
		(void)snprintf(text, sizeof(text), "%s%.*s%s%s", rows[i].before, (int)rows[i].n,
			fill, rows[i].behind, rows[i].status == 200 ? "" : NEXT);
		x = ask(c, text);
		if (x->n_statuses > 1 || !x->closed || x->statuses[0] != rows[i].status)
			check_fail("%zu bytes behind \"%s\": %zu answers, %.300s", rows[i].n,
				rows[i].before, x->n_statuses, x->text);
	}
}

/*
 * What evhttp takes before our guard can see it, and what becomes of it. Nothing here lets a
 * second request in that the first one hid.
 */
static const struct {
	const char *name;
	struct span request;
	int status;
	size_t answers;
} hidden[] = {
#define BYTES(s)                                                                               \
	{                                                                                      \
		.p = (s), .n = sizeof(s) - 1                                                   \
	}
	{"a folded header is read as one line", BYTES(GET("X-Fold: a\r\n b\r\n")), 200, 2},
	{"LF alone ends a line", BYTES("GET /echo HTTP/1.1\nHost: hub.example\n\n"), 200, 2},
	{"NUL cuts a header value", BYTES(GET("X-Nul: a\0z\r\n")), 200, 2},
	{"chunk size 0x3 is read as 3",
		BYTES(POST("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n")), 200,
		2},
	{"chunk size +3 is read as 3",
		BYTES(POST("Transfer-Encoding: chunked\r\n", "+3\r\nabc\r\n0\r\n\r\n")), 200,
		2},
	{"chunk size with a space before is read",
		BYTES(POST("Transfer-Encoding: chunked\r\n", " 3\r\nabc\r\n0\r\n\r\n")), 200,
		2},
	{"a chunk extension is refused",
		BYTES(POST("Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n0\r\n\r\n")), 413,
		1},
	{"trailers are dropped",
		BYTES(POST("Transfer-Encoding: chunked\r\n",
			"3\r\nabc\r\n0\r\nHost: x\r\nContent-Length: 9\r\n\r\n")),
		200, 2},
};

static void
hidden_from_the_guard(void **state)
{
	const struct httpd_child *c = *state;
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		static struct exchange x;
		char text[4096];
		size_t n = hidden[i].request.n;

		memcpy(text, hidden[i].request.p, n);
		memcpy(text + n, NEXT, sizeof(NEXT) - 1);
		ask_from(c, CLIENT_IP, text, n + sizeof(NEXT) - 1, &x);
		if (x.n_statuses == hidden[i].answers && x.statuses[0] == hidden[i].status &&
			x.closed)
			continue;
		wrong++;
		print_error("%s: %zu answers, first %d, closed %d\n%.300s\n", hidden[i].name,
			x.n_statuses, x.statuses[0], x.closed, x.text);
	}
	assert_int_equal(wrong, 0);
}

static void
takes(void **state)
{
	const struct httpd_child *c = *state;
	struct exchange *x =
		ask(c, GET("") GET("X: y\r\n") POST("Content-Length: 3\r\n", "abc") NEXT);

	assert_int_equal(x->n_statuses, 4); /* pipelined, in order */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(x->statuses[i], 200);
	assert_non_null(strstr(x->text, "POST\n/echo\n" CLIENT_IP "\nabc\n"));
	assert_non_null(strstr(x->text, "GET\n/next\n"));
	x = ask(c,
		POST("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") NEXT);
	assert_non_null(strstr(x->text, "\nabcd\n"));
	x = ask(c,
		"GET http://hub.example/echo?a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	assert_int_equal(x->statuses[0], 200);
	x = ask(c, "GET /%C3%A4%20b HTTP/1.1\r\nhost: HUB.example:80\r\nConnection: "
		   "close\r\n\r\n");
	assert_non_null(strstr(x->text, "GET\n/\xc3\xa4 b\n"));
	x = ask(c, "GET /echo HTTP/1.0\r\n" HOST "\r\n");
	assert_int_equal(x->statuses[0], 200);
	assert_true(x->closed);
	x = ask(c, "GET /x HTTP/1.1\r\nHost: media.example:8081\r\nConnection: close\r\n\r\n");
	assert_int_equal(x->statuses[0], 200);
}

/* Who asks before sending a body is told to go on; who does not wait needs no word. */
static void
expects_continue(void **state)
{
	const struct httpd_child *c = *state;
	const char *head =
		POST("Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n", "");
	static struct exchange x;
	int fd = dial(c, CLIENT_IP);

	x = (struct exchange){0};
	send_all(fd, head, strlen(head));
	while (!strstr(x.text, "\r\n\r\n")) {
		ssize_t n = recv(fd, x.text + x.n, 100, 0);

		assert_true(n > 0);
		x.n += (size_t)n;
	}
	assert_true(strncmp(x.text, "HTTP/1.1 100 ", 13) == 0);
	send_all(fd, "abc", 3);
	read_all(fd, &x, 5000);
	(void)close(fd);
	assert_int_equal(x.n_statuses, 2);
	assert_int_equal(x.statuses[1], 200);
	assert_int_equal(ask(c, POST("Content-Length: 3\r\nExpect: 100-continue\r\n"
				     "Connection: close\r\n",
					"abc"))
				 ->statuses[0],
		200);
}

static void
head_has_no_body(void **state)
{
	const struct httpd_child *c = *state;
	struct exchange *x =
		ask(c, "HEAD /page HTTP/1.1\r\n" HOST "\r\nHEAD /echo HTTP/1.1\r\n" HOST
		       "\r\nHEAD /none%2f HTTP/1.1\r\n" HOST "\r\n");

	assert_int_equal(x->n_statuses, 3);
	assert_non_null(strstr(x->text, "Content-Length: 5000\r\n"));
	assert_null(strstr(x->text, "xxxx"));
	assert_null(strstr(x->text, "HEAD\n"));
	assert_null(strstr(x->text, "encoded"));
	assert_true(x->closed); /* the last one was in doubt */
}

/* A stranger's text in a header of ours never begins a line of its own, and harms nobody. */
static void
header_values_stay_in_line(void **state)
{
	const struct httpd_child *c = *state;
	struct exchange *x =
		ask(c, "GET /param?to=%2fx%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\n" HOST
		       "\r\nGET /param?to=%2fok HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");

	assert_int_equal(x->n_statuses, 2);
	assert_null(strstr(x->text, "\nSet-Cookie"));
	assert_non_null(strstr(x->text, "Location: /ok\r\n"));
}

static void
knows_its_client(void **state)
{
	static const struct {
		const char *from, *headers, *client;
	} rows[] = {
		{CLIENT_IP, "", CLIENT_IP},
		{CLIENT_IP, "X-Forwarded-For: 192.0.2.1\r\n", CLIENT_IP},
		{PROXY_IP, "", PROXY_IP},
		{PROXY_IP, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
		{PROXY_IP, "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
		{PROXY_IP, "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "192.0.2.1"},
		{PROXY_IP, "X-Forwarded-For: 6.6.6.6, 192.0.2.1, " PROXY_IP "\r\n",
			"192.0.2.1"},
		{PROXY_IP, "X-Forwarded-For: " PROXY_IP "\r\n", PROXY_IP},
		/* What the proxy added stands last, also as a line of its own. */
		{PROXY_IP, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1\r\n",
			"192.0.2.1"},
		{PROXY_IP, "X-Forwarded-For: 192.0.2.1, unknown\r\n", PROXY_IP},
		{PROXY_IP, "X-Forwarded-For: 192.0.2.0/24\r\n", PROXY_IP},
		{PROXY_IP, "X-Forwarded-For: \r\n", PROXY_IP},
		{PROXY_IP, "X-Forwarded-For: 192.0.2.1:80\r\n", PROXY_IP},
	};
	const struct httpd_child *c = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static struct exchange x;
		char text[1000], want[100];

		(void)snprintf(text, sizeof(text),
			"GET /echo HTTP/1.1\r\n" HOST "%sConnection: close\r\n\r\n",
			rows[i].headers);
		(void)snprintf(want, sizeof(want), "GET\n/echo\n%s\n", rows[i].client);
		ask_from(c, rows[i].from, text, strlen(text), &x);
		if (!strstr(x.text, want))
			check_fail(
				"from %s with %s: %s", rows[i].from, rows[i].headers, x.text);
	}
}

static void
entity_tags_and_gzip(void **state)
{
	static const struct {
		const char *headers, *has, *has_not;
		int status;
	} rows[] = {
		{"", "ETag: \"p\"\r\n", "Content-Encoding", 200},
		{"", "Vary: Accept, Accept-Encoding\r\n", NULL, 200},
		{"Accept-Encoding: gzip\r\n", "ETag: \"p-gz\"\r\n", "xxxx", 200},
		{"Accept-Encoding: gzip;q=0\r\n", "xxxx", "Content-Encoding", 200},
		{"Accept-Encoding: gzip;q=0.000\r\n", "xxxx", "Content-Encoding", 200},
		{"Accept-Encoding: br, gzip; q=0.5\r\n", "Content-Encoding: gzip\r\n", NULL,
			200},
		{"If-None-Match: \"p\"\r\n", "ETag: \"p\"\r\n", "xxxx", 304},
		{"If-None-Match: W/\"p\"\r\n", NULL, "xxxx", 304},
		{"If-None-Match: \"a\", \"p\"\r\n", NULL, "xxxx", 304},
		{"If-None-Match: *\r\n", NULL, "xxxx", 304},
		{"If-None-Match: \"q\"\r\n", "xxxx", NULL, 200},
		{"If-None-Match: \"p\"\r\nAccept-Encoding: gzip\r\n", NULL, NULL, 200},
		{"If-None-Match: \"p-gz\"\r\nAccept-Encoding: gzip\r\n", NULL, NULL, 304},
	};
	const struct httpd_child *c = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1000];
		struct exchange *x;

		(void)snprintf(text, sizeof(text),
			"GET /page HTTP/1.1\r\n" HOST "%sConnection: close\r\n\r\n",
			rows[i].headers);
		x = ask(c, text);
		if (x->statuses[0] != rows[i].status ||
			(rows[i].has && !strstr(x->text, rows[i].has)) ||
			(rows[i].has_not && strstr(x->text, rows[i].has_not)))
			check_fail("%s: %.400s", rows[i].headers, x->text);
	}
}

static void
ranges(void **state)
{
	static const struct {
		const char *n, *headers;
		int status;
		const char *has;
	} rows[] = {
		{"1000", "", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=0-9\r\n", 206, "Content-Range: bytes 0-9/1000\r\n"},
		{"1000", "Range: bytes=990-\r\n", 206, "Content-Range: bytes 990-999/1000\r\n"},
		{"1000", "Range: bytes=-10\r\n", 206, "Content-Range: bytes 990-999/1000\r\n"},
		{"1000", "Range: bytes=-5000\r\n", 206, "Content-Range: bytes 0-999/1000\r\n"},
		{"1000", "Range: bytes=5-5000\r\n", 206, "Content-Range: bytes 5-999/1000\r\n"},
		{"1000", "Range: bytes=1000-\r\n", 416, "Content-Range: bytes */1000\r\n"},
		{"1000", "Range: bytes=-0\r\n", 416, "Content-Range: bytes */1000\r\n"},
		{"1000", "Range: bytes=9-5\r\n", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=0-1,5-6\r\n", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=x-\r\n", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=-\r\n", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: lines=0-9\r\n", 200, "Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=99999999999999999999-\r\n", 200,
			"Content-Length: 1000\r\n"},
		{"1000", "Range: bytes=0-9\r\nIf-Range: \"f\"\r\n", 206, "bytes 0-9/1000\r\n"},
		{"1000", "Range: bytes=0-9\r\nIf-Range: \"old\"\r\n", 200,
			"Content-Length: 1000\r\n"},
		{"1000", "If-None-Match: \"f\"\r\nRange: bytes=0-9\r\n", 304,
			"ETag: \"f\"\r\n"},
		{"0", "", 200, "Content-Length: 0\r\n"},
		{"0", "Range: bytes=0-\r\n", 416, "Content-Range: bytes */0\r\n"},
		{"0", "Range: bytes=-5\r\n", 416, "Content-Range: bytes */0\r\n"},
	};
	const struct httpd_child *c = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1000];
		struct exchange *x;

		(void)snprintf(text, sizeof(text),
			"GET /file?n=%s HTTP/1.1\r\n" HOST "%sConnection: close\r\n\r\n",
			rows[i].n, rows[i].headers);
		x = ask(c, text);
		if (x->statuses[0] != rows[i].status || !strstr(x->text, rows[i].has) ||
			!x->closed)
			check_fail("%s of %s: %.500s", rows[i].headers, rows[i].n, x->text);
	}
}

/* RFC 9110 14.2: a range is of GET alone. */
static void
head_has_no_range(void **state)
{
	const struct httpd_child *c = *state;
	struct exchange *x = ask(c, "HEAD /file?n=1000 HTTP/1.1\r\n" HOST
				    "Range: bytes=99999-\r\nConnection: close\r\n\r\n");

	assert_int_equal(x->statuses[0], 200);
	assert_non_null(strstr(x->text, "Content-Length: 1000\r\n"));
}

static void
large_files_arrive_whole(void **state)
{
	const struct httpd_child *c = *state;
	int fd = dial(c, CLIENT_IP);
	char buf[65536];
	size_t total = 0;
	ssize_t k;
	const char *text = "GET /file?n=20000000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";

	send_all(fd, text, strlen(text));
	while ((k = recv(fd, buf, sizeof(buf), 0)) > 0)
		total += (size_t)k;
	(void)close(fd);
	assert_true(total > 20000000 && total < 20002000);
}

/* ---- clients that leave ---- */

static void
clients_leave(void **state)
{
	const struct httpd_child *c = *state;
	static const char *const parts[] = {"", "G", "GET /echo HTTP/1.1\r\nHo",
		"GET /slow HTTP/1.1\r\n" HOST "\r\n", POST("Content-Length: 500\r\n", "abc"),
		"GET /file?n=50000000 HTTP/1.1\r\n" HOST "\r\n"};

	for (size_t i = 0; i < 4 * ARRAY_LEN(parts); i++) {
		const struct linger now = {.l_onoff = 1, .l_linger = 0};
		int fd = dial(c, CLIENT_IP);
		const char *text = parts[i % ARRAY_LEN(parts)];

		send_all(fd, text, strlen(text));
		if (i % 2)
			(void)usleep(20000);
		if (i % 4 > 1)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		(void)close(fd);
	}
	(void)usleep(400000); /* until the late answers have come */
	assert_int_equal(ask(c, NEXT)->statuses[0], 200);
}

static void
answers_late(void **state)
{
	const struct httpd_child *c = *state;
	struct exchange *x = ask(c, "GET /slow HTTP/1.1\r\n" HOST "\r\n" NEXT);

	assert_int_equal(x->n_statuses, 2);
	assert_non_null(strstr(x->text, "late"));
	assert_true(x->ms >= 250);
}

/* ---- many and slow connections ---- */

static void
caps_one_address(void **state)
{
	const struct httpd_child *c = *state;
	int fds[50], open = 0, fd;
	char byte;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(c, "127.43.0.20");
		send_all(fds[i], "G", 1);
	}
	(void)usleep(500000);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		open += recv(fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
	assert_int_equal(open, 32);
	assert_int_equal(ask(c, NEXT)->statuses[0], 200); /* another one is served */
	/* A trusted proxy speaks for many. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		(void)close(fds[i]);
		fds[i] = dial(c, PROXY_IP);
		send_all(fds[i], "G", 1);
	}
	(void)usleep(300000);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		assert_true(
			recv(fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN);
		(void)close(fds[i]);
	}
	/* The first address may come again at once. */
	fd = dial(c, "127.43.0.20");
	send_all(fd, NEXT, strlen(NEXT));
	assert_true(recv(fd, &byte, 1, 0) == 1);
	(void)close(fd);
}

/* One connection after the other, as fast as it goes, is never many at a time. */
static void
quick_clients_are_not_many(void **state)
{
	const struct httpd_child *c = *state;

	for (int i = 0; i < 300; i++)
		assert_int_equal(ask(c, NEXT)->statuses[0], 200);
}

#define DRIPPERS 30

/*
 * Heads and bodies that come a byte at a time are cut when their time is over, not when they
 * pause; meanwhile everybody else is served.
 */
static void
dripping_is_cut(void **state)
{
	static const char *const begin[] = {
		"GET /echo HTTP/1.1\r\n" HOST "X: ", POST("Content-Length: 900\r\n", ""),
		"GET /echo HTTP/1.1\r\n", "GET /", POST("Transfer-Encoding: chunked\r\n", "")};
	const struct httpd_child *c = *state;
	int fds[DRIPPERS], open = DRIPPERS;
	int64_t began = now_ms(), first = 0, last = 0;

	for (size_t i = 0; i < DRIPPERS; i++) {
		const char *text = begin[i % ARRAY_LEN(begin)];

		fds[i] = dial(c, "127.43.0.30");
		send_all(fds[i], text, strlen(text));
	}
	while (open > 0 && now_ms() - began < 20000) {
		int64_t asked = now_ms();

		assert_int_equal(ask(c, NEXT)->statuses[0], 200);
		assert_true(now_ms() - asked < 2000);
		(void)usleep(400000);
		for (size_t i = 0; i < DRIPPERS; i++) {
			char buf[2000];

			if (fds[i] < 0)
				continue;
			(void)send(fds[i], "1", 1, MSG_NOSIGNAL);
			while (recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT) > 0)
				;
			if (errno == EAGAIN)
				continue;
			(void)close(fds[i]);
			fds[i] = -1;
			open--;
			first = first ? first : now_ms() - began;
			last = now_ms() - began;
		}
	}
	assert_int_equal(open, 0);
	assert_true(first >= 9000);
	assert_true(last <= 15000);
}

/* No descriptor is left: accepting pauses instead of spinning, and goes on afterwards. */
static void
out_of_descriptors(void **state)
{
	struct httpd_child c = httpd_child_start(12);
	int fds[40];
	double cpu;
	struct exchange *x;

	(void)state;
	assert_int_equal(ask(&c, NEXT)->statuses[0], 200);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial(&c, i % 2 ? "127.43.0.40" : "127.43.0.41");
	(void)usleep(300000);
	cpu = httpd_child_cpu_s(&c);
	(void)usleep(1500000);
	cpu = httpd_child_cpu_s(&c) - cpu;
	assert_true(cpu < 0.4);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
	x = ask(&c, NEXT);
	assert_int_equal(x->statuses[0], 200);
	assert_true(httpd_child_stop(&c));
}

/* ---- the server ---- */

static int
setup(void **state)
{
	struct httpd_child *c = xcalloc(1, sizeof(*c));

	(void)sigaction(SIGPIPE, &(const struct sigaction){.sa_handler = SIG_IGN}, NULL);
	*c = httpd_child_start(0);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	struct httpd_child *c = *state;
	bool ended = httpd_child_stop(c);

	free(c);
	if (!ended)
		print_error("the server did not end in order\n");
	return ended ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(long_heads),
		cmocka_unit_test(hidden_from_the_guard),
		cmocka_unit_test(takes),
		cmocka_unit_test(expects_continue),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(header_values_stay_in_line),
		cmocka_unit_test(knows_its_client),
		cmocka_unit_test(entity_tags_and_gzip),
		cmocka_unit_test(ranges),
		cmocka_unit_test(head_has_no_range),
		cmocka_unit_test(large_files_arrive_whole),
		cmocka_unit_test(clients_leave),
		cmocka_unit_test(answers_late),
		cmocka_unit_test(caps_one_address),
		cmocka_unit_test(quick_clients_are_not_many),
		cmocka_unit_test(dripping_is_cut),
		cmocka_unit_test(out_of_descriptors),
	};

	return cmocka_run_group_tests_name("httpd", tests, setup, teardown);
}
