#include "markup/tr.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/embed.h"
#include "base/map.h"

static const char *const tr_codes[TR_LANGS] = {"de", "en"};

static struct map *tr_maps[TR_LANGS];
static struct span *tr_values[TR_LANGS];

static uint32_t
mo_word(const unsigned char *p, bool swap)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return swap ? __builtin_bswap32(v) : v;
}

/* The catalogue as msgfmt writes it: two tables of (length, offset). */
static void
tr_load(enum tr_lang lang)
{
	char name[8] = {tr_codes[lang][0], tr_codes[lang][1], '.', 'm', 'o', '\0'};
	const struct embed_file *f = embed_find(embed_catalogues, name);
	uint32_t n, ids, texts;
	bool swap;

	tr_maps[lang] = map_new();
	if (!f || f->size < 28)
		return;
	swap = mo_word(f->data, false) != 0x950412deu;
	n = mo_word(f->data + 8, swap);
	ids = mo_word(f->data + 12, swap);
	texts = mo_word(f->data + 16, swap);
	assert((uint64_t)ids + 8 * (uint64_t)n <= f->size);
	assert((uint64_t)texts + 8 * (uint64_t)n <= f->size);
	tr_values[lang] = xcalloc(n, sizeof(struct span));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id_n = mo_word(f->data + ids + 8 * i, swap);
		uint32_t id_at = mo_word(f->data + ids + 8 * i + 4, swap);
		uint32_t text_n = mo_word(f->data + texts + 8 * i, swap);
		uint32_t text_at = mo_word(f->data + texts + 8 * i + 4, swap);

		if (id_n == 0)
			continue; /* the header of the catalogue */
		tr_values[lang][i] = span_from(f->data + text_at, text_n);
		(void)map_put(
			tr_maps[lang], span_from(f->data + id_at, id_n), &tr_values[lang][i]);
	}
}

static void
tr_load_all(void)
{
	for (int i = 0; i < TR_LANGS; i++)
		tr_load((enum tr_lang)i);
}

struct span
tr_span(enum tr_lang lang, struct span msgid)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct span *text;

	(void)pthread_once(&once, tr_load_all);
	text = map_get(tr_maps[lang], msgid);
	return text && text->n ? *text : msgid;
}

struct span
tr(enum tr_lang lang, const char *msgid)
{
	return tr_span(lang, span_of(msgid));
}

const char *
tr_code(enum tr_lang lang)
{
	return tr_codes[lang];
}

bool
tr_lang_of(struct span code, enum tr_lang *out)
{
	for (int i = 0; i < TR_LANGS; i++) {
		if (!span_starts_nocase(code, span_of(tr_codes[i])))
			continue;
		if (code.n > 2 && code.p[2] != '-' && code.p[2] != '_')
			continue;
		*out = (enum tr_lang)i;
		return true;
	}
	return false;
}

/* "q=0.8" in thousandths; what cannot be read counts as 1. */
static int
tr_quality(struct span params)
{
	size_t at = span_find(params, SPAN("q="));
	int value = 0, scale = 1000;

	if (at == SIZE_MAX)
		return 1000;
	params = span_slice(params, at + 2, params.n);
	for (size_t i = 0; i < params.n && i < 5; i++) {
		char c = params.p[i];

		if (c == '.')
			continue;
		if (c < '0' || c > '9')
			break;
		value += (c - '0') * scale;
		scale /= 10;
	}
	return value > 1000 ? 1000 : value;
}

enum tr_lang
tr_negotiate(struct span accept)
{
	enum tr_lang best = TR_DE, lang;
	struct span field, code;
	int best_q = 0;

	accept = span_slice(accept, 0, 512);
	while (accept.p && span_cut(&accept, ',', &field)) {
		int q;

		field = span_trim(field);
		code = span_slice(field, 0, span_find_byte(field, ';'));
		q = tr_quality(field);
		if (q > best_q && tr_lang_of(span_trim(code), &lang)) {
			best = lang;
			best_q = q;
		}
	}
	return best;
}
