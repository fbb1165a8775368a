#include "markup/sanitize.h"
#include "markup/template.h"
#include "web/model.h"

#define BLOCKS_MAX 400

/*
 * What stands in the texts until the operator has written own ones: only what is true of every
 * hub, and that the rest is missing. One block each; {contact} is the operator's address.
 */
static const char *const imprint_blocks[] = {
	TR_N("The operator of these pages has not entered a legal notice yet."),
	TR_N("## What has to stand here"),
	TR_N("- name and postal address of the public body that runs these pages\n"
	     "- who represents it\n"
	     "- e-mail address and telephone number\n"
	     "- the supervisory authority and, if there is one, the VAT number\n"
	     "- who is responsible for the content"),
	TR_N("In Germany section 5 of the Digital Services Act (DDG) and section 18 of the "
	     "State Media Treaty (MStV) ask for this."),
	TR_N("## Posts of the organisations"),
	TR_N("Each organisation is responsible for what it publishes. Its own legal notice "
	     "stands on its own website."),
	TR_N("Contact: {contact}"),
	NULL,
};

static const char *const privacy_blocks[] = {
	TR_N("## In short"),
	TR_N("- These pages set no cookies and store nothing on your device.\n"
	     "- They contain no scripts, no statistics, no advertising and no tracking.\n"
	     "- Texts, pictures and styles come from our own servers. Nothing is loaded from "
	     "social networks or other companies."),
	TR_N("## When you read"),
	TR_N("Your browser sends the address of your connection and the page you ask for; "
	     "without these no page could reach you. In normal operation our program does "
	     "not write addresses of readers down. A web server in front of it may keep a log "
	     "of "
	     "its own; the operator can tell you for how long."),
	TR_N("## When you follow from another service"),
	TR_N("If you follow an organisation from Mastodon or another service of the Fediverse, "
	     "that service tells us the address of your account and where posts shall be "
	     "delivered. Both are kept until you stop following. We show how many people "
	     "follow, never who. Of each message we remember its sender and its number, so "
	     "that nothing is processed twice."),
	TR_N("## What is shown here"),
	TR_N("Posts and pictures were published by the organisations themselves, on their "
	     "websites or elsewhere. If a picture shows you and you do not want that, tell the "
	     "organisation or the operator of these pages."),
	TR_N("## Your rights"),
	TR_N("You can ask what is stored about you, have it corrected or erased, and object to "
	     "its use (articles 15 to 21 GDPR). You can complain to the data protection "
	     "authority of your state."),
	TR_N("Contact: {contact}"),
	TR_N("This text describes what the software does. The operator of these pages has "
	     "not added anything about its own operation yet."),
	NULL,
};

static const char *const accessibility_blocks[] = {
	TR_N("These pages are meant for everybody. They aim at the Web Content Accessibility "
	     "Guidelines (WCAG) 2.2, level AA, and at the European standard EN 301 549."),
	TR_N("## How this was tested"),
	TR_N("Each version of the software is tested automatically in a browser with axe-core: "
	     "in German and English, light and dark, on small and large screens, with enlarged "
	     "text, with the keyboard alone and without scripts. Automatic tests find only a "
	     "part of all barriers. The operator of these pages has not published a test "
	     "by people yet."),
	TR_N("## Barriers we know of"),
	TR_N("- Pictures: the organisations write the descriptions. Where one is missing we "
	     "say so and do not make one up.\n"
	     "- Videos and recordings stay where the organisations published them. Whether "
	     "they have captions is up to them.\n"
	     "- Easy language and sign language: we show what the organisations offer; not all "
	     "of them do."),
	TR_N("## Report a barrier"),
	TR_N("Please write which page it is and what does not work: {contact}"),
	TR_N("## If the answer does not help"),
	TR_N("You can turn to the arbitration service for accessibility of your state. In "
	     "Baden-Württemberg it is part of the state centre for accessibility "
	     "(Landeszentrum Barrierefreiheit). It costs nothing, and you need no lawyer."),
	TR_N("This text describes the software. The operator of these pages has not published "
	     "an "
	     "accessibility statement of its own yet."),
	NULL,
};

