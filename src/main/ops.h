/*
 * Ops: what operators ask a worker. /health: the process answers. /ready: it can do its work.
 * /metrics on a listener of its own.
 */
#ifndef MAIN_OPS_H
#define MAIN_OPS_H

#include "net/httpd.h"

/* False when the request is none of ours. leaving: the hub stops, not only this worker. */
bool ops_handle(struct httpd_req *r, bool leaving);
/* The handler of the metrics listener; arg is a NUL-terminated label, e.g. worker="1". */
void ops_metrics(struct httpd_req *r, void *arg);

#endif
