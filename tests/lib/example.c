#include "lib/example.h"

#include "base/clock.h"

struct hub
example_hub(void)
{
	return (struct hub){.base = SPAN("https://hub.example"),
		.authority = SPAN("hub.example"),
		.media_base = SPAN("https://media.hub.example")};
}

struct account
example_account(const char *kind)
{
	/* The public half of the key whose seed is 00 01 … 1f. */
	static const unsigned char ed25519[] = {0x03, 0xa1, 0x07, 0xbf, 0xf3, 0xce, 0x10, 0xbe,
		0x1d, 0x70, 0xdd, 0x18, 0xe7, 0x4b, 0xc0, 0x99, 0x67, 0xe4, 0xd6, 0x30, 0x9b,
		0xa5, 0x0d, 0x5f, 0x1d, 0xdc, 0x86, 0x64, 0x12, 0x55, 0x31, 0xb8};
	struct account acc = {.id = 7,
		.kind = span_of(kind),
		.slug = SPAN("feuerwehr_musterstadt"),
		.actor_type = SPAN("Organization"),
		.claimed = true,
		.org_kind = SPAN("fire_brigade"),
		.name = SPAN("Feuerwehr Musterstadt"),
		.summary = SPAN("Retten, löschen, bergen & schützen."),
		.website = SPAN("https://feuerwehr-musterstadt.example/"),
		.language = SPAN("de"),
		.avatar_blob = SPAN("aa11.png"),
		.public_key_pem =
			SPAN("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"),
		.ed25519_public = span_from(ed25519, sizeof(ed25519)),
		.posts_count = 12,
		.followers_count = 34,
		.last_post_us = EXAMPLE_US,
		.created_us = INT64_C(1767225600) * US_PER_S,
		.updated_us = EXAMPLE_US};

	if (span_is(acc.kind, "organization"))
		return acc;
	acc.id = 8;
	acc.slug = acc.kind;
	acc.actor_type = SPAN("Service");
	acc.name = SPAN("Landkreis Musterkreis");
	acc.website = acc.avatar_blob = SPAN_NONE;
	if (span_is(acc.kind, "instance")) {
		acc.id = 9;
		acc.slug = SPAN("actor");
		acc.actor_type = SPAN("Application");
	}
	return acc;
}

struct post
example_post(void)
{
	return (struct post){.id = EXAMPLE_POST,
		.account = 7,
		.account_slug = SPAN("feuerwehr_musterstadt"),
		.state = SPAN("published"),
		.title = SPAN("Übung am alten Sägewerk"),
		.html = SPAN(
			"<p>Die Übung <strong>dauert</strong> zwei Stunden. #Feuerwehr</p>"),
		.text = SPAN("Die Übung dauert zwei Stunden. #Feuerwehr"),
		.language = SPAN("de"),
		.url = SPAN("https://feuerwehr-musterstadt.example/news/42?a=1&b=2"),
		.tags = SPAN("[\"Feuerwehr\",\"Übung\"]"),
		.revision = 1,
		.published_us = EXAMPLE_US,
		.edited_us = TIME_NONE,
		.deleted_us = TIME_NONE,
		.created_us = EXAMPLE_US,
		.media = SPAN("[]")};
}

struct post_media
example_picture(const char *alt)
{
	return (struct post_media){.media = 1,
		.source_url = SPAN("https://feuerwehr-musterstadt.example/bild.jpg"),
		.type = SPAN("image"),
		.mime = SPAN("image/jpeg"),
		.alt = span_of(alt),
		.blob = SPAN("bb22.webp"),
		.blob_type = SPAN("image/webp"),
		.small_blob = SPAN("cc33.webp"),
		.blurhash = SPAN("UBL_:rOpGG-oBUNG,qRj"),
		.width = 1280,
		.height = 960,
		.small_width = 400,
		.small_height = 300,
		.bytes = 123456};
}