static const char *const easy_blocks[] = {
	TR_N("## What are these pages?"),
	TR_N("You can read news here.\n"
	     "The news comes from public offices.\n"
	     "For example: from the fire brigade, from a hospital, or from a school.\n"
	     "You do not need an account.\n"
	     "It costs nothing."),
	TR_N("## How do I find something?"),
	TR_N("- At the top there is the name of the pages. Choose it: then you see the first "
	     "page.\n"
	     "- Next to it there is the word: News. There you find all the news. The newest is "
	     "at "
	     "the top.\n"
	     "- Next to it there is the word: Organisations. There you find everybody who "
	     "writes here.\n"
	     "- On the first page you can choose an organisation. Then you see only its news.\n"
	     "- At the bottom of every page you find: who runs these pages, and what happens "
	     "with your data."),
	TR_N("## News in easy language"),
	TR_N("Some of the news is in easy language.\n"
	     "Then these words stand above the text: Leichte Sprache."),
	TR_N("## Accessibility"),
	TR_N("Everybody shall be able to use these pages.\n"
	     "Also with a screen reader.\n"
	     "Also without a mouse.\n"
	     "But: some pictures have no description.\n"
	     "And: some videos have no captions."),
	TR_N("Does something not work for you?\n"
	     "Please write to us: {contact}"),
	TR_N("Did you write to us and it did not help?\n"
	     "Then you can ask the arbitration service of your state for help.\n"
	     "It costs nothing."),
	TR_N("## Emergency"),
	TR_N("Do you need help at once?\n"
	     "Then call: 112."),
	NULL,
};

static const char *const sign_blocks[] = {
	TR_N("There is no video in German Sign Language about these pages yet. The operator of "
	     "these pages has not provided one."),
	TR_N("What such a video would explain, you can read on the page in easy language: what "
	     "these pages are for, how to find something, and where to report barriers."),
	TR_N("Contact: {contact}"),
	NULL,
};

static const struct {
	const char *path, *label, *setting;
	const char *const *blocks;
} texts[TEXTS] = {
	[TEXT_IMPRINT] = {"/impressum", TR_N("Legal notice"), "impressum", imprint_blocks},
	[TEXT_PRIVACY] = {"/datenschutz", TR_N("Privacy"), "datenschutz", privacy_blocks},
	[TEXT_ACCESSIBILITY] = {"/barrierefreiheit", TR_N("Accessibility"), "barrierefreiheit",
		accessibility_blocks},
	[TEXT_EASY] = {"/leichte-sprache", TR_N("Easy language"), "leichte_sprache",
		easy_blocks},
	[TEXT_SIGN] = {"/gebaerdensprache", TR_N("Sign language"), "gebaerdensprache",
		sign_blocks},
};

struct span
model_text_path(enum model_text which)
{
	return span_of(texts[which].path);
}

struct span
model_text_label(const struct model *m, enum model_text which)
{
	return tr(m->lang, texts[which].label);
}

/* ---- blocks ---- */

static json_t *
block_list(struct arena *a, struct span block)
{
	json_t *list = json_array(), *out = json_object();
	struct span line;

	while (span_cut(&block, '\n', &line)) {
		json_t *item = json_object();

		line = span_slice(line, 2, line.n);
		json_object_set_new(
			item, "html", template_safe(html_from_text(a, line, SPAN_NONE)));
		json_array_append_new(list, item);
	}
	json_object_set_new(out, "list", list);
	return out;
}

/* Every line begins with "- ". */
static bool
block_is_list(struct span block)
{
	struct span line;

	while (span_cut(&block, '\n', &line))
		if (!span_starts(line, SPAN("- ")))
			return false;
	return true;
}

