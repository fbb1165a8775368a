#include "hub/post.h"

#include "base/codec.h"
#include "base/json.h"

#define POST_CONTENT_VERSION 1
#define POST_MEDIA_ROWS_MAX 64
#define POST_TAGS_MAX 100

/* ---- writing ---- */

struct post_id {
	int64_t id;
};

static const struct db_field post_id_fields[] = {
	DB_INT(struct post_id, id),
};

static const struct db_stmt post_ids_stmt = {
	.name = "post_ids",
	.sql = "SELECT litfass_id(coalesce(u.at, clock_timestamp())) AS id"
	       "  FROM unnest($1) WITH ORDINALITY AS u (at, place)"
	       " ORDER BY u.place",
	.params = "Z",
	DB_ROW(struct post_id, post_id_fields),
};

size_t
post_ids(struct db_batch *b, const int64_t *at_us, size_t n)
{
	return db_add(b, &post_ids_stmt, db_times(at_us, n));
}

const struct err *
post_ids_row(const struct db_batch *b, size_t i, size_t row, int64_t *id)
{
	struct post_id r = {0};
	const struct err *e = db_row(b, i, row, &r);

	if (!e)
		*id = r.id;
	return e;
}

#define POST_TAG_KEYS(tags)                                                                    \
	"(SELECT coalesce(array_agg(DISTINCT lower(t)), '{}') FROM unnest(" tags ") AS v (t))"

static const struct db_stmt post_insert_stmt = {
	.name = "post_insert",
	.sql = "WITH added AS ("
	       "  INSERT INTO post (id, account, source, remote_id, state, archive, "
	       "content_hash,"
	       "                    title, html, text, language, url, sensitive, tags, reason,"
	       "                    published_at, tag_keys, dated)"
	       "  VALUES (coalesce(nullif($1, 0), litfass_id()), $2, nullif($3, 0), $4, $5, "
	       "$6, $7, $8, $9, $10, $11, $12, $13,"
	       "          $14, $15, $16," POST_TAG_KEYS(
		       "$14") ", $17)"
			      "  RETURNING account, state, published_at)"
			      " UPDATE account_count AS n"
			      "    SET posts = n.posts + 1,"
			      "        last_post_at = greatest(n.last_post_at, "
			      "added.published_at)"
			      "   FROM added"
			      "  WHERE n.account = added.account AND added.state = 'published'",
	.params = "iiittbytttttbTtzb",
};

void
post_insert(struct db_batch *b, const struct post_new *p)
{
	(void)db_add(b, &post_insert_stmt, db_int(p->id), db_int(p->account), db_int(p->source),
		db_text(p->remote_id), db_text(p->state), db_bool(p->archive),
		db_bytea(p->content_hash), db_text(p->title), db_text(p->html),
		db_text(p->text), db_text(p->language), db_text(p->url), db_bool(p->sensitive),
		db_texts(p->tags, p->n_tags), db_text(p->reason), db_time(p->published_us),
		db_bool(p->dated));
}

/* A key that already leads to another post of the source stays where it is. */
static const struct db_stmt post_alias_put_stmt = {
	.name = "post_alias_put",
	.sql = "INSERT INTO post_alias (source, alias, post)"
	       "SELECT $1, k.alias, $2"
	       "  FROM unnest($3) AS k (alias)"
	       "    ON CONFLICT (source, alias) DO NOTHING",
	.params = "iiT",
};

void
post_alias_put(
	struct db_batch *b, int64_t source, int64_t post, const struct span *aliases, size_t n)
{
	if (n > 0)
		(void)db_add(b, &post_alias_put_stmt, db_int(source), db_int(post),
			db_texts(aliases, n));
}

static const struct db_stmt post_media_put_stmt = {
	.name = "post_media_put",
	.sql = "INSERT INTO post_media (post, position, media, source_url, type, mime, alt,"
	       "                        duration_s, error)"
	       "VALUES ($1, $2, nullif($3, 0), $4, $5, $6, $7, nullif($8, 0), $9)"
	       "    ON CONFLICT (post, position) DO UPDATE"
	       "   SET media = excluded.media, source_url = excluded.source_url,"
	       "       type = excluded.type, mime = excluded.mime, alt = excluded.alt,"
	       "       duration_s = excluded.duration_s, error = excluded.error",
	.params = "iiittttit",
};

