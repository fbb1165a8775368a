"""Drives toot's own API functions against a hub, as its commands would, without a login."""

import json
import sys

from toot import App, User, api

base, slug, status = sys.argv[1:4]
scheme, host = base.split("://", 1)
app = App(host, base, "client", "secret")
user = User(host, slug, "token")  # a token nobody asked for is accepted and ignored
out = {
    "title": api.get_instance(host, scheme)["title"],
    "timeline": [s["id"] for s in next(api.public_timeline_generator(app, user, local=True))],
    "single": api.single_status(app, user, status)["id"],
    "fetched": api.fetch_status(app, user, status)["id"],
    "pages": sum(len(p) for p in api.public_timeline_generator(app, user, local=True, limit=40)),
}
json.dump(out, sys.stdout)