static json_t *
block_of(struct arena *a, struct span block)
{
	json_t *j = json_object();
	bool list = block_is_list(block), heading = span_starts(block, SPAN("## "));

	json_object_set_new(j, "heading",
		heading ? json_str(span_trim(span_slice(block, 3, block.n))) : json_null());
	json_object_set_new(j, "items", list ? block_list(a, block) : json_null());
	json_object_set_new(j, "html",
		heading || list ? json_null()
				: template_safe(html_from_text(a, block, SPAN_NONE)));
	return j;
}

json_t *
model_blocks(struct arena *a, struct span text)
{
	json_t *out = json_array();

	while (text.n > 0 && json_array_size(out) < BLOCKS_MAX) {
		size_t end = span_find(text, SPAN("\n\n"));
		struct span block = span_trim(span_slice(text, 0, end));

		text = end == SIZE_MAX ? SPAN_NONE : span_slice(text, end + 2, text.n);
		if (block.n)
			json_array_append_new(out, block_of(a, block));
	}
	return out;
}

static json_t *
blocks_default(const struct model *m, const char *const *blocks)
{
	json_t *out = json_array();
	struct span contact = m->site.contact_email;

	if (!contact.n)
		contact = tr(m->lang, "the operator named in the legal notice");
	for (; *blocks; blocks++)
		json_array_append_new(
			out, block_of(m->arena, model_say(m, *blocks, "contact", contact)));
	return out;
}

void
model_text(const struct model *m, json_t *root, enum model_text which)
{
	struct span page = span_of(tr_code(m->lang)), language = page;
	struct span own = site_text_in(&m->site, texts[which].setting, m->lang, &language);
	json_t *j = json_object();

	if (!own.n)
		language = page;
	if (which == TEXT_EASY && span_is(language, "de"))
		language = SPAN("de-simple");
	json_object_set_new(j, "title", json_str(model_text_label(m, which)));
	json_object_set_new(
		j, "lang", span_eq(language, page) ? json_null() : json_str(language));
	json_object_set_new(j, "blocks",
		own.n ? model_blocks(m->arena, own) : blocks_default(m, texts[which].blocks));
	json_object_set_new(root, "text", j);
}

/* ---- errors ---- */

struct words {
	const char *title, *text;
};

static struct words
error_words(enum err_kind kind)
{
	const struct err e = {.kind = kind};
	int status = err_status(&e);

	if (status == 404)
		return (struct words){TR_N("This page does not exist"),
			TR_N("Perhaps there is a mistake in the address, or the page has been "
			     "removed.")};
	if (status == 410)
		return (struct words){TR_N("This post has been withdrawn"),
			TR_N("The organisation has taken it back. It is no longer shown "
			     "here.")};
	if (status == 429)
		return (struct words){
			TR_N("Too many requests"), TR_N("Please wait a minute and try again.")};
	if (status == 421)
		return (struct words){TR_N("This address belongs elsewhere"),
			TR_N("The address you asked for is not one of this site.")};
	if (status == 502 || status == 503 || status == 504)
		return (struct words){TR_N("Not available at the moment"),
			TR_N("Please try again in a few minutes.")};
	if (status >= 500)
		return (struct words){TR_N("Something went wrong here"),
			TR_N("The mistake is on our side. Please try again later.")};
	return (struct words){TR_N("This request cannot be answered"),
		TR_N("Something about the address is not as it should be.")};
}

struct span
model_error_title(const struct model *m, enum err_kind kind)
{
	return tr(m->lang, error_words(kind).title);
}

void
model_error(const struct model *m, json_t *root, enum err_kind kind)
{
	const struct err e = {.kind = kind};
	const struct words w = error_words(kind);
	json_t *j = json_object();

	json_object_set_new(j, "code",
		json_str(model_say(
			m, "Error {n}", "n", arena_printf(m->arena, "%d", err_status(&e)))));
	json_object_set_new(j, "title", json_str(tr(m->lang, w.title)));
	json_object_set_new(j, "text", json_str(tr(m->lang, w.text)));
	json_object_set_new(root, "error", j);
}
