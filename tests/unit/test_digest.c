#include "crypto/digest.h"

#include "base/codec.h"
#include "lib/check.h"

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
check_sum(struct arena *a, struct span s, const char *hex)
{
	unsigned char sum[SHA256_SIZE];
	struct digest *d = digest_sha256_new();

	digest_sha256(s, sum);
	check_span(hex_encode(a, span_from(sum, sizeof(sum))), span_of(hex));
	/* The same in pieces. */
	for (size_t i = 0; i < s.n; i += 7)
		digest_add(d, span_slice(s, i, i + 7));
	memset(sum, 0, sizeof(sum));
	digest_end(d, sum);
	check_span(hex_encode(a, span_from(sum, sizeof(sum))), span_of(hex));
}

/* FIPS 180-2, appendix B, and the empty text. */
static void
test_sha256(void **state)
{
	struct arena *a = *state;
	char *million = arena_alloc(a, 1000000);

	check_sum(a, SPAN(""),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sum(a, SPAN_NONE,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sum(a, SPAN("abc"),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_sum(a, SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', 1000000);
	check_sum(a, span_from(million, 1000000),
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* FIPS 180-2, appendix C, and the empty text. */
static void
test_sha512(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{"", "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
		{"abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	};
	unsigned char sum[SHA512_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		digest_sha512(span_of(cases[i].text), sum);
		check_span(
			hex_encode(*state, span_from(sum, sizeof(sum))), span_of(cases[i].hex));
	}
	digest_sha512(SPAN_NONE, sum);
	check_span(hex_encode(*state, span_from(sum, sizeof(sum))), span_of(cases[0].hex));
}

static void
test_headers(void **state)
{
	struct arena *a = *state;

	check_span(digest_header(a, SPAN("{}")),
		SPAN("SHA-256=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="));
	/* draft-cavage-12 C and RFC 9530 B use the same body. */
	check_span(digest_header(a, SPAN("{\"hello\": \"world\"}")),
		SPAN("SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="));
	check_span(content_digest_header(a, SPAN("{\"hello\": \"world\"}")),
		SPAN("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"));
}

#define SUM "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
#define SUM512                                                                                 \
	"WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaP"                                         \
	"m+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew=="
#define OTHER "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="

static void
test_matches(void **state)
{
	static const struct {
		const char *header;
		bool ok;
	} digest[] = {
		{"SHA-256=" SUM, true},
		{"sha-256=" SUM, true},
		{"Sha-256=" SUM, true},
		{"SHA-512=abc, SHA-256=" SUM, false}, /* each that is known must match */
		{"SHA-256=" SUM ", SHA-512=" SUM, false},
		{"SHA-512=" SUM512, true},
		{"sha-512=" SUM512, true},
		{"SHA-256=" SUM ",SHA-512=" SUM512, true},
		{"SHA-512=" SUM512 ", SHA-256=" SUM ", md5=x", true},
		{"SHA-512=" SUM512 ", SHA-256=" OTHER, false},
		{"SHA-512=" SUM512 ", SHA-512=" SUM512, false},
		{"SHA-256=" SUM512, false},
		{"SHA-384=" SUM512, false},
		{"SHA-256=" SUM ",md5=x", true},
		{" SHA-256=" SUM " ", true},
		{"unixsum=30637, , SHA-256=" SUM, true},
		{"SHA-256=" OTHER, false},
		{"SHA-256=" SUM ", SHA-256=" SUM, false}, /* doubled, even if the same */
		{"SHA-256=" SUM ", SHA-256=" OTHER, false},
		{"SHA-256=" OTHER ", sha-256=" SUM, false},
		{"SHA-512=" SUM, false},
		{"SHA-1=" SUM, false},
		{"md5=" SUM, false},
		{"SHA-256=", false},
		{"SHA-256", false},
		{"SHA256=" SUM, false},
		{"SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPF=", false},
		{"SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9D", false},
		{"SHA-256=" SUM "AAAA", false},
		{"SHA-256=:" SUM ":", false}, /* the other header's form */
		{"=" SUM, false},
		{"", false},
	};
	static const struct {
		const char *header;
		bool ok;
	} content[] = {
		{"sha-256=:" SUM ":", true},
		{"sha-512=:" SUM512 ":, sha-256=:" SUM ":", true},
		{"sha-512=:" SUM512 ":", true},
		{"sha-512=:" SUM512 ":, sha-256=:" OTHER ":", false},
		{"sha-512=" SUM512, false},
		{"sha-256=:" OTHER ":", false},
		{"sha-256=:" SUM ":, sha-256=:" SUM ":", false},
		{"sha-256=" SUM, false},
		{"sha-256=:" SUM, false},
		{"sha-256=:", false},
		{"sha-256=::", false},
		{"sha-512=:" SUM ":", false},
		{"sha-256;x=:" SUM ":", false},
		{"", false},
	};
	const struct span body = SPAN("{\"hello\": \"world\"}");
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(digest); i++)
		if (digest_header_matches(a, span_of(digest[i].header), body) != digest[i].ok)
			check_fail("Digest: %s", digest[i].header);
	for (size_t i = 0; i < ARRAY_LEN(content); i++)
		if (content_digest_header_matches(a, span_of(content[i].header), body) !=
			content[i].ok)
			check_fail("Content-Digest: %s", content[i].header);
	assert_false(digest_header_matches(a, SPAN_NONE, body));
	/* One bit of the body. */
	assert_false(
		digest_header_matches(a, SPAN("SHA-256=" SUM), SPAN("{\"hello\": \"World\"}")));
	/* A header that is all commas costs no more than it may. */
	assert_false(digest_header_matches(a, arena_printf(a, "%02000d", 0), body));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sha256),
		TEST(test_sha512),
		TEST(test_headers),
		TEST(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
