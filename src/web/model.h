/*
 * Model (private to web/): rows to the JSON that templates/ render. Pure.
 *
 * Root of every page: `page` (frame, meta data, navigation) and what its template names. All
 * keys of an object are always set, because templates look outwards for what is missing. Texts
 * are plain and escaped by the templates; HTML comes only as template_safe. Foreign addresses
 * are http(s) or left out. Links within the hub keep ?lang= when the reader asked with it.
 */
#ifndef WEB_MODEL_H
#define WEB_MODEL_H

#include "base/err.h"
#include "base/json.h"
#include "hub/account.h"
#include "hub/post.h"
#include "markup/tr.h"
#include "web/site.h"

struct model {
	struct arena *arena;
	const struct hub *hub;
	enum tr_lang lang;
	bool lang_asked;    /* by ?lang= */
	struct span assets; /* "/assets/<version>", see asset.h */
	struct site site;   /* name set, the rest may be empty */
};

/* ---- words ---- */

/* The translation with "{name}" replaced by value. */
struct span model_say(
	const struct model *m, const char *msgid, const char *name, struct span value);
/* {"iso": …, "text": "1. März 2026, 11:00 Uhr"}, the wall clock of Berlin. */
json_t *model_time(const struct model *m, int64_t us);
/* What kind of organisation it is, SPAN_NONE for the unknown. */
struct span model_kind(const struct model *m, struct span org_kind);
/* A language in its own words: {"code", "name"}; null for the one of the page. */
json_t *model_tongue(const struct model *m, struct span language);
/* "rtl" for languages written so, otherwise SPAN_NONE. */
struct span model_direction(struct span language);
/* What stands in the circle of an organisation without a picture: "FF". */
struct span model_initials(struct arena *a, struct span name);

/* ---- the frame ---- */

enum model_place {
	PLACE_ELSEWHERE,
	PLACE_HOME,
	PLACE_ORGS,
	PLACE_TEXT, /* one of the texts that every page links to */
};

struct model_frame {
	enum model_place place;
	struct span title;       /* SPAN_NONE = the hub's name alone */
	struct span description; /* for search engines and previews */
	struct span path;        /* "/@slug?max_id=1": of this page, without lang */
	bool hidden;             /* search engines shall not keep it */
};
/* The root with `page`, owned by the arena. */
json_t *model_page(const struct model *m, const struct model_frame *f);
/* A path or a URL of ours as a link on this page. */
struct span model_href(const struct model *m, struct span url);
/* The hub's description, or one that fits every hub. */
struct span model_lead(const struct model *m);
/* base: "/feed", "/@slug", "/tags/x": RSS, Atom and JSON Feed of what the page shows. */
void model_feeds(const struct model *m, json_t *root, struct span base, struct span title);

/* ---- what pages show ---- */

json_t *model_org(const struct model *m, const struct account *acc);
/* The handle to follow: {"user": "@slug", "host": "@host"}. */
json_t *model_follow(const struct model *m, const struct account *acc);

enum model_post_flag {
	MODEL_WHOLE = 1, /* the post's own page: all text, all pictures, in full size */
	MODEL_FIRST = 2, /* in sight at once: pictures are not loaded late */
};
const struct err *model_post(const struct model *m, const struct post *p,
	const struct account *acc, unsigned flags, json_t **out) MUST_CHECK;
/* Preview of one post for other sites (Open Graph), into page.card. */
const struct err *model_card(
	const struct model *m, const struct post *p, json_t *root) MUST_CHECK;

/* The neighbours of a page of posts, into root.pager; 0 = there is none. */
struct model_pager {
	struct span path; /* with '?' if it has parameters already */
	int64_t newer_than, older_than;
	bool deep; /* not the newest page */
};
void model_pager(const struct model *m, json_t *root, const struct model_pager *p);

/* ---- texts ---- */

enum model_text {
	TEXT_IMPRINT,
	TEXT_PRIVACY,
	TEXT_ACCESSIBILITY,
	TEXT_EASY,
	TEXT_SIGN,
	TEXTS,
};
struct span model_text_path(enum model_text which); /* "/impressum" */
struct span model_text_label(const struct model *m, enum model_text which);
/* From the settings, else what is true of every hub: into root.text. */
void model_text(const struct model *m, json_t *root, enum model_text which);
/* Blank lines part blocks; "## " begins a heading, "- " the items of a list. */
json_t *model_blocks(struct arena *a, struct span text);
/* What went wrong in words for citizens, into root.error. */
struct span model_error_title(const struct model *m, enum err_kind kind);
void model_error(const struct model *m, json_t *root, enum err_kind kind);

#endif
