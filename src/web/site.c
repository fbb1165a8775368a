#include "web/site.h"

#include "hub/setting.h"

size_t
site_query(struct db_batch *b)
{
	return setting_all(b);
}

struct span
site_text_in(const struct site *s, const char *key, enum tr_lang lang, struct span *language)
{
	const json_t *v = json_object_get(s->settings, key), *found;
	const char *name = tr_code(lang), *other;
	json_t *one;

	*language = span_of(tr_code(TR_DE));
	if (!json_is_object(v))
		return json_is_string(v) ? json_text(v) : SPAN("");
	found = json_object_get(v, name);
	if (!json_string_length(found))
		found = json_object_get(v, name = tr_code(TR_DE));
	json_object_foreach((json_t *)(uintptr_t)v, other, one)
	{
		if (json_string_length(found))
			break;
		found = one;
		name = other;
	}
	*language = span_of(name);
	return json_is_string(found) ? json_text(found) : SPAN("");
}

struct span
site_text(const struct site *s, const char *key, enum tr_lang lang)
{
	struct span language;

	return site_text_in(s, key, lang, &language);
}

const struct err *
site_take(struct page_ask *q, const struct db_batch *b, size_t i, struct site *out)
{
	json_t *all = json_own(q->arena, json_object());
	const struct err *e = NULL;
	struct setting s;

	for (size_t row = 0; !e && row < db_rows(b, i); row++) {
		e = setting_row(b, i, row, &s);
		if (!e)
			json_object_setn_new(all, s.key.p, s.key.n,
				json_loadb(s.value.p, s.value.n, JSON_DECODE_ANY, NULL));
	}
	if (e)
		return e;
	*out = (struct site){.settings = all};
	out->name = site_text(out, "hub_name", q->lang);
	if (!out->name.n)
		out->name = q->hub->conf->name;
	out->description = site_text(out, "hub_description", q->lang);
	out->contact_email = site_text(out, "contact_email", q->lang);
	return NULL;
}
