/* For programs that need no translations: every text is its own. */
#include "base/embed.h"

const struct embed_file embed_catalogues[] = {{NULL, NULL, 0}};
