/* Translations: the catalogue, names of languages, Accept-Language. */
#include "lib/check.h"

#include "base/embed.h"
#include "markup/tr.h"

/* A catalogue as msgfmt writes it, by hand: three texts, one of them not translated. */
#define MO                                                                                     \
	"\xde\x12\x04\x95"                                                                     \
	"\0\0\0\0"                                                                             \
	"\3\0\0\0"                                                                             \
	"\x1c\0\0\0"                                                                           \
	"\x34\0\0\0"                                                                           \
	"\0\0\0\0"                                                                             \
	"\0\0\0\0"                                                                             \
	"\0\0\0\0\x4c\0\0\0"                                                                   \
	"\4\0\0\0\x4d\0\0\0"                                                                   \
	"\6\0\0\0\x52\0\0\0"                                                                   \
	"\1\0\0\0\x59\0\0\0"                                                                   \
	"\6\0\0\0\x5b\0\0\0"                                                                   \
	"\0\0\0\0\x62\0\0\0"                                                                   \
	"\0"                                                                                   \
	"News\0"                                                                               \
	"Search\0"                                                                             \
	"x\0"                                                                                  \
	"Neues!\0"                                                                             \
	"\0"

const struct embed_file embed_catalogues[] = {
	{"de.mo", (const unsigned char *)MO, sizeof(MO) - 1},
	{NULL, NULL, 0},
};

static void
translates(void **state)
{
	(void)state;
	check_span(tr(TR_DE, "News"), SPAN("Neues!"));
	check_span(tr(TR_EN, "News"), SPAN("News"));
	check_span(tr(TR_DE, "Search"), SPAN("Search")); /* not translated yet */
	check_span(tr(TR_DE, "Unknown"), SPAN("Unknown"));
	check_span(tr(TR_DE, ""), SPAN("")); /* not the header of the catalogue */
	check_span(tr_span(TR_DE, SPAN("News")), SPAN("Neues!"));
}

static void
languages(void **state)
{
	enum tr_lang l = TR_EN;

	(void)state;
	assert_true(tr_lang_of(SPAN("de"), &l) && l == TR_DE);
	assert_true(tr_lang_of(SPAN("EN"), &l) && l == TR_EN);
	assert_true(tr_lang_of(SPAN("de-AT"), &l) && l == TR_DE);
	assert_true(tr_lang_of(SPAN("en_GB"), &l) && l == TR_EN);
	assert_false(tr_lang_of(SPAN("deu"), &l));
	assert_false(tr_lang_of(SPAN("d"), &l));
	assert_false(tr_lang_of(SPAN(""), &l));
	assert_false(tr_lang_of(SPAN("fr"), &l));
	assert_string_equal(tr_code(TR_DE), "de");
	assert_string_equal(tr_code(TR_EN), "en");
}

static void
negotiates(void **state)
{
	static const struct {
		const char *accept;
		enum tr_lang lang;
	} rows[] = {
		{"", TR_DE},
		{"de", TR_DE},
		{"en", TR_EN},
		{"en-US,en;q=0.9,de;q=0.8", TR_EN},
		{"de-DE,de;q=0.9,en;q=0.8", TR_DE},
		{"fr,en;q=0.5,de;q=0.4", TR_EN},
		{"fr, es;q=0.9", TR_DE},
		{"*", TR_DE},
		{"en;q=0", TR_DE},
		{"en;q=0, de;q=0", TR_DE},
		{"de;q=0.1, en ; q=0.2", TR_EN},
		{"en;q=1.000,de;q=0.999", TR_EN},
		{"de;q=0.001,en;q=0.0", TR_DE},
		{"en;q=5,de", TR_EN},
		{",,;;q=,en", TR_EN},
		{"english", TR_DE},
		{"en;q=x", TR_DE},
	};

	(void)state;
	assert_int_equal(tr_negotiate(SPAN_NONE), TR_DE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (tr_negotiate(span_of(rows[i].accept)) != rows[i].lang)
			check_fail("\"%s\"", rows[i].accept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translates),
		cmocka_unit_test(languages),
		cmocka_unit_test(negotiates),
	};

	return cmocka_run_group_tests_name("tr", tests, NULL, NULL);
}
