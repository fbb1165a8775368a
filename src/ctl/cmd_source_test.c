#include <stdio.h>

#include "connector/connector.h"
#include "ctl/cmd.h"
#include "markup/sanitize.h"

#define TEST_FEEDS_MAX 5 /* named by a page */

struct source_test {
	struct source source;
	struct http_call call;
	struct ingest found;
	struct span feeds[16]; /* to try one after the other */
	size_t n_feeds, next_feed;
	const struct err *why; /* what to say when none of them does */
};

static step_fn source_test_start, source_test_ask, source_test_read, source_test_next;

static const struct flow source_test_flow = {
	.name = "ctl.source_test",
	.size = sizeof(struct source_test),
	.deadline_ms = 180000,
	.first = source_test_start,
	.failed = cmd_flow_failed,
};

static struct next
source_test_start(struct task *t)
{
	struct cmd_call *c = cmd_call_of(t);
	struct source_test *s = task_state(t);
	struct url url;
	const struct err *e = url_parse(task_arena(t), c->args[0], &url);

	if (e)
		return fail(t, e);
	s->source = (struct source){
		.url = url.text,
		.connector = SPAN("feed"),
		.settings = SPAN("{}"),
		.account_slug = SPAN("test"),
		.account_language = SPAN("de"),
		.connected_us = TIME_NONE,
		.moved_us = TIME_NONE,
	};
	return go(t, source_test_ask);
}

static struct next
source_test_ask(struct task *t)
{
	struct source_test *s = task_state(t);
	const struct err *e = connector_feed.request(task_arena(t), &s->source, &s->call);

	return e ? fail(t, e) : await_http(t, &s->call, source_test_read);
}

/* The values of all Link headers; the client limits how long they are together. */
static size_t
source_test_links(struct arena *a, const struct http_call *c, struct span **out)
{
	size_t n = 0;

	*out = ARENA_ARRAY(a, c->n_reply_headers, struct span);
	for (size_t i = 0; i < c->n_reply_headers; i++)
		if (span_is_nocase(c->reply_headers[i].name, "link"))
			(*out)[n++] = c->reply_headers[i].value;
	return n;
}

/*
 * What the answer names first, then, for a page, where such systems usually have it. The head
 * of any answer may name feeds. Plain JSON is more often an interface than a feed, so it does
 * not keep us from the usual places.
 */
static void
source_test_feeds(struct task *t, bool is_page)
{
	static const char *const guesses[] = {"/feed/", "/feed.xml", "/rss.xml", "/atom.xml",
		"/index.xml", "/rss", "/feed.json"};
	struct source_test *s = task_state(t);
	struct html_feed named[TEST_FEEDS_MAX];
	struct span *links;
	const size_t n_links = source_test_links(task_arena(t), &s->call, &links);
	const size_t n = html_feeds(task_arena(t), is_page ? s->call.reply : SPAN(""),
		&s->call.final, links, n_links, named, TEST_FEEDS_MAX);
	bool guess = is_page;

	for (size_t i = 0; i < n; i++) {
		s->feeds[s->n_feeds++] = named[i].url;
		guess = guess && span_is(named[i].type, "application/json");
	}
	for (size_t i = 0; guess && i < ARRAY_LEN(guesses); i++) {
		struct url u;
		const struct err *e =
			url_resolve(task_arena(t), &s->call.final, span_of(guesses[i]), &u);

		if (!e)
			s->feeds[s->n_feeds++] = u.text;
	}
}

static json_t *
source_test_media(const struct ingest_post *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_media; i++)
		(void)json_array_append_new(list,
			json_pack("{s:o, s:o, s:o}", "url", json_str(p->media[i].url), "type",
				json_str(p->media[i].type), "alt", json_str(p->media[i].alt)));
	return list;
}

static json_t *
source_test_item(struct cmd_call *c, const struct source *s, const struct ingest_item *it)
{
	const int64_t now = clock_us();
	struct ingest_post p = {0};
	struct ingest_verdict v;
	json_t *tags = json_array(), *j;

	ingest_normalise(c->arena, &c->hub, s, it, now, &p);
	v = ingest_decide(&c->hub, s, it, &p, NULL, now);
	for (size_t i = 0; i < p.n_tags; i++)
		(void)json_array_append_new(tags, json_str(p.tags[i]));
	j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s?}", "remote_id",
		json_str(p.remote_id), "url", json_str(p.url), "title", json_str(p.title),
		"published_at", cmd_json_time(p.published_us), "language", json_str(p.language),
		"text", json_str(p.text), "content", json_str(p.html.html), "tags", tags,
		"media", source_test_media(&p), "archive", (int)v.archive, "reason", v.reason);
	assert(j);
	return j;
}