void
post_media_put(struct db_batch *b, const struct post_media *m)
{
	(void)db_add(b, &post_media_put_stmt, db_int(m->post), db_int(m->position),
		db_int(m->media), db_text(m->source_url), db_text(m->type), db_text(m->mime),
		db_text(m->alt.p ? m->alt : SPAN("")), db_int(m->duration_s),
		db_text(m->error));
}

/* As the source says it now; what has been downloaded for the same address stays with it. */
static const struct db_stmt post_media_say_stmt = {
	.name = "post_media_say",
	.sql = "INSERT INTO post_media (post, position, media, source_url, type, mime, alt,"
	       "                        duration_s, error)"
	       "VALUES ($1, $2,"
	       "        (SELECT o.media"
	       "           FROM post_media o"
	       "          WHERE o.post = $1 AND o.source_url = $3 AND o.media IS NOT NULL"
	       "          LIMIT 1),"
	       "        $3, $4, $5, $6, nullif($7, 0), $8)"
	       "    ON CONFLICT (post, position) DO UPDATE"
	       "   SET media = excluded.media, source_url = excluded.source_url,"
	       "       type = excluded.type, mime = excluded.mime, alt = excluded.alt,"
	       "       duration_s = excluded.duration_s, error = excluded.error",
	.params = "iittttit",
};

void
post_media_say(struct db_batch *b, const struct post_media *m)
{
	(void)db_add(b, &post_media_say_stmt, db_int(m->post), db_int(m->position),
		db_text(m->source_url), db_text(m->type), db_text(m->mime),
		db_text(m->alt.p ? m->alt : SPAN("")), db_int(m->duration_s),
		db_text(m->error));
}

static const struct db_stmt post_media_trim_stmt = {
	.name = "post_media_trim",
	.sql = "DELETE FROM post_media"
	       " WHERE post = $1 AND position >= $2",
	.params = "ii",
};

void
post_media_trim(struct db_batch *b, int64_t post, int64_t keep)
{
	(void)db_add(b, &post_media_trim_stmt, db_int(post), db_int(keep));
}

static const struct db_stmt post_revise_stmt = {
	.name = "post_revise",
	.sql = "WITH changed AS ("
	       "  UPDATE post"
	       "     SET revision = revision + 1, remote_id = $2, content_hash = $3, title = "
	       "$4,"
	       "         html = $5, text = $6, language = $7, url = $8, sensitive = $9,"
	       "         tags = $10, tag_keys = " POST_TAG_KEYS(
		       "$10") ", edited_at = $12"
			      "   WHERE id = $1 AND revision = $11 AND state = 'published'"
			      "  RETURNING 1)" DB_EXPECT_ONE("post"),
	.params = "itytttttbTiz",
	DB_EXPECT_ROW,
};

void
post_revise(struct db_batch *b, const struct post_new *p, int64_t old_revision, int64_t at_us)
{
	(void)db_add(b, &post_revise_stmt, db_int(p->id), db_text(p->remote_id),
		db_bytea(p->content_hash), db_text(p->title), db_text(p->html),
		db_text(p->text), db_text(p->language), db_text(p->url), db_bool(p->sensitive),
		db_texts(p->tags, p->n_tags), db_int(old_revision), db_time(at_us));
}

static const struct db_stmt post_release_stmt = {
	.name = "post_release",
	.sql = "WITH changed AS ("
	       "  UPDATE post"
	       "     SET id = $2, state = 'published', reason = NULL"
	       "   WHERE id = $1 AND state = 'held'"
	       "  RETURNING account, published_at),"
	       " counted AS ("
	       "  UPDATE account_count AS n"
	       "     SET posts = n.posts + 1,"
	       "         last_post_at = greatest(n.last_post_at, changed.published_at)"
	       "    FROM changed"
	       "   WHERE n.account = changed.account)" DB_EXPECT_ONE("post"),
	.params = "ii",
	DB_EXPECT_ROW,
};

