#include "base/map.h"

#include "base/list.h"
#include "lib/check.h"

static void
test_basic(void **state)
{
	struct map *m = map_new();
	char key[] = "key";
	int one, two;

	(void)state;
	assert_null(map_get(m, SPAN("key")));
	assert_null(map_remove(m, SPAN("key")));
	assert_null(map_put(m, span_of(key), &one));
	key[0] = 'x'; /* the map has a copy */
	assert_ptr_equal(map_get(m, SPAN("key")), &one);
	assert_null(map_get(m, SPAN("ke")));
	assert_null(map_get(m, SPAN("keys")));
	assert_ptr_equal(map_put(m, SPAN("key"), &two), &one);
	assert_int_equal(map_count(m), 1);
	assert_null(map_put(m, SPAN(""), &one));
	assert_null(map_put(m, span_from("\0", 1), &two));
	assert_ptr_equal(map_get(m, SPAN("")), &one);
	assert_ptr_equal(map_get(m, SPAN_NONE), &one);
	assert_ptr_equal(map_get(m, span_from("\0", 1)), &two);
	assert_ptr_equal(map_remove(m, SPAN("key")), &two);
	assert_null(map_get(m, SPAN("key")));
	assert_int_equal(map_count(m), 2);
	map_free(m, NULL);
	map_free(NULL, NULL);
}

#define KEYS 2000

static uint32_t seed = 1;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Against an array that knows better: puts, gets and removals at random. */
static void
test_model(void **state)
{
	static int values[KEYS];
	static bool there[KEYS], seen[KEYS];
	struct map *m = map_new();
	size_t count = 0, at = 0, n = 0;
	struct span key;
	void *value;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		const uint32_t k = chance(KEYS);
		char text[16];

		(void)snprintf(text, sizeof(text), "k%u", k);
		switch (chance(3)) {
		case 0:
			value = map_put(m, span_of(text), &values[k]);
			assert_ptr_equal(value, there[k] ? &values[k] : NULL);
			count += !there[k];
			there[k] = true;
			break;
		case 1:
			value = map_remove(m, span_of(text));
			assert_ptr_equal(value, there[k] ? &values[k] : NULL);
			count -= there[k];
			there[k] = false;
			break;
		default:
			value = map_get(m, span_of(text));
			assert_ptr_equal(value, there[k] ? &values[k] : NULL);
		}
		assert_int_equal(map_count(m), count);
	}
	while (map_next(m, &at, &key, &value)) {
		const ptrdiff_t k = (int *)value - values;
		char text[16];

		(void)snprintf(text, sizeof(text), "k%d", (int)k);
		check_span(key, span_of(text));
		assert_true(there[k] && !seen[k]);
		seen[k] = true;
		n++;
	}
	assert_int_equal(n, count);
	map_free(m, NULL);
}

static int released;

static void
release(void *value)
{
	free(value);
	released++;
}

static void
test_release(void **state)
{
	struct map *m = map_new();

	(void)state;
	released = 0;
	for (int i = 0; i < 100; i++)
		assert_null(map_put(m, span_from(&i, sizeof(i)), calloc(1, 1)));
	for (int i = 0; i < 10; i++)
		free(map_remove(m, span_from(&i, sizeof(i))));
	map_free(m, release);
	assert_int_equal(released, 90);
}

/* ---- list.h ---- */

struct item {
	int value;
	struct list link;
};

static void
check_list(struct list *head, const char *want)
{
	char got[32] = "";
	size_t n = 0;

	LIST_EACH(it, head)
	{
		got[n++] = (char)('0' + LIST_ENTRY(it, struct item, link)->value);
		assert_true(n < sizeof(got));
		assert_ptr_equal(it->next->prev, it);
	}
	got[n] = '\0';
	assert_string_equal(got, want);
	assert_int_equal(list_empty(head), want[0] == '\0');
}

static void
test_list(void **state)
{
	struct item items[5] = {0};
	struct list head;

	(void)state;
	list_init(&head);
	check_list(&head, "");
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		assert_false(list_linked(&items[i].link));
		list_unlink(&items[i].link); /* of a zeroed one: nothing happens */
	}
	list_append(&head, &items[1].link);
	list_append(&head, &items[2].link);
	list_prepend(&head, &items[0].link);
	list_append(&head, &items[3].link);
	check_list(&head, "0123");
	assert_true(list_linked(&items[2].link));
	list_unlink(&items[2].link);
	list_unlink(&items[2].link); /* twice does no harm */
	assert_false(list_linked(&items[2].link));
	check_list(&head, "013");
	list_append(&head, &items[2].link);
	assert_int_equal(LIST_ENTRY(list_pop(&head), struct item, link)->value, 0);
	assert_false(list_linked(&items[0].link));
	check_list(&head, "132");
	LIST_EACH_SAFE(it, &head)
	{
		list_unlink(it);
	}
	check_list(&head, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