static void
source_test_say(struct task *t)
{
	static const struct cmd_column cols[] = {
		{"published_at", "PUBLISHED", CMD_TIME},
		{"title", "TITLE", CMD_TEXT},
		{"url", "URL", CMD_TEXT},
	};
	struct cmd_call *c = cmd_call_of(t);
	struct source_test *s = task_state(t);
	const struct ingest *in = &s->found;
	json_t *items = json_array(), *bad = json_array();

	for (size_t i = 0; i < in->n_items; i++)
		(void)json_array_append_new(
			items, source_test_item(c, &s->source, &in->items[i]));
	for (size_t i = 0; i < in->n_bad; i++)
		(void)json_array_append_new(
			bad, json_pack("{s:o, s:o}", "key", json_str(in->bad[i].key), "error",
				     json_str(in->bad[i].error)));
	if (c->json) {
		cmd_said(c,
			json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "url",
				json_str(s->call.final.text), "title", json_str(in->title),
				"language", json_str(in->language), "recovered",
				(int)in->recovered, "older_url", json_str(in->older), "items",
				items, "bad", bad),
			"%s", "");
		return;
	}
	(void)printf("%.*s\n%.*s\n%zu items%s", SPAN_FMT(in->title),
		SPAN_FMT(s->call.final.text), in->n_items,
		in->recovered ? ", ill-formed but readable" : "");
	if (in->n_bad)
		(void)printf(", %zu cannot be used, e.g. %.*s", in->n_bad,
			SPAN_FMT(in->bad[0].error));
	if (in->older.n)
		(void)printf("\nolder items at %.*s", SPAN_FMT(in->older));
	(void)printf("\n\n");
	json_decref(bad);
	cmd_list(c, items, cols, ARRAY_LEN(cols));
}

/* What was asked for is no feed: does it lead to one? */
static struct next
source_test_search(struct task *t, const struct err *e)
{
	struct source_test *s = task_state(t);
	struct arena *a = task_arena(t);
	const bool answered = http_verdict(&s->call) == VERDICT_OK;
	const bool is_page = answered && e->kind == ERR_NOT_ACCEPTABLE;

	if (answered)
		source_test_feeds(t, is_page);
	s->why = e;
	if (is_page)
		s->why = err_new(a, ERR_NOT_ACCEPTABLE,
			"%.*s is a page that leads to no feed; give the address of the feed "
			"itself",
			SPAN_FMT(s->call.final.text));
	else if (e->kind == ERR_INPUT) /* the address was right; what stands there is not */
		s->why = err_new(a, ERR_NOT_ACCEPTABLE, "%.*s", SPAN_FMT(err_text(a, e)));
	return go(t, source_test_next);
}

static struct next
source_test_read(struct task *t)
{
	struct source_test *s = task_state(t);
	const struct err *e;

	if (http_verdict(&s->call) != VERDICT_OK)
		e = http_error(task_arena(t), &s->call);
	else
		e = connector_feed.parse(
			task_arena(t), &s->source, &s->call, clock_us(), &s->found);
	if (!e) {
		source_test_say(t);
		return done(t);
	}
	/* Of several feeds one may not do. */
	return s->n_feeds ? go(t, source_test_next) : source_test_search(t, e);
}

static struct next
source_test_next(struct task *t)
{
	struct source_test *s = task_state(t);

	if (s->next_feed == s->n_feeds)
		return fail(t, s->why);
	s->source.url = s->feeds[s->next_feed++];
	return go(t, source_test_ask);
}

const struct cmd cmd_source_test = {
	.noun = "source",
	.verb = "test",
	.args = "URL",
	.summary = "Shows what a feed would bring, storing nothing",
	.help = "A web page is searched for the feeds that it or its Link header names, then "
		"for\n"
		"the usual places.",
	.min_args = 1,
	.max_args = 1,
	.needs = CMD_NEEDS_CONF | CMD_NEEDS_HTTP,
	.flow = &source_test_flow,
};
