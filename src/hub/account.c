#include "hub/account.h"

#include "crypto/pkey.h"
#include "crypto/seal.h"
#include "crypto/token.h"

#define ACCOUNT_COLUMNS_(private_keys_)                                                        \
	"SELECT a.id, a.kind, a.slug, a.actor_type, a.claimed, a.org_kind, a.name, a.summary," \
	"       a.website, a.language, am.blob AS avatar_blob, hm.blob AS header_blob,"        \
	"       a.public_key_pem, a.ed25519_public, " private_keys_ " AS private_keys,"        \
	"       coalesce(n.posts, 0) AS posts_count,"                                          \
	"       coalesce(n.followers, 0) AS followers_count,"                                  \
	"       n.last_post_at AS last_post_us, a.created_at AS created_us,"                   \
	"       a.updated_at AS updated_us"                                                    \
	"  FROM account a"                                                                     \
	"  LEFT JOIN account_count n ON n.account = a.id"                                      \
	"  LEFT JOIN media am ON am.id = a.avatar_media AND am.state = 'ready'"                \
	"  LEFT JOIN media hm ON hm.id = a.header_media AND hm.state = 'ready'"
#define ACCOUNT_COLUMNS ACCOUNT_COLUMNS_("a.private_keys")

static const struct db_field account_fields[] = {
	DB_INT(struct account, id),
	DB_TEXT(struct account, kind),
	DB_TEXT(struct account, slug),
	DB_TEXT(struct account, actor_type),
	DB_BOOL(struct account, claimed),
	DB_TEXT(struct account, org_kind),
	DB_TEXT(struct account, name),
	DB_TEXT(struct account, summary),
	DB_TEXT_NULL(struct account, website),
	DB_TEXT(struct account, language),
	DB_TEXT_NULL(struct account, avatar_blob),
	DB_TEXT_NULL(struct account, header_blob),
	DB_TEXT(struct account, public_key_pem),
	DB_BYTEA(struct account, ed25519_public),
	DB_BYTEA_NULL(struct account, private_keys),
	DB_INT(struct account, posts_count),
	DB_INT(struct account, followers_count),
	DB_TIME_NULL(struct account, last_post_us),
	DB_TIME(struct account, created_us),
	DB_TIME(struct account, updated_us),
};

/* A slug becomes a handle that is never given again, so the names the hub needs are kept back.
 */
static const char *const account_reserved[] = {
	"hub",
	"netz",
	"net",
	"actor",
	"relay",
	"admin",
	"api",
};

const struct err *
account_slug_check(struct arena *a, struct span slug)
{
	bool ok = slug.n >= 1 && slug.n <= 30;

	for (size_t i = 0; ok && i < slug.n; i++)
		ok = (slug.p[i] >= 'a' && slug.p[i] <= 'z') ||
		     (slug.p[i] >= '0' && slug.p[i] <= '9') || slug.p[i] == '_';
	if (!ok)
		return err_new(a, ERR_INPUT,
			"\"%.*s\" cannot be a handle: use 1 to 30 of a-z, 0-9 and _",
			(int)(slug.n > 60 ? 60 : slug.n), slug.p ? slug.p : "");
	for (size_t i = 0; i < ARRAY_LEN(account_reserved); i++)
		if (span_is(slug, account_reserved[i]))
			return err_new(a, ERR_INPUT,
				"\"%.*s\" is kept for the hub itself: choose another handle",
				SPAN_FMT(slug));
	return NULL;
}

/* ---- keys: one sealed value holds both private keys, PEM behind PEM ---- */

static struct span
account_keys_place(struct arena *a, struct span slug)
{
	return arena_printf(a, "account/%.*s/private_keys", SPAN_FMT(slug));
}

const struct err *
account_keys_make(struct arena *a, const struct hub *h, struct account_new *out)
{
	struct pkey *rsa = pkey_generate(PKEY_RSA);
	struct pkey *ed25519 = pkey_generate(PKEY_ED25519);
	struct span first = pkey_private_pem(a, rsa), second = pkey_private_pem(a, ed25519);
	struct span plain = arena_printf(a, "%.*s%.*s", SPAN_FMT(first), SPAN_FMT(second));

	assert(h->seal);
	out->public_key_pem = pkey_public_pem(a, rsa);
	out->ed25519_public = pkey_ed25519_public(a, ed25519);
	out->private_keys = seal_close(a, h->seal, account_keys_place(a, out->slug), plain);
	token_wipe((void *)(uintptr_t)first.p, first.n);
	token_wipe((void *)(uintptr_t)second.p, second.n);
	token_wipe((void *)(uintptr_t)plain.p, plain.n);
	pkey_unref(rsa);
	pkey_unref(ed25519);
	return NULL;
}

static const struct err *
account_keys_read(struct arena *a, struct span plain, struct pkey **rsa, struct pkey **ed25519)
{
	const struct span begin = SPAN("-----BEGIN PRIVATE KEY-----");
	const size_t second = span_find(span_slice(plain, 1, plain.n), begin);
	const struct err *e;

	if (second == SIZE_MAX)
		return err_new(a, ERR_CORRUPT, "the sealed value does not hold two keys");
	e = pkey_private_from_pem(a, span_slice(plain, 0, second + 1), rsa);
	if (!e)
		e = pkey_private_from_pem(a, span_slice(plain, second + 1, plain.n), ed25519);
	if (!e && (pkey_type(*rsa) != PKEY_RSA || pkey_type(*ed25519) != PKEY_ED25519))
		e = err_new(a, ERR_CORRUPT, "the sealed keys are of other types");
	return e;
}

