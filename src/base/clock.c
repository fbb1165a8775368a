#include "base/clock.h"

#include <time.h>

static int64_t clock_fake_us, clock_fake_ms;

int64_t
clock_us(void)
{
	struct timespec ts;

	if (clock_fake_us)
		return clock_fake_us;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	struct timespec ts;

	if (clock_fake_ms)
		return clock_fake_ms;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_fake(int64_t wall_us, int64_t mono_ms)
{
	clock_fake_us = wall_us;
	clock_fake_ms = mono_ms;
}

/* ---- calendar: days since 1970 and back, proleptic Gregorian ---- */

static int64_t
days_of(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct civil
civil_utc(int64_t us)
{
	int64_t s = us / US_PER_S - (us % US_PER_S < 0), days, rest, era, doe, yoe, doy, mp;
	struct civil c;

	days = s / 86400 - (s % 86400 < 0);
	rest = s - days * 86400;
	c.weekday = (int)(((days + 4) % 7 + 7) % 7);
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year = (int)(yoe + era * 400 + (c.month <= 2));
	c.hour = (int)(rest / 3600);
	c.minute = (int)(rest / 60 % 60);
	c.second = (int)(rest % 60);
	return c;
}

int64_t
civil_to_us(const struct civil *c, int offset_min)
{
	int64_t s = days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
		    c->minute * 60 + c->second;

	return (s - (int64_t)offset_min * 60) * US_PER_S;
}

/* Last Sunday of a month that has 31 days, 01:00 UTC. */
static int64_t
last_sunday_us(int year, int month)
{
	int64_t days = days_of(year, month, 31);
	int weekday = (int)(((days + 4) % 7 + 7) % 7);

	return ((days - weekday) * 86400 + 3600) * US_PER_S;
}

int
berlin_offset_min(int64_t us)
{
	int year = civil_utc(us).year;

	return us >= last_sunday_us(year, 3) && us < last_sunday_us(year, 10) ? 120 : 60;
}

int
berlin_offset_of_local(const struct civil *c)
{
	/* In the doubled hour of October the summer reading wins, as in most libraries. */
	return berlin_offset_min(civil_to_us(c, 120)) == 120 ? 120 : 60;
}

struct civil
civil_berlin(int64_t us)
{
	return civil_utc(us + (int64_t)berlin_offset_min(us) * 60 * US_PER_S);
}

/* ---- writing ---- */

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct span
time_rfc3339(struct arena *a, int64_t us)
{
	struct civil c = civil_utc(us);

	return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour,
		c.minute, c.second);
}

struct span
time_rfc3339_ms(struct arena *a, int64_t us)
{
	struct civil c = civil_utc(us);
	int64_t ms = (us % US_PER_S + US_PER_S) % US_PER_S / 1000;

	return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
		c.hour, c.minute, c.second, (int)ms);
}

static struct span
time_names(struct arena *a, int64_t us, const char *zone)
{
	struct civil c = civil_utc(us);

	return arena_printf(a, "%s, %02d %s %04d %02d:%02d:%02d %s", day_names[c.weekday],
		c.day, month_names[c.month - 1], c.year, c.hour, c.minute, c.second, zone);
}

struct span
time_http(struct arena *a, int64_t us)
{
	return time_names(a, us, "GMT");
}

struct span
time_rfc822(struct arena *a, int64_t us)
{
	return time_names(a, us, "+0000");
}

/* ---- reading ---- */

static bool
cut_digits(struct span *s, size_t n, int *out)
{
	uint64_t v;

	if (s->n < n || !span_u64(span_slice(*s, 0, n), 9999, &v))
		return false;
	*out = (int)v;
	*s = span_slice(*s, n, s->n);
	return true;
}

static bool
cut_byte(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_slice(*s, 1, s->n);
	return true;
}

static bool
civil_valid(const struct civil *c)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

	if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59 ||
		c->second > 60)
		return false;
	return c->day <= len[c->month - 1] + (leap && c->month == 2);
}

static bool
cut_clock(struct span *s, struct civil *c)
{
	return cut_digits(s, 2, &c->hour) && cut_byte(s, ':') && cut_digits(s, 2, &c->minute) &&
	       cut_byte(s, ':') && cut_digits(s, 2, &c->second);
}

