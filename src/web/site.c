#include "web/site.h"

#include "hub/setting.h"

size_t
site_query(struct db_batch *b)
{
	return setting_all(b);
}

struct span
site_text(const struct site *s, const char *key, enum tr_lang lang)
{
	const json_t *v = json_object_get(s->settings, key);
	const char *name;
	json_t *one;

	if (json_is_object(v)) {
		const json_t *found = json_object_get(v, tr_code(lang));

		if (!json_string_length(found))
			found = json_object_get(v, tr_code(TR_DE));
		json_object_foreach((json_t *)(uintptr_t)v, name, one)
		{
			if (json_string_length(found))
				break;
			found = one;
		}
		v = found;
	}
	return json_is_string(v) ? json_text(v) : SPAN("");
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
