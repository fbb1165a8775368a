/*
 * AUTO(type): releases a handle when its scope ends, by type##_auto(type **).
 * The owner of a foreign library defines the release beside its include:
 *	AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
 *	AUTO(EVP_PKEY) *key = ...;
 * AUTO_TAKE(p) gives the handle away.
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#define AUTO_DEFINE(type, release)                                                             \
	static inline __attribute__((unused)) void type##_auto(type **p)                       \
	{                                                                                      \
		if (*p)                                                                        \
			release(*p);                                                           \
	}
#define AUTO(type) __attribute__((cleanup(type##_auto))) type
#define AUTO_TAKE(p)                                                                           \
	__extension__({                                                                        \
		__auto_type take_ = (p);                                                       \
		(p) = NULL;                                                                    \
		take_;                                                                         \
	})

#endif
