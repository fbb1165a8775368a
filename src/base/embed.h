/*
 * Embed: files compiled into the program by contrib/embed, sorted as the build lists them.
 * Each table ends with a row without a name; data is followed by a zero byte that size does not
 * count.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

struct embed_file {
	const char *name; /* without its folder */
	const unsigned char *data;
	size_t size;
};

extern const struct embed_file embed_migrations[];
extern const struct embed_file embed_templates[];
extern const struct embed_file embed_assets[];
extern const struct embed_file embed_catalogues[];

/* NULL when the table has no such file. */
const struct embed_file *embed_find(const struct embed_file *table, const char *name);

#endif