void
post_release(struct db_batch *b, int64_t id, int64_t as)
{
	(void)db_add(b, &post_release_stmt, db_int(id), db_int(as));
}

static const struct db_stmt post_plan_missing_stmt = {
	.name = "post_plan_missing",
	.sql = "WITH buried AS MATERIALIZED ("
	       "  SELECT key::bigint AS post"
	       "    FROM job"
	       "   WHERE kind = 'media' AND state = 'dead'),"
	       " unsaid AS ("
	       "  SELECT p.id, p.revision"
	       "    FROM post p"
	       "   WHERE p.state = 'held' AND p.reason = 'media'"
	       "   UNION"
	       "  SELECT p.id, p.revision"
	       "    FROM buried"
	       "    JOIN post p ON p.id = buried.post"
	       "   WHERE p.state = 'published'"
	       "     AND p.revision > (SELECT max(e.revision) FROM record_entry e"
	       "                        WHERE e.object = p.id AND e.hub = $1))"
	       " INSERT INTO job (kind, key, args)"
	       " SELECT 'media', u.id::text,"
	       "        jsonb_build_object('post', u.id, 'bare', true, 'revision', u.revision)"
	       "   FROM unsaid u"
	       "  WHERE NOT EXISTS (SELECT 1 FROM job j"
	       "                     WHERE j.kind = 'media' AND j.key = u.id::text"
	       "                       AND j.state <> 'dead')"
	       "    AND NOT EXISTS (SELECT 1 FROM job j"
	       "                     WHERE j.kind = 'media' AND j.key = u.id::text"
	       "                       AND j.state = 'dead'"
	       "                       AND j.args @> jsonb_build_object("
	       "                           'bare', true, 'revision', u.revision))"
	       "     ON CONFLICT (kind, key) WHERE state <> 'dead' DO NOTHING",
	.params = "t",
};

void
post_plan_missing(struct db_batch *b, const struct hub *h)
{
	(void)db_add(b, &post_plan_missing_stmt, db_text(h->authority));
}

static const struct db_stmt post_drop_stmt = {
	.name = "post_drop",
	.sql = "WITH changed AS ("
	       "  UPDATE post"
	       "     SET state = 'withdrawn', deleted_at = $2, reason = $3"
	       "   WHERE id = $1 AND state = 'held'"
	       "  RETURNING 1)" DB_EXPECT_ONE("post"),
	.params = "izt",
	DB_EXPECT_ROW,
};

void
post_drop(struct db_batch *b, int64_t id, int64_t at_us, struct span reason)
{
	(void)db_add(b, &post_drop_stmt, db_int(id), db_time(at_us), db_text(reason));
}

static const struct db_stmt post_guard_stmt = {
	.name = "post_guard",
	.sql = "WITH changed AS ("
	       "  SELECT FROM post"
	       "   WHERE id = $1 AND revision = $2 AND state = $3"
	       "     FOR UPDATE)" DB_EXPECT_ONE("post"),
	.params = "iit",
	DB_EXPECT_ROW,
};

void
post_guard(struct db_batch *b, const struct post *p)
{
	(void)db_add(
		b, &post_guard_stmt, db_int(p->id), db_int(p->revision), db_text(p->state));
}

static const struct db_stmt post_pictured_stmt = {
	.name = "post_pictured",
	.sql = "WITH changed AS ("
	       "  UPDATE post"
	       "     SET revision = revision + 1, edited_at = coalesce($3, edited_at)"
	       "   WHERE id = $1 AND revision = $2 AND state = 'published'"
	       "  RETURNING 1)" DB_EXPECT_ONE("post"),
	.params = "iiz",
	DB_EXPECT_ROW,
};

void
post_pictured(struct db_batch *b, int64_t id, int64_t old_revision, int64_t at_us)
{
	(void)db_add(b, &post_pictured_stmt, db_int(id), db_int(old_revision), db_time(at_us));
}

