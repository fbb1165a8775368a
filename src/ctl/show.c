#include "ctl/show.h"

#include "hub/link.h"

static void
show_put(json_t *j, const char *key, json_t *value)
{
	(void)json_object_set_new(j, key, value);
}

json_t *
show_account(struct cmd_call *c, const struct account *acc)
{
	json_t *j = json_object();

	show_put(j, "id", cmd_json_id(acc->id));
	show_put(j, "slug", json_str(acc->slug));
	show_put(j, "handle", json_str(link_handle(c->arena, &c->hub, acc)));
	show_put(j, "name", json_str(acc->name));
	show_put(j, "kind", json_str(acc->org_kind));
	show_put(j, "summary", json_str(acc->summary));
	show_put(j, "website", json_str(acc->website));
	show_put(j, "language", json_str(acc->language));
	show_put(j, "claimed", json_boolean(acc->claimed));
	show_put(j, "url", json_str(link_profile(c->arena, &c->hub, acc->slug)));
	show_put(j, "uri", json_str(link_actor(c->arena, &c->hub, acc, LINK_SELF)));
	show_put(j, "statuses_count", json_integer(acc->posts_count));
	show_put(j, "followers_count", json_integer(acc->followers_count));
	show_put(j, "last_status_at", cmd_json_time(acc->last_post_us));
	show_put(j, "created_at", cmd_json_time(acc->created_us));
	return j;
}

/* The newest items matter more than the oldest. */
static json_t *
show_source_text(const struct source *s)
{
	if (s->health_text.n || !s->backfill_error.n)
		return json_str(s->health_text);
	return json_sprintf("older items %s: %.*s",
		s->backfill_url.p ? "are still to come" : "are missing",
		SPAN_FMT(s->backfill_error));
}

json_t *
show_source(const struct source *s)
{
	json_t *j = json_object();

	show_put(j, "id", cmd_json_id(s->id));
	show_put(j, "org", json_str(s->account_slug));
	show_put(j, "connector", json_str(s->connector));
	show_put(j, "url", json_str(s->url));
	show_put(j, "language", json_str(s->language));
	show_put(j, "state", json_str(s->state));
	show_put(j, "health", json_str(s->health));
	show_put(j, "health_text", show_source_text(s));
	show_put(j, "posts", json_integer(s->posts));
	show_put(j, "interval_s", json_integer(s->interval_s));
	show_put(j, "fail_count", json_integer(s->fail_count));
	show_put(j, "last_ok_at", cmd_json_time(s->last_ok_us));
	show_put(j, "last_new_at", cmd_json_time(s->last_new_us));
	show_put(j, "next_poll_at", cmd_json_time(s->next_poll_us));
	show_put(j, "backfill_url", json_str(s->backfill_url));
	show_put(j, "backfill_pages", json_integer(s->backfill_pages));
	show_put(j, "created_at", cmd_json_time(s->created_us));
	return j;
}

const struct cmd_column show_source_columns[] = {
	{"id", "ID", CMD_TEXT},
	{"org", "ORG", CMD_TEXT},
	{"health", "HEALTH", CMD_TEXT},
	{"posts", "POSTS", CMD_TEXT},
	{"last_ok_at", "LAST READ", CMD_TIME},
	{"next_poll_at", "NEXT POLL", CMD_TIME},
	{"url", "URL", CMD_TEXT},
	{"health_text", "REMARK", CMD_TEXT},
};
const size_t n_show_source_columns = ARRAY_LEN(show_source_columns);

static json_t *
show_json(struct span text)
{
	json_t *j = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);

	return j ? j : json_null();
}

json_t *
show_post(struct cmd_call *c, const struct post *p, bool full)
{
	json_t *j = json_object();

	show_put(j, "id", cmd_json_id(p->id));
	show_put(j, "org", json_str(p->account_slug));
	show_put(j, "state", json_str(p->state));
	show_put(j, "title", json_str(p->title));
	show_put(j, "text", json_str(p->text));
	show_put(j, "language", json_str(p->language));
	show_put(j, "archive", json_boolean(p->archive));
	show_put(j, "revision", json_integer(p->revision));
	show_put(j, "created_at", cmd_json_time(p->published_us));
	show_put(j, "edited_at", cmd_json_time(p->edited_us));
	show_put(j, "deleted_at", cmd_json_time(p->deleted_us));
	show_put(j, "url", json_str(link_status(c->arena, &c->hub, p->account_slug, p->id)));
	if (!full)
		return j;
	show_put(j, "uri", json_str(link_object(c->arena, &c->hub, p->id)));
	show_put(j, "source_url", json_str(p->url));
	show_put(j, "source", p->source ? cmd_json_id(p->source) : json_null());
	show_put(j, "remote_id", json_str(p->remote_id));
	show_put(j, "reason", json_str(p->reason));
	show_put(j, "sensitive", json_boolean(p->sensitive));
	show_put(j, "tags", show_json(p->tags));
	show_put(j, "content", json_str(p->html));
	show_put(j, "media", show_json(p->media));
	return j;
}

json_t *
show_follower(const struct follower *f)
{
	json_t *j = json_object();

	show_put(j, "org", json_str(f->account_slug));
	show_put(j, "uri", json_str(f->uri));
	show_put(j, "host", json_str(f->host));
	show_put(j, "inbox", json_str(f->inbox));
	show_put(j, "shared_inbox", json_str(f->shared_inbox));
	show_put(j, "accepted_at", cmd_json_time(f->since_us));
	return j;
}

json_t *
show_job(const struct job_info *i)
{
	json_t *j = json_object();

	show_put(j, "id", cmd_json_id(i->id));
	show_put(j, "kind", json_str(i->kind));
	show_put(j, "key", json_str(i->key));
	show_put(j, "host", json_str(i->host));
	show_put(j, "state", json_str(i->state));
	show_put(j, "attempt", json_integer(i->attempt));
	show_put(j, "crashes", json_integer(i->crashes));
	show_put(j, "worker", json_str(i->worker));
	show_put(j, "error", json_str(i->error));
	show_put(j, "run_at", cmd_json_time(i->run_us));
	show_put(j, "created_at", cmd_json_time(i->created_us));
	return j;
}

const struct err *
show_find_account(struct cmd_call *c, const struct db_batch *b, size_t i, struct span slug,
	struct account *out)
{
	if (db_rows(b, i) == 0)
		return err_new(c->arena, ERR_NOT_FOUND,
			"there is no organisation \"%.*s\"; litfassctl org list shows all",
			SPAN_FMT(slug));
	return account_row(b, i, 0, out);
}
