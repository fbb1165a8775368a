#!/usr/bin/python3
"""The demo site: seven invented public organisations, each with a feed of its own kind.

Serves feeds, pages and pictures over HTTP on one loopback address. Items are dated relative to
an anchor (now, or the time kept in --anchor), so that every page of the hub is full; items with
a negative age appear when their time has come. With --control none of these comes, and tests may
add, edit and remove items, serve faults and count requests.
"""

import argparse
import base64
import datetime
import email.utils
import hashlib
import html
import http.server
import json
import os
import re
import signal
import socketserver
import sys
import threading
import urllib.parse
from xml.sax.saxutils import escape, quoteattr

HERE = os.path.dirname(os.path.abspath(__file__))
WEEKDAYS = "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split()
MONTHS = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)
BODY_MAX = 64 * 1024 * 1024
TYPES = {
    "rss2": "application/rss+xml; charset=utf-8",
    "media-rss": "application/rss+xml; charset=utf-8",
    "rss2-cp1252": "application/rss+xml",
    "rss1": "application/rdf+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "atom-xhtml": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


def age_seconds(text):
    """'6m', '3h', '2d', '-4m' as seconds."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def slugify(text):
    text = text.lower()
    for old, new in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(old, new)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:60]


def german_date(day):
    return f"{WEEKDAYS[day.weekday()]}, {day.day}. {MONTHS[day.month - 1]}"


def inline(text):
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))


def markup(text, when):
    """Blank lines part paragraphs, '- ' makes a list, {+5} is a date five days after when."""
    text = re.sub(
        r"\{\+(\d+)\}",
        lambda m: german_date(when + datetime.timedelta(days=int(m.group(1)))),
        text,
    )
    out = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.split("\n")]
        if all(line.startswith("- ") for line in lines):
            out.append("<ul>" + "".join(f"<li>{inline(x[2:])}</li>" for x in lines) + "</ul>")
        else:
            out.append(f"<p>{inline(' '.join(lines))}</p>")
    return "\n".join(out)


class Item:
    def __init__(self, ident, title, when, body, lang=None, tags=(), images=()):
        self.id = ident
        self.title = title
        self.when = when  # aware datetime, UTC
        self.changed = when
        self.html = body
        self.lang = lang
        self.tags = list(tags)
        self.images = list(images)  # (src, alt)


class Org:
    def __init__(self, head):
        self.slug = head["slug"]
        self.name = head["name"]
        self.kind = head["kind"]
        self.path = head["path"]
        self.feed = head["feed"]
        self.format = head["format"]
        self.language = head["language"]
        self.summary = head["summary"]
        self.items = []
        self.touched = None


def read_org(path, anchor):
    head, _, rest = open(path, encoding="utf-8").read().partition("\n== ")
    org = Org(dict(line.split(": ", 1) for line in head.strip().split("\n")))
    for block in ("\n== " + rest).split("\n== ")[1:]:
        first, _, text = block.partition("\n")
        age, title = first.split(" ", 1)
        fields, images = {}, []
        while re.match(r"(lang|tags|image): ", text):
            line, _, text = text.partition("\n")
            key, value = line.split(": ", 1)
            if key == "image":
                images.append(tuple(x.strip() for x in value.split("|", 1)))
            else:
                fields[key] = value
        when = anchor - datetime.timedelta(seconds=age_seconds(age))
        tags = [t.strip() for t in fields.get("tags", "").split(",") if t.strip()]
        org.items.append(
            Item(slugify(title), title, when, markup(text, when), fields.get("lang"), tags, images)
        )
    return org


class Site:
    """All state; every use is under the lock."""

    def __init__(self, base, anchor, coming=True):
        self.base = base
        self.lock = threading.Lock()
        self.counts = {}
        self.served = {}  # path -> dict: what tests put there
        self.orgs = {}
        for name in sorted(os.listdir(os.path.join(HERE, "content"))):
            if name.endswith(".txt"):
                org = read_org(os.path.join(HERE, "content", name), anchor)
                if not coming:
                    org.items = [i for i in org.items if i.when <= anchor]
                self.orgs[org.path] = org

    def link(self, org, item):
        return f"{self.base}/{org.path}/{item.id}"

    def image(self, src):
        return src if "://" in src else f"{self.base}/bilder/{src}"

    def visible(self, org):
        now = datetime.datetime.now(datetime.timezone.utc)
        items = [i for i in org.items if i.when <= now]
        return sorted(items, key=lambda i: i.when, reverse=True)

    def changed(self, org):
        times = [max(i.when, i.changed) for i in self.visible(org)]
        if org.touched:
            times.append(org.touched)
        return max(times, default=datetime.datetime.fromtimestamp(0, datetime.timezone.utc))

    # ---- what an item looks like ----

    def figures(self, item):
        out = []
        for src, alt in item.images:
            out.append(
                f"<p><img src={quoteattr(self.image(src))} alt={quoteattr(alt)}"
                ' width="1200" height="800"/></p>'
            )
        return "\n".join(out)

    def body(self, item, figures=True):
        return (self.figures(item) + "\n" if figures and item.images else "") + item.html

    def teaser(self, item):
        text = re.sub(r"<[^>]+>", " ", item.html.split("</p>")[0])
        return html.unescape(re.sub(r"\s+", " ", text)).strip()

    # ---- feeds ----

    def feed(self, org):
        make = {
            "rss2": self.rss2,
            "media-rss": self.media_rss,
            "rss2-cp1252": self.cp1252,
            "rss1": self.rss1,
            "atom": self.atom,
            "atom-xhtml": self.atom_xhtml,
            "json": self.json_feed,
        }[org.format]
        return make(org, self.visible(org))

    def rss_head(self, org, namespaces, encoding="UTF-8"):
        return (
            f'<?xml version="1.0" encoding="{encoding}"?>\n'
            f'<rss version="2.0"{namespaces}>\n<channel>\n'
            f"<title>{escape(org.name)}</title>\n"
            f"<link>{self.base}/{org.path}/</link>\n"
            f"<description>{escape(org.summary)}</description>\n"
            f"<language>{org.language}</language>\n"
            f"<lastBuildDate>{rfc822(self.changed(org))}</lastBuildDate>\n"
        )

    def rss_item(self, org, item):
        return (
            f"<item>\n<title>{escape(item.title)}</title>\n"
            f"<link>{self.link(org, item)}</link>\n"
            f'<guid isPermaLink="false">{org.path}:{escape(item.id)}</guid>\n'
            f"<pubDate>{rfc822(item.when)}</pubDate>\n"
            + "".join(f"<category>{escape(t)}</category>\n" for t in item.tags)
        )

    def rss2(self, org, items):
        out = self.rss_head(
            org,
            ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/"',
        )
        for i in items:
            body = self.body(i).replace("]]>", "]]]]><![CDATA[>")
            out += self.rss_item(org, i)
            if i.lang:
                out += f"<dc:language>{i.lang}</dc:language>\n"
            out += f"<description>{escape(self.teaser(i))}</description>\n"
            out += f"<content:encoded><![CDATA[{body}]]></content:encoded>\n</item>\n"
        return (out + "</channel>\n</rss>\n").encode()

    def media_rss(self, org, items):
        out = self.rss_head(
            org,
            ' xmlns:media="http://search.yahoo.com/mrss/"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/"',
        )
        for i in items:
            out += self.rss_item(org, i)
            if i.lang:
                out += f"<dc:language>{i.lang}</dc:language>\n"
            out += f"<description>{escape(i.html)}</description>\n"
            for n, (src, alt) in enumerate(i.images):
                size = picture_size(src)
                kind = picture_type(src)
                url = quoteattr(self.image(src))
                if n == 0:
                    out += f'<enclosure url={url} length="{size}" type="{kind}"/>\n'
                out += (
                    f'<media:content url={url} type="{kind}" medium="image" width="1200"'
                    f' height="800" fileSize="{size}">\n'
                    f'<media:description type="plain">{escape(alt)}</media:description>\n'
                    "</media:content>\n"
                )
            out += "</item>\n"
        return (out + "</channel>\n</rss>\n").encode()

    def cp1252(self, org, items):
        out = self.rss_head(org, "", "windows-1252")
        for i in items:
            out += self.rss_item(org, i)
            out += f"<description>{escape(self.body(i))}</description>\n</item>\n"
        return (out + "</channel>\n</rss>\n").encode("cp1252", "xmlcharrefreplace")

    def rss1(self, org, items):
        out = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
            ' xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            ' xmlns:content="http://purl.org/rss/1.0/modules/content/">\n'
            f'<channel rdf:about="{self.base}/{org.path}/{org.feed}">\n'
            f"<title>{escape(org.name)}</title>\n<link>{self.base}/{org.path}/</link>\n"
            f"<description>{escape(org.summary)}</description>\n"
            f"<dc:language>{org.language}</dc:language>\n<items><rdf:Seq>\n"
        )
        for i in items:
            out += f'<rdf:li rdf:resource="{self.link(org, i)}"/>\n'
        out += "</rdf:Seq></items>\n</channel>\n"
        for i in items:
            out += (
                f'<item rdf:about="{self.link(org, i)}">\n<title>{escape(i.title)}</title>\n'
                f"<link>{self.link(org, i)}</link>\n"
                f"<description>{escape(self.teaser(i))}</description>\n"
                f"<content:encoded>{escape(self.body(i))}</content:encoded>\n"
                f"<dc:date>{rfc3339(i.when)}</dc:date>\n"
                f"<dc:language>{i.lang or org.language}</dc:language>\n"
                + "".join(f"<dc:subject>{escape(t)}</dc:subject>\n" for t in i.tags)
                + "</item>\n"
            )
        return (out + "</rdf:RDF>\n").encode()

    def atom_feed(self, org, items, content):
        url = f"{self.base}/{org.path}/{org.feed}"
        out = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{org.language}">\n'
            f"<id>{url}</id>\n<title>{escape(org.name)}</title>\n"
            f"<subtitle>{escape(org.summary)}</subtitle>\n"
            f'<link rel="self" href="{url}"/>\n'
            f'<link rel="alternate" type="text/html" href="{self.base}/{org.path}/"/>\n'
            f"<updated>{rfc3339(self.changed(org))}</updated>\n"
            f"<author><name>{escape(org.name)}</name></author>\n"
        )
        for i in items:
            lang = f' xml:lang="{i.lang}"' if i.lang else ""
            out += (
                f"<entry{lang}>\n<id>tag:musterkreis.example,2026:{org.path}/{escape(i.id)}</id>\n"
                f"<title>{escape(i.title)}</title>\n"
                f'<link rel="alternate" type="text/html" href="{self.link(org, i)}"/>\n'
                f"<published>{rfc3339(i.when)}</published>\n"
                f"<updated>{rfc3339(max(i.when, i.changed))}</updated>\n"
                + "".join(f"<category term={quoteattr(t)}/>\n" for t in i.tags)
                + content(i)
                + "</entry>\n"
            )
        return (out + "</feed>\n").encode()

    def atom(self, org, items):
        return self.atom_feed(
            org, items, lambda i: f'<content type="html">{escape(self.body(i))}</content>\n'
        )

    def atom_xhtml(self, org, items):
        return self.atom_feed(
            org,
            items,
            lambda i: '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'
            f"{self.body(i)}</div></content>\n",
        )

    def json_feed(self, org, items):
        def entry(i):
            out = {
                "id": f"{org.path}:{i.id}",
                "url": self.link(org, i),
                "title": i.title,
                "content_html": self.body(i),
                "summary": self.teaser(i),
                "date_published": rfc3339(i.when),
                "date_modified": rfc3339(max(i.when, i.changed)),
                "tags": i.tags,
                "language": i.lang or org.language,
            }
            if i.images:
                out["image"] = self.image(i.images[0][0])
            return out

        feed = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": org.name,
            "description": org.summary,
            "home_page_url": f"{self.base}/{org.path}/",
            "feed_url": f"{self.base}/{org.path}/{org.feed}",
            "language": org.language,
            "authors": [{"name": org.name}],
            "items": [entry(i) for i in items],
        }
        return json.dumps(feed, ensure_ascii=False, indent=1).encode()

    # ---- pages ----

    def page(self, title, body, lang="de", head=""):
        return (
            f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n{head}"
            "<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:44rem;margin:2rem auto;"
            "padding:0 1rem}img{max-width:100%;height:auto;border-radius:.5rem}"
            "time{color:#555}</style>\n"
            f"</head>\n<body>\n{body}\n</body>\n</html>\n"
        ).encode()

    def home_page(self):
        rows = "".join(
            f'<li><a href="/{o.path}/">{escape(o.name)}</a>: {escape(o.summary)}</li>\n'
            for o in self.orgs.values()
        )
        return self.page("Musterkreis", f"<h1>Musterkreis</h1>\n<ul>\n{rows}</ul>")

    def org_page(self, org):
        kind = TYPES[org.format].split(";")[0]
        head = (
            f'<link rel="alternate" type="{kind}" title={quoteattr(org.name)}'
            f' href="/{org.path}/{org.feed}">\n'
        )
        rows = "".join(
            f'<li><a href="/{org.path}/{i.id}">{escape(i.title)}</a>'
            f" <time>{german_date(i.when)}</time></li>\n"
            for i in self.visible(org)
        )
        body = f"<h1>{escape(org.name)}</h1>\n<p>{escape(org.summary)}</p>\n<ul>\n{rows}</ul>"
        return self.page(org.name, body, org.language, head)

    def item_page(self, org, item):
        body = (
            f'<p><a href="/{org.path}/">{escape(org.name)}</a></p>\n'
            f"<h1>{escape(item.title)}</h1>\n"
            f'<p><time datetime="{rfc3339(item.when)}">{german_date(item.when)}</time></p>\n'
            f"{self.body(item)}"
        )
        return self.page(item.title, body, item.lang or org.language)

    # ---- what tests ask for ----

    def control(self, what, args):
        now = datetime.datetime.now(datetime.timezone.utc)
        if what == "serve":
            self.served[args["path"]] = args
            return {"url": self.base + args["path"]}
        if what == "unserve":
            self.served.pop(args["path"], None)
            return {}
        if what == "reset":
            self.counts.clear()
            return {}
        if what == "requests":
            return self.counts
        org = self.orgs[args["org"]]
        if what == "clear":
            org.items, org.touched = [], now
            return {}
        if what == "add":
            when = now - datetime.timedelta(seconds=args.get("age_s", 0))
            item = Item(
                args.get("id") or slugify(args["title"]),
                args["title"],
                when,
                args.get("html", ""),
                args.get("lang"),
                args.get("tags", []),
                [tuple(x) for x in args.get("images", [])],
            )
            item.changed = now
            org.items = [i for i in org.items if i.id != item.id] + [item]
            return {"id": item.id, "url": self.link(org, item)}
        found = [i for i in org.items if i.id == args["id"]]
        if not found:
            raise KeyError(args["id"])
        if what == "edit":
            for key in ("title", "html", "lang", "tags"):
                if key in args:
                    setattr(found[0], key, args[key])
            if "images" in args:
                found[0].images = [tuple(x) for x in args["images"]]
            found[0].changed = now
            return {"id": found[0].id, "url": self.link(org, found[0])}
        if what == "remove":
            org.items.remove(found[0])
            org.touched = now
            return {}
        raise KeyError(what)


def rfc822(when):
    return email.utils.format_datetime(when.astimezone(datetime.timezone.utc), usegmt=True)


def rfc3339(when):
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def picture_path(src):
    return os.path.join(HERE, "images", os.path.basename(src))


def picture_size(src):
    try:
        return os.path.getsize(picture_path(src))
    except OSError:
        return 0


def picture_type(src):
    return "image/png" if src.endswith(".png") else "image/jpeg"


def many_items(count):
    """A well-formed RSS feed of `count` small items."""
    now = datetime.datetime.now(datetime.timezone.utc)
    yield b'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
    yield b"<title>Viele</title><link>http://example.org/</link><description>-</description>\n"
    for n in range(count):
        when = rfc822(now - datetime.timedelta(minutes=n))
        yield (
            f'<item><guid isPermaLink="false">viele-{n}</guid><title>Meldung {n}</title>'
            f"<pubDate>{when}</pubDate><description>Nummer {n} von {count}.</description></item>\n"
        ).encode()
    yield b"</channel></rss>\n"


def amplified(what):
    """Eight megabytes whose short relative links have a long base: resolved they are gigabytes."""
    size = (8 << 20) - 4096
    base = "http://example.org/" + "b" * 1950 + "/"
    date = rfc822(datetime.datetime.now(datetime.timezone.utc))
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    head = f'<rss version="2.0" xml:base="{base}" {media}><channel><title>Lang</title>'
    item = f'<item><guid isPermaLink="false">lang-%d</guid><pubDate>{date}</pubDate>%s</item>'
    tail = "</channel></rss>"
    if what == "links":
        inner = "<description>" + "&lt;a href=x&gt;y&lt;/a&gt; " * 200 + "</description>"
    elif what == "media":
        inner = "".join(f'<media:content url="{n}"/>' for n in range(10))
    elif what == "pictures":
        inner = "".join(f"&lt;img src={n} srcset='1{n} 2x'&gt;" for n in range(20))
        inner = f"<description>{inner}</description>"
    elif what == "channel":
        return head + "<link>x</link>" * ((size - len(head)) // 14) + tail
    elif what == "entry":
        head = f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{base}"><title>Lang</title>'
        head += "<entry><id>urn:lang</id><title>Lang</title>"
        link = '<link href="x" type="text/html"/>'
        return head + link * 90000 + "</entry></feed>"
    else:
        return head + "<a/>" * ((size - len(head)) // 4) + tail
    count = (size - len(head)) // len(item % (99999, inner))
    return head + "".join(item % (n, inner) for n in range(min(count, 10000))) + tail


XXE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rss [
<!ENTITY file SYSTEM "file:///etc/passwd">
<!ENTITY net SYSTEM "%s/fault/trap">
<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
]>
<rss version="2.0"><channel><title>Falle</title><link>http://example.org/</link>
<description>-</description>
<item><guid isPermaLink="false">xxe-1</guid><title>Datei &file; Ende</title>
<description>Netz &net; Bombe &f; Ende</description></item>
</channel></rss>
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-site"
    sys_version = ""
    timeout = 120

    def log_message(self, format, *args):  # requests are counted, not logged
        pass

    # ---- answers ----

    def answer(self, status, kind, body, headers=()):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cacheable(self, kind, body, changed):
        """Answers with validators, or 304 when the client has this version."""
        etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
        headers = [
            ("ETag", etag),
            ("Last-Modified", rfc822(changed)),
            ("Cache-Control", "max-age=0"),
        ]
        match = self.headers.get("If-None-Match")
        since = self.headers.get("If-Modified-Since")
        if match is not None:
            fresh = etag in [x.strip().removeprefix("W/") for x in match.split(",")]
        else:
            fresh = since is not None and since == rfc822(changed)
        if fresh:
            self.send_response(304)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            return
        self.answer(200, kind, body, headers)

    def missing(self):
        page = self.server.site.page("Nicht gefunden", "<h1>Diese Seite gibt es nicht</h1>")
        self.answer(404, "text/html; charset=utf-8", page)

    # ---- requests ----

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        site = self.server.site
        target = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(target.path)
        with site.lock:
            site.counts[path] = site.counts.get(path, 0) + 1
            served = site.served.get(path)
        if self.server.control and served is not None:
            return self.serve_given(served)
        if self.server.control and path.startswith("/fault/"):
            return self.fault(path[7:], urllib.parse.parse_qs(target.query))
        if self.server.control and path == "/control/requests":
            with site.lock:
                return self.reply_json(200, dict(site.counts))
        if path == "/":
            return self.answer(200, "text/html; charset=utf-8", site.home_page())
        if path.startswith("/bilder/"):
            return self.picture(path[8:])
        parts = path.strip("/").split("/")
        with site.lock:
            org = site.orgs.get(parts[0])
            if org is None or len(parts) > 2:
                found = None
            elif len(parts) == 1:
                found = ("text/html; charset=utf-8", site.org_page(org), site.changed(org))
            elif parts[1] == org.feed:
                found = (TYPES[org.format], site.feed(org), site.changed(org))
            else:
                found = None
                for item in site.visible(org):
                    if item.id == parts[1]:
                        page = site.item_page(org, item)
                        found = ("text/html; charset=utf-8", page, item.changed)
        if found is None:
            return self.missing()
        return self.cacheable(*found)

    def picture(self, name):
        if not re.fullmatch(r"[a-z0-9-]+\.(jpg|png)", name):
            return self.missing()
        try:
            with open(picture_path(name), "rb") as f:
                body = f.read()
        except OSError:
            return self.missing()
        changed = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
        return self.cacheable(picture_type(name), body, changed)

    def reply_json(self, status, value):
        self.answer(status, "application/json", json.dumps(value).encode())

    def do_POST(self):
        size = int(self.headers.get("Content-Length") or 0)
        if not self.server.control or not self.path.startswith("/control/") or size > BODY_MAX:
            self.close_connection = True
            return self.missing()
        args = json.loads(self.rfile.read(size) or b"{}")
        site = self.server.site
        try:
            with site.lock:
                out = site.control(self.path[9:], args)
        except (KeyError, ValueError, TypeError) as e:
            return self.reply_json(400, {"error": f"{type(e).__name__}: {e}"})
        return self.reply_json(200, out)

    # ---- faults ----

    def serve_given(self, given):
        body = base64.b64decode(given["body_base64"]) if "body_base64" in given else b""
        body = body or given.get("body", "").encode()
        headers = [tuple(h) for h in given.get("headers", [])]
        self.answer(given.get("status", 200), given.get("type"), body, headers)

    def stream(self, kind, parts, declared=None):
        """A body of unknown length, ended by closing; stops when the client leaves."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if declared is not None:
            self.send_header("Content-Length", str(declared))
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for part in parts:
                self.wfile.write(part)
        except OSError:
            pass

    def fault(self, kind, query):
        site = self.server.site
        xml = "application/rss+xml; charset=utf-8"

        def number(name, default):
            return int(query.get(name, [default])[0])

        if kind == "many":
            return self.stream(xml, many_items(number("n", 10000)))
        if kind == "amplified":
            return self.answer(200, xml, amplified(query["what"][0]).encode())
        if kind == "huge":
            size = number("mb", 50) * 1024 * 1024
            head = b'<?xml version="1.0"?><rss version="2.0"><channel><title>Riesig</title><!--'
            block = b"x" * 65536
            return self.stream(xml, [head] + [block] * (size // len(block)))
        if kind == "slow":
            drip = (self.drop() for _ in range(3600))
            return self.stream(xml, drip)
        if kind == "truncated":
            body = b"".join(many_items(10))
            return self.answer(200, xml, body[: len(body) // 2])
        if kind == "cut":
            body = b"".join(many_items(10))
            return self.stream(xml, [body[: len(body) // 2]], declared=len(body))
        if kind == "malformed":
            body = b"".join(many_items(5)).replace(b"von 5.", b"& <br> &nbsp; von 5.")
            return self.answer(200, xml, body)
        if kind == "html":
            return self.answer(200, xml, site.page("Wartung", "<h1>Wartungsarbeiten</h1>"))
        if kind == "wrong-type":
            return self.answer(200, "image/png", b"".join(many_items(5)))
        if kind == "wrong-charset":
            body = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
            body += "<title>Zeichen</title><link>http://example.org/</link><description>-"
            body += '</description><item><guid isPermaLink="false">zeichen-1</guid>'
            body += "<title>Müllabfuhr „grün“ – 5 €</title></item></channel></rss>"
            return self.answer(200, "application/rss+xml; charset=utf-8", body.encode("cp1252"))
        if kind == "loop":
            return self.redirect("/fault/loop2")
        if kind == "loop2":
            return self.redirect("/fault/loop")
        if kind == "chain":
            n = number("n", 10)
            return self.redirect(f"/fault/chain?n={n - 1}" if n > 0 else "/stadt/rss.xml")
        if kind == "xxe":
            return self.answer(200, xml, (XXE % site.base).encode())
        if kind == "empty":
            return self.answer(200, xml, b"")
        if kind == "bytes":
            return self.answer(200, xml, bytes(range(256)) * 16)
        if kind == "status":
            headers = [("Retry-After", "120")] if number("code", 500) in (429, 503) else []
            return self.answer(number("code", 500), "text/plain", b"error\n", headers)
        return self.missing()

    def drop(self):
        if self.server.stopping.wait(1):
            raise OSError("stopping")
        return b" "

    def redirect(self, path):
        self.answer(302, None, b"", [("Location", self.server.site.base + path)])


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that left is no event
            super().handle_error(request, client_address)


def kept_anchor(path):
    """The time all ages count from: kept in a file, so that a restart changes nothing."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    if not path:
        return now
    try:
        with open(path, encoding="ascii") as f:
            return datetime.datetime.fromtimestamp(int(f.read()), datetime.timezone.utc)
    except FileNotFoundError:
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{int(now.timestamp())}\n")
        return now


def main():
    p = argparse.ArgumentParser(description="Serves the feeds of an invented county.")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=8422, help="0 takes any free port")
    p.add_argument("--anchor", metavar="FILE", help="keeps the time that ages count from")
    p.add_argument("--control", action="store_true", help="lets tests change and break things")
    p.add_argument("--list", action="store_true", help="prints the organisations and exits")
    o = p.parse_args()
    if o.list:
        site = Site(f"http://{o.host}:{o.port}", datetime.datetime.now(datetime.timezone.utc))
        for org in site.orgs.values():
            url = f"{site.base}/{org.path}"
            print(org.slug, org.kind, org.language, f"{url}/", f"{url}/{org.feed}", org.name,
                  org.summary, sep="\t")
        return 0
    try:
        server = Server((o.host, o.port), Handler)
    except OSError as e:
        print(f"site.py: cannot listen on {o.host}:{o.port}: {e.strerror}", file=sys.stderr)
        return 1
    base = f"http://{o.host}:{server.server_address[1]}"
    server.site = Site(base, kept_anchor(o.anchor), coming=not o.control)
    server.control = o.control
    server.stopping = threading.Event()

    def stop(*_):
        server.stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"listening on {server.site.base} pid {os.getpid()}", flush=True)
    server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