static const struct db_stmt post_withdraw_stmt = {
	.name = "post_withdraw",
	.sql = "WITH changed AS ("
	       "  UPDATE post"
	       "     SET state = 'withdrawn', revision = revision + 1, deleted_at = $2,"
	       "         reason = $3"
	       "   WHERE id = $1 AND revision = $4 AND state = 'published'"
	       "  RETURNING account),"
	       " counted AS ("
	       "  UPDATE account_count AS n"
	       "     SET posts = n.posts - 1"
	       "    FROM changed"
	       "   WHERE n.account = changed.account)" DB_EXPECT_ONE("post"),
	.params = "izti",
	DB_EXPECT_ROW,
};

struct record_new
post_withdraw(struct db_batch *b, const struct post *p, int64_t at_us, struct span reason)
{
	(void)db_add(b, &post_withdraw_stmt, db_int(p->id), db_time(at_us), db_text(reason),
		db_int(p->revision));
	return (struct record_new){.kind = RECORD_DELETE,
		.account = p->account,
		.object = p->id,
		.revision = p->revision + 1,
		.archive = p->archive,
		.at_us = at_us};
}

/* ---- identity ---- */

static const struct db_field post_known_fields[] = {
	DB_TEXT(struct post_known, key),
	DB_INT(struct post_known, id),
	DB_INT(struct post_known, revision),
	DB_TEXT(struct post_known, remote_id),
	DB_TEXT(struct post_known, state),
	DB_BYTEA(struct post_known, content_hash),
	DB_BOOL(struct post_known, alias),
	DB_BOOL(struct post_known, archive),
	DB_TIME(struct post_known, published_us),
};

static const struct db_stmt post_known_stmt = {
	.name = "post_known",
	.sql = "WITH hit AS ("
	       "  SELECT k.key, p.id, false AS alias"
	       "    FROM unnest($2) AS k (key)"
	       "    JOIN post p ON p.source = $1 AND p.remote_id = k.key"
	       "  UNION ALL"
	       "  SELECT k.key, al.post, true"
	       "    FROM unnest($2) AS k (key)"
	       "    JOIN post_alias al ON al.source = $1 AND al.alias = k.key)"
	       " SELECT hit.key, p.id, p.revision, p.remote_id, p.state, p.content_hash,"
	       "        hit.alias, p.archive, p.published_at AS published_us"
	       "   FROM hit"
	       "   JOIN post p ON p.id = hit.id"
	       "  ORDER BY hit.alias",
	.params = "iT",
	DB_ROW(struct post_known, post_known_fields),
};

size_t
post_known(struct db_batch *b, int64_t source, const struct span *keys, size_t n)
{
	return db_add(b, &post_known_stmt, db_int(source), db_texts(keys, n));
}

const struct err *
post_known_row(const struct db_batch *b, size_t i, size_t row, struct post_known *out)
{
	return db_row(b, i, row, out);
}

/* ---- reading ---- */

/* Media with their files as a JSON array in order: one row a post, one statement a page. */
#define POST_COLUMNS                                                                           \
	"SELECT p.id, p.account, coalesce(p.source, 0) AS source, a.slug AS account_slug,"     \
	"       p.remote_id, p.state, p.title, p.html, p.text, p.language, p.url, p.reason,"   \
	"       to_jsonb(p.tags) AS tags, p.archive, p.dated, p.sensitive, p.revision,"        \
	"       p.content_hash,"                                                               \
	"       p.published_at AS published_us, p.edited_at AS edited_us,"                     \
	"       p.deleted_at AS deleted_us, p.created_at AS created_us,"                       \
	"       (SELECT coalesce(jsonb_agg(jsonb_build_object("                                \
	"           'media', m.media, 'source_url', m.source_url, 'type', m.type,"             \
	"           'mime', m.mime, 'alt', m.alt, 'duration_s', m.duration_s,"                 \
	"           'error', m.error, 'blob', f.blob, 'blob_type', f.blob_type,"               \
	"           'small_blob', f.small_blob, 'blurhash', f.blurhash, 'width', f.width,"     \
	"           'height', f.height, 'small_width', f.small_width,"                         \
	"           'small_height', f.small_height, 'bytes', f.bytes)"                         \
	"           ORDER BY m.position), '[]')"                                               \
	"          FROM post_media m"                                                          \
	"          LEFT JOIN media f ON f.id = m.media AND f.state = 'ready'"                  \
	"         WHERE m.post = p.id) AS media"                                               \
	"  FROM post p"                                                                        \
	"  JOIN account a ON a.id = p.account"

