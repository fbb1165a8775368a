#include "connector/connector.h"

static const struct connector *const connectors[] = {
	&connector_feed,
};

const struct connector *
connector_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(connectors); i++)
		if (span_is(name, connectors[i]->name))
			return connectors[i];
	return NULL;
}
