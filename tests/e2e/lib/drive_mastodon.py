"""Drives Debian's Mastodon.py anonymously against a hub. Prints one JSON document."""

import json
import sys

from mastodon import Mastodon

base, slug = sys.argv[1:3]
m = Mastodon(api_base_url=base, ratelimit_method="throw", request_timeout=20)
out = {"version": m.retrieve_mastodon_version()}
instance = m.instance()
out["title"] = instance["title"]
seen = []
page = m.timeline_local(limit=20)
while page:
    seen.extend(page)
    page = m.fetch_next(page)
out["ids"] = [str(s["id"]) for s in seen]
out["created"] = [s["created_at"].isoformat() for s in seen[:3]]
account = m.account_lookup(slug)
out["account"] = account["acct"]
out["statuses"] = len(m.account_statuses(account["id"], limit=40))
status = m.status(seen[0]["id"])
out["status"] = str(status["id"])
out["tags"] = [t["name"] for t in status["tags"]]
first = m.timeline_local(limit=5)
out["newer"] = [str(s["id"]) for s in m.timeline_local(since_id=first[4]["id"], limit=20)]
back = m.fetch_previous(m.fetch_next(first))
out["back"] = [str(s["id"]) for s in back]
json.dump(out, sys.stdout)