static const struct db_field post_fields[] = {
	DB_INT(struct post, id),
	DB_INT(struct post, account),
	DB_INT(struct post, source),
	DB_TEXT(struct post, account_slug),
	DB_TEXT_NULL(struct post, remote_id),
	DB_TEXT(struct post, state),
	DB_TEXT(struct post, title),
	DB_TEXT(struct post, html),
	DB_TEXT(struct post, text),
	DB_TEXT(struct post, language),
	DB_TEXT_NULL(struct post, url),
	DB_TEXT_NULL(struct post, reason),
	DB_JSON(struct post, tags),
	DB_BOOL(struct post, archive),
	DB_BOOL(struct post, dated),
	DB_BOOL(struct post, sensitive),
	DB_INT(struct post, revision),
	DB_BYTEA(struct post, content_hash),
	DB_TIME(struct post, published_us),
	DB_TIME_NULL(struct post, edited_us),
	DB_TIME_NULL(struct post, deleted_us),
	DB_TIME(struct post, created_us),
	DB_JSON(struct post, media),
};

/*
 * Pages come as a small set of statements so that each keeps its index: all, one account, one
 * tag, both; downwards (below $1, above $2, newest first) and upwards (the oldest above $2).
 */
#define POST_PAGE_WHERE                                                                        \
	" WHERE p.state = 'published' AND p.id < $1 AND p.id > $2"                             \
	"   AND (NOT $3 OR EXISTS (SELECT 1 FROM post_media m"                                 \
	"                           WHERE m.post = p.id AND m.media IS NOT NULL))"
#define POST_DOWN " ORDER BY p.id DESC LIMIT $4"
#define POST_UP " ORDER BY p.id LIMIT $4"
#define POST_TURNED(inner) "SELECT * FROM (" inner ") AS page ORDER BY id DESC"
#define POST_OF_ACCOUNT " AND p.account = $5"
#define POST_OF_TAG " AND p.tag_keys @> ARRAY[lower($5)]"
#define POST_OF_BOTH POST_OF_ACCOUNT " AND p.tag_keys @> ARRAY[lower($6)]"

#define POST_PAGE_STMT(ident, params_, sql_)                                                   \
	static const struct db_stmt ident##_stmt = {.name = #ident,                            \
		.sql = sql_,                                                                   \
		.params = params_,                                                             \
		DB_ROW(struct post, post_fields)}

POST_PAGE_STMT(post_page_down, "iibi", POST_COLUMNS POST_PAGE_WHERE POST_DOWN);
POST_PAGE_STMT(post_page_up, "iibi", POST_TURNED(POST_COLUMNS POST_PAGE_WHERE POST_UP));
POST_PAGE_STMT(
	post_account_down, "iibii", POST_COLUMNS POST_PAGE_WHERE POST_OF_ACCOUNT POST_DOWN);
POST_PAGE_STMT(post_account_up, "iibii",
	POST_TURNED(POST_COLUMNS POST_PAGE_WHERE POST_OF_ACCOUNT POST_UP));
POST_PAGE_STMT(post_tag_down, "iibit", POST_COLUMNS POST_PAGE_WHERE POST_OF_TAG POST_DOWN);
POST_PAGE_STMT(
	post_tag_up, "iibit", POST_TURNED(POST_COLUMNS POST_PAGE_WHERE POST_OF_TAG POST_UP));