const struct err *
account_keys_open(struct arena *a, const struct hub *h, const struct account *acc,
	struct pkey **rsa, struct pkey **ed25519)
{
	struct span plain;
	const struct err *e;

	*rsa = *ed25519 = NULL;
	assert(h->seal);
	e = seal_open(a, h->seal, account_keys_place(a, acc->slug), acc->private_keys, &plain);
	if (!e) {
		e = account_keys_read(a, plain, rsa, ed25519);
		token_wipe((void *)(uintptr_t)plain.p, plain.n);
	}
	if (!e)
		return NULL;
	pkey_unref(*rsa);
	pkey_unref(*ed25519);
	*rsa = *ed25519 = NULL;
	return err_wrap(a, e, "the private keys of @%.*s cannot be read", SPAN_FMT(acc->slug));
}

struct account_id {
	int64_t id;
};

static const struct db_field account_id_fields[] = {
	DB_INT(struct account_id, id),
};

static const struct db_stmt account_insert_stmt = {
	.name = "account_insert",
	.sql = "WITH added AS ("
	       "  INSERT INTO account (kind, slug, actor_type, claimed, org_kind, name, "
	       "summary,"
	       "                       website, language, public_key_pem, ed25519_public,"
	       "                       private_keys)"
	       "  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
	       "      ON CONFLICT DO NOTHING"
	       "  RETURNING id),"
	       " counted AS ("
	       "  INSERT INTO account_count (account) SELECT id FROM added),"
	       " bumped AS ("
	       "  UPDATE generation SET n = n + 1 WHERE EXISTS (SELECT 1 FROM added))"
	       " SELECT id FROM added",
	.params = "tttbttttttyy",
	DB_ROW(struct account_id, account_id_fields),
};

size_t
account_insert(struct db_batch *b, const struct account_new *n)
{
	return db_add(b, &account_insert_stmt, db_text(n->kind), db_text(n->slug),
		db_text(n->actor_type), db_bool(n->claimed),
		db_text(n->org_kind.p ? n->org_kind : SPAN("other")), db_text(n->name),
		db_text(n->summary.p ? n->summary : SPAN("")), db_text(n->website),
		db_text(n->language.p ? n->language : SPAN("de")), db_text(n->public_key_pem),
		db_bytea(n->ed25519_public), db_bytea(n->private_keys));
}

bool
account_inserted(const struct db_batch *b, size_t i, int64_t *id)
{
	return db_one_int(b, i, id);
}

static const struct db_stmt account_by_slug_stmt = {
	.name = "account_by_slug",
	.sql = ACCOUNT_COLUMNS " WHERE a.slug = $1",
	.params = "t",
	DB_ROW(struct account, account_fields),
};

size_t
account_by_slug(struct db_batch *b, struct span slug)
{
	return db_add(b, &account_by_slug_stmt, db_text(slug));
}

static const struct db_stmt account_by_id_stmt = {
	.name = "account_by_id",
	.sql = ACCOUNT_COLUMNS " WHERE a.id = $1",
	.params = "i",
	DB_ROW(struct account, account_fields),
};

size_t
account_by_id(struct db_batch *b, int64_t id)
{
	return db_add(b, &account_by_id_stmt, db_int(id));
}

static const struct db_stmt account_list_stmt = {
	.name = "account_list",
	.sql = ACCOUNT_COLUMNS " WHERE a.kind = 'organization'"
			       " ORDER BY lower(a.name), a.id",
	.params = "",
	DB_ROW(struct account, account_fields),
};

size_t
account_list(struct db_batch *b)
{
	return db_add0(b, &account_list_stmt);
}

static const struct db_stmt account_own_stmt = {
	.name = "account_own",
	.sql = ACCOUNT_COLUMNS " WHERE a.kind IN ('hub', 'instance')"
			       " ORDER BY a.kind",
	.params = "",
	DB_ROW(struct account, account_fields),
};

size_t
account_own(struct db_batch *b)
{
	return db_add0(b, &account_own_stmt);
}

static const struct db_stmt account_by_ids_stmt = {
	.name = "account_by_ids",
	.sql = ACCOUNT_COLUMNS_("NULL::bytea") " WHERE a.id = ANY ($1)",
	.params = "I",
	DB_ROW(struct account, account_fields),
};

size_t
account_by_ids(struct db_batch *b, const int64_t *ids, size_t n)
{
	return db_add(b, &account_by_ids_stmt, db_ints(ids, n));
}

const struct err *
account_row(const struct db_batch *b, size_t i, size_t row, struct account *out)
{
	return db_row(b, i, row, out);
}

const struct db_stmt *const account_stmts[] = {
	&account_insert_stmt,
	&account_by_slug_stmt,
	&account_by_id_stmt,
	&account_list_stmt,
	&account_own_stmt,
	&account_by_ids_stmt,
};
const size_t n_account_stmts = ARRAY_LEN(account_stmts);
