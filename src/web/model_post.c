#include "base/clock.h"
#include "base/codec.h"
#include "base/text.h"
#include "base/url.h"
#include "hub/compose.h"
#include "hub/link.h"
#include "markup/hashtag.h"
#include "markup/template.h"
#include "web/model.h"

#define CARD_TEXT_MAX 900    /* characters shown whole on pages with many posts */
#define CARD_HTML_MAX 16384  /* bytes; a short text may stand in a heap of markup */
#define CARD_EXCERPT_MAX 600 /* what is shown of a longer text */
#define CARD_PICTURES_MAX 4  /* on pages with many posts */

/* ---- text ---- */

/* Where the last paragraph begins, or the end if it does not stand on the outermost level. */
static size_t
html_last_p(struct span html)
{
	size_t at = 0, next;
	struct span last;

	while ((next = span_find(span_slice(html, at + 1, html.n), SPAN("<p>"))) != SIZE_MAX)
		at += next + 1;
	last = span_slice(html, at, html.n);
	if (!span_starts(last, SPAN("<p>")) || span_find(last, SPAN("</p>")) + 4 != last.n)
		return html.n;
	return at;
}

/*
 * A last paragraph of hashtags alone is shown as the list of topics instead of twice: cut off
 * *html, and what of it is no tag of the post ("#112") behind the post's own in *tags.
 */
static void
html_cut_tags(struct arena *a, struct span *html, struct span **tags, size_t *n)
{
	size_t at = html_last_p(*html), all = 0, known = 0;
	struct span text = html_to_text(a, span_slice(*html, at, html->n)), rest, word, *out;

	text = rest = text_clean_line(a, text, CARD_TEXT_MAX);
	while (span_cut(&rest, ' ', &word)) {
		if (word.n < 2 || word.p[0] != '#')
			return;
		all++;
	}
	out = ARENA_ARRAY(a, *n + all, struct span);
	for (size_t i = 0; i < *n; i++)
		out[i] = (*tags)[i];
	all = *n;
	while (span_cut(&text, ' ', &word)) {
		size_t i = 0;

		word = span_slice(word, 1, word.n);
		while (i < all && !span_eq_nocase(out[i], word))
			i++;
		known += i < *n;
		if (i == all)
			out[all++] = word;
	}
	if (!known)
		return;
	*html = span_slice(*html, 0, at);
	*tags = out;
	*n = all;
}

static json_t *
post_tags(const struct model *m, const struct span *tags, size_t n, size_t own)
{
	json_t *list = json_array(), *out;

	for (size_t i = 0; i < n; i++) {
		struct span url = link_tag(m->arena, m->hub, tags[i]);
		json_t *j = json_object();

		json_object_set_new(j, "name", json_str(tags[i]));
		json_object_set_new(
			j, "href", i < own ? json_str(model_href(m, url)) : json_null());
		json_array_append_new(list, j);
	}
	if (n == 0) {
		json_decref(list);
		return json_null();
	}
	out = json_object();
	json_object_set_new(out, "list", list);
	return out;
}

static const struct err *
post_text(const struct model *m, const struct post *p, unsigned flags, json_t *out)
{
	struct safe_html html = html_stored(p->html);
	struct span *tags;
	size_t n, own;
	bool cut = false;
	const struct err *e = post_tags_parse(m->arena, p, &tags, &n);

	if (e)
		return e;
	own = n;
	if (!(flags & MODEL_WHOLE)) {
		cut = compose_excerpt(m->arena, p, CARD_TEXT_MAX, CARD_EXCERPT_MAX, &html);
		if (html.html.n > CARD_HTML_MAX) {
			html = html_from_text(m->arena,
				text_truncate(m->arena, p->text, CARD_EXCERPT_MAX), SPAN_NONE);
			cut = true;
		}
	}
	if (!cut)
		html_cut_tags(m->arena, &html.html, &tags, &n);
	html = html_link_hashtags(m->arena, html, link_path(m->arena, m->hub, SPAN("/tags/")));
	json_object_set_new(out, "cut", json_boolean(cut));
	json_object_set_new(out, "html", html.html.n ? template_safe(html) : json_null());
	json_object_set_new(out, "tags", post_tags(m, tags, n, own));
	return NULL;
}

/* ---- pictures ---- */

struct gallery {
	const struct post_media *pictures[64];
	size_t n, shown;
};

