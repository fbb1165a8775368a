/*
 * litfass-media: decodes strangers' pictures for litfassd, which starts it and speaks to it on
 * descriptors 0 and 1 as task/proc.h and media/frame.h say. It has no other business: without
 * a socket it ends.
 *
 * The program itself never looks into a picture. For each request it has a process of its own
 * decode it, more confined than itself, and hands its answer on; whatever that process does or
 * suffers, the next picture meets a fresh one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "media/frame.h"
#include "media/helper/sandbox.h"
#include "media/helper/transform.h"

struct decoder {
	pid_t pid;
	int fd; /* its answer comes here */
	int64_t end_ms;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- descriptors ---- */

static bool
read_all(int fd, char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t put = write(fd, s.p, s.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		s = span_slice(s, (size_t)put, s.n);
	}
	return true;
}

static bool
read_request(struct arena *a, struct span *out)
{
	unsigned char head[4];
	size_t n;
	char *p;

	if (!read_all(0, (char *)head, sizeof(head)))
		return false;
	n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (n > FRAME_REQUEST_MAX)
		return false;
	p = arena_alloc(a, n);
	*out = span_from(p, n);
	return read_all(0, p, n);
}

static bool
write_reply(struct span s)
{
	const char head[4] = {(char)(s.n >> 24 & 255), (char)(s.n >> 16 & 255),
		(char)(s.n >> 8 & 255), (char)(s.n & 255)};

	return write_all(1, span_from(head, sizeof(head))) && write_all(1, s);
}

/* ---- the process that decodes ---- */

static _Noreturn void
decode(struct arena *a, struct span request, int fd, unsigned cpu_s)
{
	struct frame_request r;
	struct frame_reply reply;
	struct buf b;

	/* All it keeps is the picture and the way out. */
	if (close(0) != 0 || close(1) != 0 || !sandbox_enter(SANDBOX_DECODER, cpu_s))
		_exit(2);
	if (frame_request_get(request, &r))
		transform(a, &r, &reply);
	else
		reply = (struct frame_reply){.status = FRAME_FAILED,
			.reason = SPAN("the helper does not understand the request")};
	buf_init(&b, FRAME_REPLY_MAX);
	frame_reply_put(&b, &reply);
	if (b.toobig) {
		buf_reset(&b);
		reply = (struct frame_reply){.status = FRAME_REFUSED,
			.reason = SPAN("it is too large even when made smaller")};
		frame_reply_put(&b, &reply);
	}
	_exit(write_all(fd, buf_span(&b)) ? 0 : 2);
}

static bool
decoder_start(struct decoder *d, struct arena *a, struct span request, unsigned cpu_s)
{
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	d->pid = fork();
	if (d->pid == 0) {
		(void)close(ends[0]);
		/* The server kills the helper when it takes too long: nothing may be left over.
		 */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
			_exit(2);
		decode(a, request, ends[1], cpu_s);
	}
	(void)close(ends[1]);
	d->fd = ends[0];
	d->end_ms = now_ms() + (cpu_s + FRAME_WALL_S - FRAME_CPU_S) * INT64_C(1000);
	return d->pid > 0;
}

/* Reads until the other end is closed or says too much; false when its time is over. */
static bool
decoder_read(struct decoder *d, struct buf *b)
{
	static char chunk[65536];

	for (;;) {
		struct pollfd p = {.fd = d->fd, .events = POLLIN};
		int64_t left = d->end_ms - now_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (b->toobig)
			return true;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(d->fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		buf_add(b, span_from(chunk, (size_t)n));
	}
}

/* Whose end of the pipe has closed is ending already, and keeps the status it ends with. */
static int
decoder_end(struct decoder *d)
{
	int status = 0;

	(void)close(d->fd);
	(void)kill(d->pid, SIGKILL);
	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/*
 * What a process that gave no answer left unsaid. Its own end is the picture's fault. SIGKILL
 * is no end of its own: somebody took it away, such as a kernel that is short of memory, and
 * the next try may fare better.
 */
static struct frame_reply
decoder_obituary(bool in_time, bool too_long, int status)
{
	const int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	struct frame_reply r = {.status = FRAME_REFUSED};

	if (!in_time || signo == SIGXCPU) {
		r.reason = SPAN("decoding it takes too long");
	} else if (signo == SIGSYS) {
		r.reason = SPAN("decoding it tried something that is forbidden");
	} else if (signo == SIGKILL && !too_long) {
		r.status = FRAME_FAILED;
		r.reason = SPAN("decoding it was interrupted: the decoder was killed");
	} else if (signo || WEXITSTATUS(status) != 2) {
		r.reason = SPAN("decoding it crashed, probably for lack of memory");
	} else {
		r.status = FRAME_FAILED;
		r.reason = SPAN("the decoder could not be confined");
	}
	return r;
}

/* ---- the program ---- */

static bool
serve(struct arena *a, unsigned cpu_s)
{
	struct decoder d;
	struct span request;
	struct frame_reply reply;
	struct buf b;
	bool in_time, sent;
	int status;

	if (!read_request(a, &request) || !decoder_start(&d, a, request, cpu_s))
		return false;
	buf_init(&b, FRAME_REPLY_MAX);
	in_time = decoder_read(&d, &b);
	status = decoder_end(&d);
	if (!in_time || status != 0 || !frame_reply_get(buf_span(&b), &reply)) {
		reply = decoder_obituary(in_time, b.toobig, status);
		buf_reset(&b);
		frame_reply_put(&b, &reply);
	}
	sent = write_reply(buf_span(&b));
	buf_fini(&b);
	return sent;
}

int
main(int argc, char **argv)
{
	uint64_t cpu_s = FRAME_CPU_S;

	if (argc > 2 || (argc == 2 && (!span_u64(span_of(argv[1]), FRAME_CPU_S, &cpu_s) ||
					      cpu_s == 0))) {
		(void)fputs(
			"usage: litfass-media [CPU-SECONDS], started by litfassd\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (!transform_init(argv[0]) || !sandbox_enter(SANDBOX_HELPER, 0)) {
		(void)fputs("litfass-media: cannot confine itself\n", stderr);
		return 1;
	}
	for (bool on = true; on;) {
		struct arena *a = arena_new();

		on = serve(a, (unsigned)cpu_s);
		arena_free(a);
	}
	_exit(0); /* what a sanitizer does at the end is not in the sandbox's list */
}
