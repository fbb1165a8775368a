/*
 * Where an option stands in a configuration text: libconfuse forgets it as soon as it has read
 * the value, and an error that only shows when values are put together should still name it.
 */
#ifndef BASE_CONF_WHERE_H
#define BASE_CONF_WHERE_H

#include "base/span.h"

/* Line of the last "key =" in the section (NULL = outside of all), from 1; 0 = not there. */
int conf_where(struct span text, const char *section, const char *key);
/* Line of the section that is not closed, as when a file was cut off; 0 = none. */
int conf_where_open(struct span text);

#endif