POST_PAGE_STMT(post_both_down, "iibiit", POST_COLUMNS POST_PAGE_WHERE POST_OF_BOTH POST_DOWN);
POST_PAGE_STMT(
	post_both_up, "iibiit", POST_TURNED(POST_COLUMNS POST_PAGE_WHERE POST_OF_BOTH POST_UP));

size_t
post_page(struct db_batch *b, const struct post_page *q)
{
	bool up = q->min_id > 0;
	struct db_val max = db_int(q->max_id > 0 ? q->max_id : INT64_MAX);
	struct db_val min = db_int(up ? q->min_id : q->since_id);
	struct db_val media = db_bool(q->only_media);
	struct db_val limit = db_int(q->limit);

	assert(q->limit >= 1 && q->limit <= 41);
	if (q->account && q->tag.p)
		return db_add(b, up ? &post_both_up_stmt : &post_both_down_stmt, max, min,
			media, limit, db_int(q->account), db_text(q->tag));
	if (q->account)
		return db_add(b, up ? &post_account_up_stmt : &post_account_down_stmt, max, min,
			media, limit, db_int(q->account));
	if (q->tag.p)
		return db_add(b, up ? &post_tag_up_stmt : &post_tag_down_stmt, max, min, media,
			limit, db_text(q->tag));
	return db_add(
		b, up ? &post_page_up_stmt : &post_page_down_stmt, max, min, media, limit);
}

POST_PAGE_STMT(post_public, "i", POST_COLUMNS " WHERE p.id = $1 AND p.state = 'published'");
POST_PAGE_STMT(post_any, "i", POST_COLUMNS " WHERE p.id = $1");
POST_PAGE_STMT(post_list, "ti",
	POST_COLUMNS " WHERE $1::text IS NULL OR a.slug = $1"
		     " ORDER BY p.id DESC LIMIT $2");

size_t
post_public(struct db_batch *b, int64_t id)
{
	return db_add(b, &post_public_stmt, db_int(id));
}

size_t
post_any(struct db_batch *b, int64_t id)
{
	return db_add(b, &post_any_stmt, db_int(id));
}

size_t
post_list(struct db_batch *b, struct span slug, int64_t limit)
{
	return db_add(b, &post_list_stmt, db_text(slug), db_int(limit));
}

const struct err *
post_row(const struct db_batch *b, size_t i, size_t row, struct post *out)
{
	return db_row(b, i, row, out);
}

/* ---- JSON columns ---- */

static const struct json_limits post_json_limits = {
	.bytes = 4 << 20, .depth = 8, .values = 20000, .string = 1 << 20};

static void
post_media_read(const json_t *j, struct post_media *m)
{
	(void)json_want_int(j, "media", 0, INT64_MAX, &m->media);
	m->source_url = json_text(json_object_get(j, "source_url"));
	m->type = json_text(json_object_get(j, "type"));
	m->mime = json_text(json_object_get(j, "mime"));
	m->alt = json_text(json_object_get(j, "alt"));
	m->error = json_text(json_object_get(j, "error"));
	m->blob = json_text(json_object_get(j, "blob"));
	m->blob_type = json_text(json_object_get(j, "blob_type"));
	m->small_blob = json_text(json_object_get(j, "small_blob"));
	m->blurhash = json_text(json_object_get(j, "blurhash"));
	(void)json_want_int(j, "width", 0, INT64_MAX, &m->width);
	(void)json_want_int(j, "height", 0, INT64_MAX, &m->height);
	(void)json_want_int(j, "small_width", 0, INT64_MAX, &m->small_width);
	(void)json_want_int(j, "small_height", 0, INT64_MAX, &m->small_height);
	(void)json_want_int(j, "bytes", 0, INT64_MAX, &m->bytes);
	(void)json_want_int(j, "duration_s", 0, INT64_MAX, &m->duration_s);
}

static const struct err *
post_media_list(
	struct arena *a, const json_t *list, int64_t post, struct post_media **out, size_t *n)
{
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > POST_MEDIA_ROWS_MAX)
		return err_new(a, ERR_CORRUPT, "the media of a post are not a short list");
	*out = ARENA_ARRAY(a, count, struct post_media);
	for (size_t i = 0; i < count; i++) {
		post_media_read(json_array_get(list, i), &(*out)[i]);
		(*out)[i].post = post;
		(*out)[i].position = (int64_t)i;
	}
	*n = count;
	return NULL;
}

