#include "base/clock.h"
#include "web/model.h"

struct span
model_say(const struct model *m, const char *msgid, const char *name, struct span value)
{
	struct span text = tr(m->lang, msgid);
	struct span place = arena_printf(m->arena, "{%s}", name);
	size_t at = span_find(text, place);

	if (at == SIZE_MAX)
		return text;
	return arena_printf(m->arena, "%.*s%.*s%.*s", (int)at, text.p, SPAN_FMT(value),
		(int)(text.n - at - place.n), text.p + at + place.n);
}

/* ---- time ---- */

static const char *const months[] = {
	TR_N("January"),
	TR_N("February"),
	TR_N("March"),
	TR_N("April"),
	TR_N("May"),
	TR_N("June"),
	TR_N("July"),
	TR_N("August"),
	TR_N("September"),
	TR_N("October"),
	TR_N("November"),
	TR_N("December"),
};

/*
 * No "today" and no "3 hours ago": a page is kept until something changes, and would then say
 * what is no longer so.
 */
static struct span
time_text(const struct model *m, int64_t us)
{
	struct civil c = civil_berlin(us);
	struct span month = tr(m->lang, months[c.month - 1]);

	if (m->lang == TR_DE)
		return arena_printf(m->arena, "%d. %.*s %d, %d:%02d Uhr", c.day,
			SPAN_FMT(month), c.year, c.hour, c.minute);
	return arena_printf(m->arena, "%d %.*s %d, %d:%02d", c.day, SPAN_FMT(month), c.year,
		c.hour, c.minute);
}

json_t *
model_time(const struct model *m, int64_t us)
{
	json_t *j = json_object();

	json_object_set_new(j, "iso", json_str(time_rfc3339(m->arena, us)));
	json_object_set_new(j, "text", json_str(time_text(m, us)));
	return j;
}

/* ---- kinds of organisations ---- */

struct span
model_kind(const struct model *m, struct span org_kind)
{
	static const struct {
		const char *kind, *text;
	} kinds[] = {
		{"county", TR_N("County")},
		{"county_office", TR_N("County office")},
		{"head_of_county", TR_N("Head of the county")},
		{"city", TR_N("City")},
		{"town", TR_N("Town")},
		{"municipality", TR_N("Municipality")},
		{"authority", TR_N("Public authority")},
		{"ministry", TR_N("Ministry")},
		{"police", TR_N("Police")},
		{"fire_brigade", TR_N("Fire brigade")},
		{"rescue", TR_N("Rescue service")},
		{"clinic", TR_N("Hospital")},
		{"school", TR_N("School")},
		{"university", TR_N("University")},
		{"library", TR_N("Library")},
		{"museum", TR_N("Museum")},
		{"culture", TR_N("Culture")},
		{"transport", TR_N("Public transport")},
		{"utility", TR_N("Public utility")},
		{"agency", TR_N("Agency")},
		{"association", TR_N("Association")},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(org_kind, kinds[i].kind))
			return tr(m->lang, kinds[i].text);
	return SPAN_NONE;
}

/* ---- languages ---- */

static const struct {
	const char *code, *name;
	bool rtl;
} tongues[] = {
	{"ar", "العربية", true},
	{"bg", "български", false},
	{"cs", "Čeština", false},
	{"da", "Dansk", false},
	{"de", "Deutsch", false},
	{"el", "Ελληνικά", false},
	{"en", "English", false},
	{"es", "Español", false},
	{"fa", "فارسی", true},
	{"fr", "Français", false},
	{"he", "עברית", true},
	{"hr", "Hrvatski", false},
	{"hsb", "Hornjoserbsce", false},
	{"hu", "Magyar", false},
	{"it", "Italiano", false},
	{"ku", "Kurdî", false},
	{"nl", "Nederlands", false},
	{"pl", "Polski", false},
	{"ps", "پښتو", true},
	{"pt", "Português", false},
	{"ro", "Română", false},
	{"ru", "Русский", false},
	{"sk", "Slovenčina", false},
	{"sq", "Shqip", false},
	{"sr", "Српски", false},
	{"tr", "Türkçe", false},
	{"uk", "Українська", false},
	{"ur", "اردو", true},
	{"vi", "Tiếng Việt", false},
	{"zh", "中文", false},
};

static struct span
tongue_base(struct span language)
{
	return span_slice(language, 0, span_find_byte(language, '-'));
}

json_t *
model_tongue(const struct model *m, struct span language)
{
	struct span base = tongue_base(language), name = language;
	json_t *j;

	if (span_is(language, "de-simple"))
		name = SPAN("Leichte Sprache");
	else if (span_is(base, tr_code(m->lang)))
		return json_null();
	for (size_t i = 0; i < ARRAY_LEN(tongues) && span_eq(name, language); i++)
		if (span_is(base, tongues[i].code))
			name = span_of(tongues[i].name);
	j = json_object();
	json_object_set_new(j, "code", json_str(base));
	json_object_set_new(j, "name", json_str(name));
	return j;
}

struct span
model_direction(struct span language)
{
	struct span base = tongue_base(language);

	for (size_t i = 0; i < ARRAY_LEN(tongues); i++)
		if (tongues[i].rtl && span_is(base, tongues[i].code))
			return SPAN("rtl");
	return SPAN_NONE;
}

/* ---- initials ---- */

/* A word that is part of a name: not "der", not "Dr.". */
static bool
initials_word(struct span word)
{
	return word.n > 0 && !(word.p[0] >= 'a' && word.p[0] <= 'z') &&
	       ((unsigned char)word.p[0] >= 0x80 || (word.p[0] >= 'A' && word.p[0] <= 'Z') ||
		       (word.p[0] >= '0' && word.p[0] <= '9')) &&
	       word.p[word.n - 1] != '.';
}

struct span
model_initials(struct arena *a, struct span name)
{
	struct span rest = name, word, out = SPAN("");

	for (int n = 0; n < 2 && span_cut(&rest, ' ', &word);) {
		size_t len = 1;

		if (!initials_word(word))
			continue;
		while (len < word.n && ((unsigned char)word.p[len] & 0xc0) == 0x80)
			len++;
		out = arena_printf(a, "%.*s%.*s", SPAN_FMT(out), (int)len, word.p);
		n++;
	}
	return out;
}