static bool
is_picture(const struct post_media *m)
{
	return span_is(m->type, "image") && m->blob.p && m->width > 0 && m->height > 0;
}

static void
gallery_fill(struct gallery *g, const struct post_media *media, size_t n, unsigned flags)
{
	*g = (struct gallery){.n = 0};
	for (size_t i = 0; i < n && g->n < ARRAY_LEN(g->pictures); i++)
		if (is_picture(&media[i]))
			g->pictures[g->n++] = &media[i];
	g->shown = g->n;
	if (!(flags & MODEL_WHOLE) && g->shown > CARD_PICTURES_MAX)
		g->shown = CARD_PICTURES_MAX;
}

static const char *
gallery_shape(const struct gallery *g)
{
	const struct post_media *first = g->pictures[0];

	if (g->shown == 1)
		return first->height * 10 > first->width * 11 ? "tall" : "one";
	if (g->shown == 2)
		return "two";
	return g->shown % 2 ? "odd" : "even";
}

static json_t *
picture(const struct model *m, const struct post_media *p, bool alone, unsigned flags)
{
	struct span large = link_media(m->arena, m->hub, p->blob), small = large;
	json_t *j = json_object();

	json_object_set_new(j, "srcset", json_null());
	if (p->small_blob.p && p->small_width > 0 && p->small_width < p->width) {
		small = link_media(m->arena, m->hub, p->small_blob);
		json_object_set_new(j, "srcset",
			json_str(arena_printf(m->arena, "%.*s %lldw, %.*s %lldw",
				SPAN_FMT(small), (long long)p->small_width, SPAN_FMT(large),
				(long long)p->width)));
	}
	json_object_set_new(j, "src", json_str(small));
	json_object_set_new(j, "sizes",
		json_str(alone ? SPAN("(min-width: 48rem) 44rem, 100vw")
			       : SPAN("(min-width: 48rem) 22rem, 50vw")));
	json_object_set_new(j, "full", flags & MODEL_WHOLE ? json_str(large) : json_null());
	json_object_set_new(j, "width", json_integer(p->width));
	json_object_set_new(j, "height", json_integer(p->height));
	json_object_set_new(j, "undescribed", json_boolean(!p->alt.n));
	json_object_set_new(j, "alt",
		json_str(p->alt.n ? p->alt : tr(m->lang, "Picture without a description")));
	json_object_set_new(j, "lazy", json_boolean(!(flags & MODEL_FIRST)));
	return j;
}

static json_t *
post_gallery(
	const struct model *m, const struct post *p, const struct gallery *g, unsigned flags)
{
	json_t *out, *images;

	if (g->shown == 0)
		return json_null();
	images = json_array();
	for (size_t i = 0; i < g->shown; i++)
		json_array_append_new(images, picture(m, g->pictures[i], g->shown == 1, flags));
	out = json_object();
	json_object_set_new(out, "images", images);
	json_object_set_new(out, "hidden", json_boolean(p->sensitive));
	json_object_set_new(out, "shape", json_string(gallery_shape(g)));
	return out;
}

static json_t *
post_more_images(const struct model *m, const struct gallery *g, struct span href)
{
	json_t *j;

	if (g->shown == g->n)
		return json_null();
	j = json_object();
	json_object_set_new(j, "href", json_str(href));
	json_object_set_new(j, "label",
		json_str(model_say(
			m, "All {n} pictures", "n", arena_printf(m->arena, "%zu", g->n))));
	return j;
}

/* ---- what cannot be shown here: videos, sounds, documents ---- */

static struct span
url_host(struct arena *a, struct span text, struct url *url)
{
	if (!text.p || url_parse(a, text, url) != NULL)
		return SPAN_NONE;
	if (span_starts(url->host, SPAN("www.")))
		return span_slice(url->host, 4, url->host.n);
	return url->host;
}

static json_t *
post_file(const struct model *m, const struct post_media *f)
{
	struct url url;
	struct span host = url_host(m->arena, f->source_url, &url);
	const char *label = TR_N("File on {host}");
	json_t *j;

	if (!host.p || span_is(f->type, "image"))
		return NULL;
	if (span_is(f->type, "video"))
		label = TR_N("Video on {host}");
	else if (span_is(f->type, "audio"))
		label = TR_N("Recording on {host}");
	j = json_object();
	json_object_set_new(j, "href", json_str(url.text));
	json_object_set_new(j, "label", json_str(model_say(m, label, "host", host)));
	json_object_set_new(j, "alt", json_str(f->alt));
	return j;
}