const struct err *
post_media_parse(struct arena *a, const struct post *p, struct post_media **out, size_t *n)
{
	json_t *list;
	const struct err *e = json_parse(a, p->media, &post_json_limits, &list);

	return e ? e : post_media_list(a, list, p->id, out, n);
}

const struct err *
post_tags_parse(struct arena *a, const struct post *p, struct span **out, size_t *n)
{
	json_t *list;
	const struct err *e = json_parse(a, p->tags, &post_json_limits, &list);
	size_t count = e ? 0 : json_array_size(list);

	if (e)
		return e;
	if (!json_is_array(list) || count > POST_TAGS_MAX)
		return err_new(a, ERR_CORRUPT, "the tags of a post are not a short list");
	*out = ARENA_ARRAY(a, count, struct span);
	for (size_t i = 0; i < count; i++)
		(*out)[i] = json_text(json_array_get(list, i));
	*n = count;
	return NULL;
}

/* ---- content of a record entry ---- */

static json_t *
post_media_content(const struct post_media *m)
{
	json_t *j = json_object();

	json_object_set_new(j, "type", json_str(m->type));
	json_object_set_new(j, "alt", json_str(m->alt));
	json_object_set_new(j, "source_url", json_str(m->source_url));
	if (m->mime.p)
		json_object_set_new(j, "mime", json_str(m->mime));
	if (m->duration_s)
		json_object_set_new(j, "duration_s", json_integer(m->duration_s));
	if (!m->blob.p)
		return j;
	json_object_set_new(j, "blob", json_str(m->blob));
	json_object_set_new(j, "blob_type", json_str(m->blob_type));
	json_object_set_new(j, "width", json_integer(m->width));
	json_object_set_new(j, "height", json_integer(m->height));
	json_object_set_new(j, "bytes", json_integer(m->bytes));
	if (m->blurhash.p)
		json_object_set_new(j, "blurhash", json_str(m->blurhash));
	if (m->small_blob.p) {
		json_object_set_new(j, "small_blob", json_str(m->small_blob));
		json_object_set_new(j, "small_width", json_integer(m->small_width));
		json_object_set_new(j, "small_height", json_integer(m->small_height));
	}
	return j;
}

struct span
post_content(struct arena *a, const struct post *p, const struct post_media *m, size_t n)
{
	json_t *j = json_own(a, json_object());
	json_t *media = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(media, post_media_content(&m[i]));
	json_object_set_new(j, "v", json_integer(POST_CONTENT_VERSION));
	json_object_set_new(j, "id", json_str(arena_printf(a, "%lld", (long long)p->id)));
	json_object_set_new(j, "org", json_str(p->account_slug));
	json_object_set_new(j, "revision", json_integer(p->revision));
	json_object_set_new(j, "title", json_str(p->title));
	json_object_set_new(j, "html", json_str(p->html));
	json_object_set_new(j, "text", json_str(p->text));
	json_object_set_new(j, "language", json_str(p->language));
	if (p->url.p)
		json_object_set_new(j, "url", json_str(p->url));
	json_object_set_new(j, "sensitive", json_boolean(p->sensitive));
	json_object_set_new(j, "tags", json_loadb(p->tags.p, p->tags.n, 0, NULL));
	json_object_set_new(j, "published", json_str(time_rfc3339(a, p->published_us)));
	if (p->edited_us != TIME_NONE)
		json_object_set_new(j, "updated", json_str(time_rfc3339(a, p->edited_us)));
	json_object_set_new(j, "media", media);
	return json_dump_sorted(a, j);
}

struct record_new
post_entry(struct arena *a, enum record_kind kind, const struct post *p,
	const struct post_media *m, size_t n, int64_t at_us)
{
	return (struct record_new){.kind = kind,
		.account = p->account,
		.object = p->id,
		.revision = p->revision,
		.archive = p->archive,
		.at_us = at_us,
		.content = post_content(a, p, m, n)};
}

