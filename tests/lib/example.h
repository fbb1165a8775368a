/*
 * Example: the hub, accounts and posts that tests of pure code work on; the same ones as in
 * FEDERATION.md.
 */
#ifndef TESTS_LIB_EXAMPLE_H
#define TESTS_LIB_EXAMPLE_H

#include "hub/account.h"
#include "hub/post.h"

#define EXAMPLE_POST INT64_C(116153332531200001) /* 2026-03-01T10:00:00Z */
#define EXAMPLE_US (INT64_C(1772359200) * US_PER_S)

/* https://hub.example, pictures at https://media.hub.example */
struct hub example_hub(void);
/* kind: "organization" is @feuerwehr_musterstadt. */
struct account example_account(const char *kind);
/* A published post of the organisation: title, text with a hashtag, source, one more tag. */
struct post example_post(void);
/* A picture of the store. */
struct post_media example_picture(const char *alt);

#endif