static bool
cut_fraction(struct span *s, int64_t *us)
{
	int64_t scale = 100000;
	size_t n = 0;

	*us = 0;
	if (!cut_byte(s, '.'))
		return true;
	for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; n++) {
		*us += (s->p[0] - '0') * scale;
		scale /= 10;
		*s = span_slice(*s, 1, s->n);
	}
	return n >= 1 && n <= 9;
}

static bool
cut_offset(struct span *s, int *minutes)
{
	int h, m, sign;

	*minutes = 0;
	if (cut_byte(s, 'Z') || cut_byte(s, 'z'))
		return true;
	sign = s->n > 0 && s->p[0] == '-' ? -1 : 1;
	if (!cut_byte(s, '+') && !cut_byte(s, '-'))
		return false;
	if (!cut_digits(s, 2, &h) || !cut_byte(s, ':') || !cut_digits(s, 2, &m) || h > 23 ||
		m > 59)
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

bool
time_parse_rfc3339(struct span s, int64_t *us)
{
	struct civil c = {0};
	int64_t fraction;
	int offset;

	if (!cut_digits(&s, 4, &c.year) || !cut_byte(&s, '-') || !cut_digits(&s, 2, &c.month) ||
		!cut_byte(&s, '-') || !cut_digits(&s, 2, &c.day))
		return false;
	if (!cut_byte(&s, 'T') && !cut_byte(&s, 't') && !cut_byte(&s, ' '))
		return false;
	if (!cut_clock(&s, &c) || !cut_fraction(&s, &fraction) || !cut_offset(&s, &offset) ||
		s.n > 0 || !civil_valid(&c))
		return false;
	*us = civil_to_us(&c, offset) + fraction;
	return true;
}

static bool
cut_month(struct span *s, int *month)
{
	for (int i = 0; i < 12; i++) {
		if (span_starts_nocase(*s, span_of(month_names[i]))) {
			*month = i + 1;
			*s = span_slice(*s, 3, s->n);
			return true;
		}
	}
	return false;
}

/* "06 Nov 1994 08:49:37 GMT" and "06-Nov-94 08:49:37 GMT", the day's name already cut. */
static bool
parse_http_day(struct span s, int64_t *us)
{
	struct civil c = {0};
	char sep;

	if (!cut_digits(&s, 2, &c.day) || s.n == 0)
		return false;
	sep = s.p[0];
	if ((sep != ' ' && sep != '-') || !cut_byte(&s, sep) || !cut_month(&s, &c.month) ||
		!cut_byte(&s, sep))
		return false;
	if (sep == ' ' ? !cut_digits(&s, 4, &c.year) : !cut_digits(&s, 2, &c.year))
		return false;
	if (sep == '-')
		c.year += c.year < 70 ? 2000 : 1900;
	if (!cut_byte(&s, ' ') || !cut_clock(&s, &c) || !span_is(s, " GMT") || !civil_valid(&c))
		return false;
	*us = civil_to_us(&c, 0);
	return true;
}

/* "Sun Nov  6 08:49:37 1994", the day's name already cut. */
static bool
parse_asctime(struct span s, int64_t *us)
{
	struct civil c = {0};

	if (!cut_month(&s, &c.month) || !cut_byte(&s, ' '))
		return false;
	if (cut_byte(&s, ' ') ? !cut_digits(&s, 1, &c.day) : !cut_digits(&s, 2, &c.day))
		return false;
	if (!cut_byte(&s, ' ') || !cut_clock(&s, &c) || !cut_byte(&s, ' ') ||
		!cut_digits(&s, 4, &c.year) || s.n > 0 || !civil_valid(&c))
		return false;
	*us = civil_to_us(&c, 0);
	return true;
}

bool
time_parse_http(struct span s, int64_t *us)
{
	size_t comma = span_find_byte(s, ',');

	if (comma != SIZE_MAX) {
		if (comma < 3 || comma > 9 || comma + 1 >= s.n || s.p[comma + 1] != ' ')
			return false;
		return parse_http_day(span_slice(s, comma + 2, s.n), us);
	}
	return s.n > 4 && s.p[3] == ' ' && parse_asctime(span_slice(s, 4, s.n), us);
}