const struct err *
post_content_parse(
	struct arena *a, struct span content, struct post *p, struct post_media **m, size_t *n)
{
	json_t *j;
	struct span id, at;
	int64_t version = 0;
	const struct err *e = json_parse(a, content, &post_json_limits, &j);

	if (e)
		return e;
	*p = (struct post){
		.edited_us = TIME_NONE, .deleted_us = TIME_NONE, .state = SPAN("published")};
	if (!json_want_int(j, "v", 1, POST_CONTENT_VERSION, &version))
		return err_new(
			a, ERR_CORRUPT, "content of a version this program does not know");
	if ((e = json_need_text(a, j, "id", 20, &id)) ||
		(e = json_need_text(a, j, "org", 300, &p->account_slug)) ||
		(e = json_need_text(a, j, "html", 1 << 20, &p->html)) ||
		(e = json_need_text(a, j, "text", 1 << 20, &p->text)) ||
		(e = json_need_text(a, j, "language", 35, &p->language)) ||
		(e = json_need_text(a, j, "published", 40, &at)))
		return e;
	if (!span_i64(id, 1, INT64_MAX, &p->id) || !time_parse_rfc3339(at, &p->published_us))
		return err_new(a, ERR_CORRUPT, "content without a usable id or time");
	p->title = SPAN("");
	(void)json_want_text(j, "title", 1 << 20, &p->title);
	(void)json_want_text(j, "url", URL_MAX, &p->url);
	(void)json_want_bool(j, "sensitive", &p->sensitive);
	(void)json_want_int(j, "revision", 1, INT64_MAX, &p->revision);
	if (json_want_text(j, "updated", 40, &at) && !time_parse_rfc3339(at, &p->edited_us))
		return err_new(a, ERR_CORRUPT, "content with an unusable time of its edit");
	p->tags = json_dump(a, json_object_get(j, "tags"));
	return post_media_list(a, json_object_get(j, "media"), p->id, m, n);
}

/* ---- counts ---- */

struct post_count {
	int64_t posts, accounts;
};

static const struct db_field post_count_fields[] = {
	DB_INT(struct post_count, posts),
	DB_INT(struct post_count, accounts),
};

static const struct db_stmt post_counts_stmt = {
	.name = "post_counts",
	.sql = "SELECT coalesce(sum(n.posts), 0)::bigint AS posts, count(*) AS accounts"
	       "  FROM account a"
	       "  LEFT JOIN account_count n ON n.account = a.id"
	       " WHERE a.kind = 'organization'",
	.params = "",
	DB_ROW(struct post_count, post_count_fields),
};

size_t
post_counts(struct db_batch *b)
{
	return db_add0(b, &post_counts_stmt);
}

const struct err *
post_counts_row(const struct db_batch *b, size_t i, int64_t *posts, int64_t *accounts)
{
	struct post_count row = {0};
	const struct err *e = db_row(b, i, 0, &row);

	if (e)
		return e;
	*posts = row.posts;
	*accounts = row.accounts;
	return NULL;
}

const struct db_stmt *const post_stmts[] = {
	&post_ids_stmt,
	&post_insert_stmt,
	&post_alias_put_stmt,
	&post_media_put_stmt,
	&post_media_say_stmt,
	&post_media_trim_stmt,
	&post_revise_stmt,
	&post_release_stmt,
	&post_plan_missing_stmt,
	&post_drop_stmt,
	&post_guard_stmt,
	&post_pictured_stmt,
	&post_withdraw_stmt,
	&post_known_stmt,
	&post_page_down_stmt,
	&post_page_up_stmt,
	&post_account_down_stmt,
	&post_account_up_stmt,
	&post_tag_down_stmt,
	&post_tag_up_stmt,
	&post_both_down_stmt,
	&post_both_up_stmt,
	&post_public_stmt,
	&post_any_stmt,
	&post_list_stmt,
	&post_counts_stmt,
};
const size_t n_post_stmts = ARRAY_LEN(post_stmts);
