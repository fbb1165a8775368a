#include "hub/hub.h"

#include "base/json.h"
#include "crypto/pkey.h"
#include "hub/account.h"
#include "hub/record.h"
#include "hub/setting.h"

void
hub_init(struct hub *h, struct arena *a, const struct conf *c, struct seal *seal)
{
	*h = (struct hub){
		.arena = a,
		.conf = c,
		.base = c->base_url.origin,
		.authority = c->base_url.authority,
		.media_base = c->media_base_url.origin,
		.seal = seal,
	};
}

size_t
hub_query(struct db_batch *b)
{
	const size_t i = setting_all(b);

	(void)account_own(b);
	(void)record_head_read(b);
	return i;
}

/* The names in the world are for ever: every id that was given out starts with them. */
static const struct err *
hub_check_url(struct arena *a, const struct setting *s, const char *key, struct span now)
{
	struct span then;
	json_t *j = json_loadb(s->value.p, s->value.n, JSON_DECODE_ANY, NULL);
	const struct err *e = NULL;

	if (!span_is(s->key, key)) {
		json_decref(j);
		return NULL;
	}
	then = json_text(j);
	if (!span_eq(then, now))
		e = err_new(a, ERR_CONFIG,
			"%s is \"%.*s\", but this database was started with \"%.*s\"; the "
			"addresses of everything published contain it, so set it back, or "
			"start a new hub with an empty database",
			key, SPAN_FMT(now), SPAN_FMT(then));
	json_decref(j);
	return e;
}

static const struct err *
hub_load_settings(const struct db_batch *b, size_t i, const struct hub *h)
{
	const struct err *e = NULL;
	struct setting s;

	for (size_t row = 0; !e && row < db_rows(b, i); row++) {
		e = setting_row(b, i, row, &s);
		if (!e)
			e = hub_check_url(b->arena, &s, "base_url", h->base);
		if (!e)
			e = hub_check_url(b->arena, &s, "media_base_url", h->media_base);
	}
	return e;
}

const struct err *
hub_load(const struct db_batch *b, size_t i, struct hub *h)
{
	struct record_checkpoint head;
	struct account acc;
	struct pkey *rsa = NULL;
	const struct err *e;

	if (db_rows(b, i + 1) < 2 || db_rows(b, i + 2) < 1)
		return err_new(b->arena, ERR_NOT_FOUND, "this database has no hub yet");
	e = hub_load_settings(b, i, h);
	if (!e)
		e = record_head_row(b, i + 2, &head);
	if (!e)
		e = account_row(b, i + 1, 1, &acc);
	if (e)
		return e;
	h->epoch = head.epoch;
	h->instance_account = acc.id;
	e = account_row(b, i + 1, 0, &acc);
	if (e)
		return e;
	h->hub_account = acc.id;
	if (!h->seal || h->checkpoint_key)
		return NULL;
	e = account_keys_open(b->arena, h, &acc, &rsa, &h->checkpoint_key);
	pkey_unref(rsa);
	return e;
}

const struct err *
hub_keys(struct arena *a, const struct hub *h, struct account_new *own)
{
	const struct err *e;

	own[0] = (struct account_new){
		.kind = SPAN("hub"),
		.slug = SPAN("hub"),
		.actor_type = SPAN("Service"),
		.org_kind = SPAN("hub"),
		.name = h->conf->name,
		.language = SPAN("de"),
		.claimed = true,
	};
	own[1] = (struct account_new){
		.kind = SPAN("instance"),
		.slug = SPAN("actor"),
		.actor_type = SPAN("Application"),
		.org_kind = SPAN("hub"),
		.name = h->conf->name,
		.language = SPAN("de"),
		.claimed = true,
	};
	e = account_keys_make(a, h, &own[0]);
	return e ? e : account_keys_make(a, h, &own[1]);
}

void
hub_found(struct db_batch *b, const struct hub *h, const struct account_new *own)
{
	const struct {
		const char *key;
		struct span value;
	} fixed[] = {
		{"base_url", h->base},
		{"media_base_url", h->media_base},
		{"hub_name", h->conf->name},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		setting_init(b, span_of(fixed[i].key),
			json_dump(b->arena, json_own(b->arena, json_str(fixed[i].value))));
	(void)account_insert(b, &own[0]);
	(void)account_insert(b, &own[1]);
	record_begin(b, h);
}

void
hub_fini(struct hub *h)
{
	pkey_unref(h->checkpoint_key);
	h->checkpoint_key = NULL;
}
