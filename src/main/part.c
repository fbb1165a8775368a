#include "main/part.h"

#include <string.h>

static const char *const part_names[] = {"database", "prepare", "worker"};

const char *
part_name(struct arena *a, const struct part_args *p)
{
	switch (p->part) {
	case PART_DATABASE:
		return "litfass-db";
	case PART_PREPARE:
		return "litfass-prepare";
	default:
		return arena_printf(a, "litfassd-%d", p->slot).p;
	}
}

static void
part_number(struct arena *a, struct child_spec *s, const char *key, int v)
{
	child_arg(s, arena_printf(a, "%s=%d", key, v).p);
}

void
part_write(struct arena *a, const struct part_args *p, struct child_spec *s)
{
	child_arg(s, PART_FLAG);
	child_arg(s, part_names[p->part]);
	part_number(a, s, "conf", p->conf_fd);
	child_arg(s, arena_printf(a, "path=%.*s", SPAN_FMT(p->conf_path)).p);
	if (p->name.n)
		child_arg(s, arena_printf(a, "name=%.*s", SPAN_FMT(p->name)).p);
	if (p->part == PART_PREPARE) {
		part_number(a, s, "what", (int)p->what);
		part_number(a, s, "crashed", p->crashed);
	}
	if (p->part != PART_WORKER)
		return;
	part_number(a, s, "slot", p->slot);
	part_number(a, s, "pipe", p->pipe);
	part_number(a, s, "listen", p->listen);
	part_number(a, s, "n_listen", p->n_listen);
	if (p->metrics >= 0)
		part_number(a, s, "metrics", p->metrics);
}

static bool
part_number_read(struct part_args *out, struct span key, struct span value)
{
	int64_t v;

	if (!span_i64(value, 0, 4096, &v))
		return false;
	if (span_is(key, "conf"))
		out->conf_fd = (int)v;
	else if (span_is(key, "what") && v <= PREPARE_RELEASE)
		out->what = (enum prepare_what)v;
	else if (span_is(key, "crashed"))
		out->crashed = v != 0;
	else if (span_is(key, "slot"))
		out->slot = (int)v;
	else if (span_is(key, "pipe"))
		out->pipe = (int)v;
	else if (span_is(key, "metrics"))
		out->metrics = (int)v;
	else if (span_is(key, "listen"))
		out->listen = (int)v;
	else if (span_is(key, "n_listen") && v <= CONF_LISTEN_MAX)
		out->n_listen = (int)v;
	else
		return false;
	return true;
}

bool
part_read(struct arena *a, int argc, char **argv, struct part_args *out)
{
	size_t part = 0;

	*out = (struct part_args){.conf_fd = -1, .pipe = -1, .metrics = -1};
	if (argc < 3 || strcmp(argv[1], PART_FLAG) != 0)
		return false;
	while (part < ARRAY_LEN(part_names) && strcmp(argv[2], part_names[part]) != 0)
		part++;
	if (part == ARRAY_LEN(part_names))
		return false;
	out->part = (enum part)part;
	for (int i = 3; i < argc; i++) {
		struct span value = span_of(argv[i]), key;

		if (!span_cut(&value, '=', &key) || !value.p)
			return false;
		if (span_is(key, "path"))
			out->conf_path = arena_dup(a, value);
		else if (span_is(key, "name"))
			out->name = arena_dup(a, value);
		else if (!part_number_read(out, key, value))
			return false;
	}
	return out->conf_fd >= 0 && (out->part != PART_WORKER || out->pipe >= 0);
}
