#include "web/asset.h"

#include "base/codec.h"
#include "base/embed.h"
#include "crypto/digest.h"
#include "web/app.h"

#define VERSION_BYTES 9

static struct span
asset_version(struct arena *a)
{
	struct digest *d = digest_sha256_new();
	unsigned char sum[SHA256_SIZE];

	for (const struct embed_file *f = embed_assets; f->name; f++) {
		digest_add(d, span_of(f->name));
		digest_add(d, span_from(f->data, f->size));
	}
	digest_end(d, sum);
	return base64url_encode(a, span_from(sum, VERSION_BYTES));
}

struct span
asset_prefix(struct arena *a)
{
	return arena_printf(a, "/assets/%.*s", SPAN_FMT(asset_version(a)));
}

static struct span
asset_type(struct span name)
{
	if (span_ends(name, SPAN(".css")))
		return SPAN("text/css; charset=utf-8");
	if (span_ends(name, SPAN(".svg")))
		return SPAN("image/svg+xml");
	return SPAN("image/png");
}

static const struct err *
asset_render(struct page_ask *q, struct httpd_reply *out)
{
	struct span version = q->capture[0], name = q->capture[1];
	const struct embed_file *f = embed_find(embed_assets, arena_cstr(q->arena, name));

	if (!f)
		return err_new(q->arena, ERR_NOT_FOUND, "there is no such file");
	out->type = asset_type(name);
	out->body = span_from(f->data, f->size);
	out->cache_control = span_eq(version, asset_version(q->arena))
				     ? SPAN("public, max-age=31536000, immutable")
				     : SPAN("no-cache");
	return NULL;
}

static const struct page asset_page = {.render = asset_render};

static const struct route asset_list[] = {
	WEB_PAGE("/assets/{version}/{name}", asset_page),
};
const struct route_table asset_routes = WEB_ROUTES(asset_list);
