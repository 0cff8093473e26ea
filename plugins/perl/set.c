/* Sets of addresses: see set.h. */
#include "set.h"

#include "api.h"

#include <stdint.h>

size_t set_place(const struct set *s, const void *p) {
	size_t at = ((uintptr_t)p >> 3) * 0x9E3779B97F4A7C15ull >> 20 & (s->size - 1);

	while (s->slots[at] && s->slots[at] != p)
		at = (at + 1) & (s->size - 1);
	return at;
}

int set_has(const struct set *s, const void *p) {
	return s->size > 0 && s->slots[set_place(s, p)] == p;
}

void set_add(struct set *s, const void *p) {
	if (!p || set_has(s, p))
		return;
	if (s->count * 2 >= s->size) {
		struct set more = {.size = s->size ? s->size * 2 : 1024};

		Newxz(more.slots, more.size, const void *);
		for (size_t i = 0; i < s->size; i++)
			if (s->slots[i])
				more.slots[set_place(&more, s->slots[i])] = s->slots[i];
		more.count = s->count;
		Safefree(s->slots);
		*s = more;
	}
	s->slots[set_place(s, p)] = p;
	s->count++;
}

void set_free(struct set *s) {
	Safefree(s->slots);
	*s = (struct set){0};
}
