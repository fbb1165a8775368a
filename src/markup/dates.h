/*
 * Dates: the spellings that feeds use.
 *
 * RFC 822 with two-digit years, missing weekdays and seconds, zone names (also MEZ, MESZ, CET,
 * CEST); RFC 3339; YYYY-MM-DD [HH:MM[:SS]]; DD.MM.YYYY [HH:MM]; German names of days and
 * months. Without a zone the time is Europe/Berlin; 24:00 is the next midnight.
 */
#ifndef MARKUP_DATES_H
#define MARKUP_DATES_H

#include "base/span.h"

bool date_parse(struct span s, int64_t *us) MUST_CHECK;
/* Before 2000 or over ten minutes ahead: not believable as the time of a publication. */
bool date_believable(int64_t us, int64_t now_us);

#endif
