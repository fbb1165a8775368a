#include "hub/compose.h"

#include "base/text.h"
#include "hub/link.h"
#include "markup/hashtag.h"

enum compose_word {
	WORD_SOURCE,
	WORD_MORE_TEXT,
	WORD_MORE_PICTURES,
	WORDS,
};

/*
 * The words belong to the post and are in its language, not in a reader's. They are part of
 * what has been sent out, so they do not come from the catalogues.
 */
static const char *const compose_words[][WORDS] = {
	{"Quelle: ", "Weiterlesen: ", "Weitere Bilder"},
	{"Source: ", "Read on: ", "More pictures"},
};

static const char *const *
compose_words_of(const struct post *p)
{
	return compose_words[span_starts(p->language, SPAN("de")) ? 0 : 1];
}

/* Length of the longest run of whole outermost blocks that holds at most max characters. */
static size_t
compose_cut(struct span html, size_t max)
{
	size_t chars = 0, end = 0;
	int depth = 0;

	for (size_t i = 0; i < html.n; i++) {
		struct span rest = span_slice(html, i, html.n);

		if (html.p[i] != '<') {
			/* An entity counts with all its bytes: near enough. */
			chars += ((unsigned char)html.p[i] & 0xc0) != 0x80;
			continue;
		}
		if (span_starts(rest, SPAN("</")))
			depth--;
		else if (!span_starts(rest, SPAN("<br>")))
			depth++;
		i += span_find_byte(rest, '>');
		if (chars > max)
			break;
		if (depth == 0)
			end = i + 1;
	}
	return end;
}

bool
compose_excerpt(
	struct arena *a, const struct post *p, size_t whole, size_t max, struct safe_html *out)
{
	size_t cut;

	*out = html_stored(p->html);
	if (utf8_count(p->text) <= whole)
		return false;
	cut = compose_cut(p->html, max);
	*out = cut ? html_stored(span_slice(p->html, 0, cut))
		   : html_from_text(a, text_truncate(a, p->text, max), SPAN_NONE);
	return true;
}

/* *shown: what of the text is seen. */
static size_t
compose_text(struct arena *a, const struct hub *h, const struct post *p, struct safe_html *out,
	struct span *shown)
{
	struct span page = link_status(a, h, p->account_slug, p->id);

	*shown = p->text;
	if (!compose_excerpt(a, p, COMPOSE_TEXT_MAX, COMPOSE_EXCERPT_MAX, &out[0]))
		return 1;
	*shown = html_to_text(a, out[0].html);
	out[1] = html_link_line(a, span_of(compose_words_of(p)[WORD_MORE_TEXT]), page, page);
	return 2;
}

/* Does the text hold "#tag" as a word of its own? */
static bool
compose_has_tag(struct arena *a, struct span text, struct span tag)
{
	struct span found[64];
	size_t n = text_hashtags(a, text, found, ARRAY_LEN(found));

	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(found[i], tag))
			return true;
	return false;
}

static struct safe_html
compose_tags(struct arena *a, const struct hub *h, const struct post *p, struct span shown)
{
	struct span *tags, line = SPAN("");
	size_t n = 0;

	/* Tags that cannot be read are left out here; whoever lists them reports it. */
	if (post_tags_parse(a, p, &tags, &n))
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (!compose_has_tag(a, shown, tags[i]) &&
			!compose_has_tag(a, p->title, tags[i]))
			line = arena_printf(a, "%.*s%s#%.*s", SPAN_FMT(line), line.n ? " " : "",
				SPAN_FMT(tags[i]));
	return html_from_text(a, line, link_path(a, h, SPAN("/tags/")));
}

static struct safe_html
compose_pictures(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n)
{
	struct span page = link_status(a, h, p->account_slug, p->id);
	size_t ready = 0;

	for (size_t i = 0; i < n; i++)
		ready += m[i].blob.p != NULL;
	if (ready <= COMPOSE_PICTURES_MAX)
		return (struct safe_html){.html = SPAN("")};
	return html_link_line(a,
		arena_printf(a, "%s (%zu): ", compose_words_of(p)[WORD_MORE_PICTURES],
			ready - COMPOSE_PICTURES_MAX),
		page, page);
}

struct safe_html
compose_source(struct arena *a, const struct post *p)
{
	return html_link_line(a, span_of(compose_words_of(p)[WORD_SOURCE]), p->url, p->url);
}

struct safe_html
compose_note(struct arena *a, const struct hub *h, const struct post *p,
	const struct post_media *m, size_t n)
{
	struct span tags = link_path(a, h, SPAN("/tags/"));
	struct safe_html parts[6];
	struct span shown;
	size_t k = 0;

	parts[k++] = html_link_hashtags(a, html_title(a, p->title), tags);
	k += compose_text(a, h, p, &parts[k], &shown);
	parts[1] = html_link_hashtags(a, parts[1], tags);
	parts[k++] = compose_tags(a, h, p, shown);
	parts[k++] = compose_pictures(a, h, p, m, n);
	parts[k++] = compose_source(a, p);
	return html_join(a, parts, k);
}

struct span
compose_headline(struct arena *a, const struct post *p, size_t max)
{
	struct span s = p->title.n ? p->title : p->text;

	return text_truncate(a, text_clean_line(a, s, max + 1), max);
}