static json_t *
post_files(const struct model *m, const struct post_media *media, size_t n)
{
	json_t *list = json_array(), *out;

	for (size_t i = 0; i < n; i++) {
		json_t *j = post_file(m, &media[i]);

		if (j)
			json_array_append_new(list, j);
	}
	if (json_array_size(list) == 0) {
		json_decref(list);
		return json_null();
	}
	out = json_object();
	json_object_set_new(out, "list", list);
	return out;
}

static json_t *
post_source(const struct model *m, const struct post *p)
{
	struct url url;
	struct span host = url_host(m->arena, p->url, &url);
	json_t *j;

	if (!host.p)
		return json_null();
	j = json_object();
	json_object_set_new(j, "href", json_str(url.text));
	json_object_set_new(
		j, "label", json_str(model_say(m, "Original post on {host}", "host", host)));
	return j;
}

/* ---- the post ---- */

static void
post_about(const struct model *m, const struct post *p, const struct account *acc, json_t *out)
{
	struct span direction = model_direction(p->language);
	struct span page = link_status(m->arena, m->hub, p->account_slug, p->id);

	json_object_set_new(
		out, "id", json_str(arena_printf(m->arena, "%lld", (long long)p->id)));
	json_object_set_new(out, "org", model_org(m, acc));
	json_object_set_new(out, "href", json_str(model_href(m, page)));
	json_object_set_new(out, "permalink", json_str(page));
	json_object_set_new(out, "title", json_str(p->title));
	json_object_set_new(
		out, "untitled", json_str(model_say(m, "Post by {name}", "name", acc->name)));
	json_object_set_new(out, "lang", json_str(p->language));
	json_object_set_new(out, "dir", json_str(direction));
	json_object_set_new(out, "tongue", model_tongue(m, p->language));
	json_object_set_new(out, "published", model_time(m, p->published_us));
	json_object_set_new(out, "edited",
		p->edited_us == TIME_NONE ? json_null() : model_time(m, p->edited_us));
	json_object_set_new(out, "source", post_source(m, p));
}

const struct err *
model_post(const struct model *m, const struct post *p, const struct account *acc,
	unsigned flags, json_t **out)
{
	struct post_media *media;
	struct gallery g;
	size_t n;
	const struct err *e = post_media_parse(m->arena, p, &media, &n);

	*out = json_own(m->arena, json_object());
	if (!e)
		e = post_text(m, p, flags, *out);
	if (e)
		return e;
	post_about(m, p, acc, *out);
	gallery_fill(&g, media, n, flags);
	json_object_set_new(*out, "gallery", post_gallery(m, p, &g, flags));
	json_object_set_new(*out, "more_images",
		post_more_images(m, &g, json_text(json_object_get(*out, "href"))));
	json_object_set_new(*out, "files", post_files(m, media, n));
	return NULL;
}

/* ---- previews ---- */

static json_t *
card_image(
	const struct model *m, const struct post *p, const struct post_media *media, size_t n)
{
	for (size_t i = 0; i < n && !p->sensitive; i++) {
		json_t *j;

		if (!is_picture(&media[i]))
			continue;
		j = json_object();
		json_object_set_new(
			j, "href", json_str(link_media(m->arena, m->hub, media[i].blob)));
		json_object_set_new(j, "width", json_integer(media[i].width));
		json_object_set_new(j, "height", json_integer(media[i].height));
		json_object_set_new(j, "alt", json_str(media[i].alt));
		return j;
	}
	return json_null();
}

const struct err *
model_card(const struct model *m, const struct post *p, json_t *root)
{
	json_t *card = json_object_get(json_object_get(root, "page"), "card");
	struct post_media *media;
	size_t n;
	const struct err *e = post_media_parse(m->arena, p, &media, &n);

	if (e)
		return e;
	json_object_set_new(card, "type", json_string("article"));
	json_object_set_new(card, "title", json_str(compose_headline(m->arena, p, 100)));
	json_object_set_new(card, "image", card_image(m, p, media, n));
	json_object_set_new(
		card, "published", json_str(time_rfc3339(m->arena, p->published_us)));
	if (p->edited_us != TIME_NONE)
		json_object_set_new(
			card, "modified", json_str(time_rfc3339(m->arena, p->edited_us)));
	return NULL;
}
