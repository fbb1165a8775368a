-- The spine: settings, accounts, sources, posts, the record, federation, jobs.
-- Times are timestamptz; ids are 63-bit, made by litfass_id(); texts carry their limits in C.

-- One row per database: whose hub this is, and what the workers' caches watch.
CREATE TABLE setting (
	key text PRIMARY KEY,
	value jsonb NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- Bumped in the same transaction by every change of public output.
CREATE TABLE generation (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	n bigint NOT NULL DEFAULT 1,
	followers_at timestamptz -- a number of followers changed then and n does not show it yet
) WITH (fillfactor = 10);
INSERT INTO generation DEFAULT VALUES;

-- ids: milliseconds since 1970 << 16 | a sequence's low 16 bits. Texts sort by length, then bytes.
CREATE SEQUENCE litfass_id_seq;
CREATE FUNCTION litfass_id(at timestamptz DEFAULT clock_timestamp()) RETURNS bigint
LANGUAGE sql VOLATILE
AS $$ SELECT (floor(extract(epoch FROM at) * 1000)::bigint << 16) | (nextval('litfass_id_seq') & 65535) $$;

-- Ends the transaction unless exactly the expected number of rows was touched.
CREATE FUNCTION litfass_expect(got bigint, want bigint, what text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
	IF got IS DISTINCT FROM want THEN
		RAISE EXCEPTION 'expected % row(s) of %, got %', want, what, got USING ERRCODE = 'LF001';
	END IF;
	RETURN true;
END
$$;

-- Our own actors: organisations, the hub, the instance, later the network and topics.
CREATE TABLE account (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	kind text NOT NULL CHECK (kind IN ('organization', 'hub', 'instance')),
	slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9_.:-]+$' AND length(slug) <= 300),
	actor_type text NOT NULL CHECK (actor_type IN ('Organization', 'Service', 'Application')),
	claimed boolean NOT NULL DEFAULT false,
	org_kind text NOT NULL DEFAULT 'other',
	name text NOT NULL,
	summary text NOT NULL DEFAULT '',
	website text,
	language text NOT NULL DEFAULT 'de',
	avatar_media bigint,
	header_media bigint,
	public_key_pem text NOT NULL,       -- RSA, SPKI
	ed25519_public bytea NOT NULL,      -- 32 bytes
	private_keys bytea NOT NULL,        -- sealed: AES-256-GCM, AAD account/<slug>/private_keys
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX account_one_hub ON account (kind) WHERE kind IN ('hub', 'instance');

-- What changes with every post stands in a narrow row of its own.
CREATE TABLE account_count (
	account bigint PRIMARY KEY REFERENCES account,
	posts bigint NOT NULL DEFAULT 0,
	followers bigint NOT NULL DEFAULT 0,
	last_post_at timestamptz
) WITH (fillfactor = 10);

-- Where an organisation publishes.
CREATE TABLE source (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	account bigint NOT NULL REFERENCES account,
	connector text NOT NULL,
	url text NOT NULL,
	settings jsonb NOT NULL DEFAULT '{}',
	secret bytea,                       -- sealed: AAD source/<id>/secret
	language text,
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
	health text NOT NULL DEFAULT 'new'
		CHECK (health IN ('new', 'ok', 'degraded', 'auth_needed', 'paused_quota', 'gone')),
	health_text text,                   -- a sentence for people
	etag text,
	last_modified text,
	moved_to text,                      -- seen once as a permanent redirect
	moved_at timestamptz,
	connected_at timestamptz,           -- first successful read: older items are archive
	interval_s bigint NOT NULL DEFAULT 600,
	min_interval_s bigint,              -- set by the operator; NULL = adaptive only
	skip_hours bigint NOT NULL DEFAULT 0, -- bit n: the source wants no poll from n:00 UTC on
	next_poll_at timestamptz NOT NULL DEFAULT now(),
	fail_count bigint NOT NULL DEFAULT 0,
	last_ok_at timestamptz,
	last_new_at timestamptz,
	backfill_url text,                  -- of a first connect: the page of older items to read
	backfill_at timestamptz,            -- when it is due
	backfill_seen text,                 -- first and last item of the page before it
	backfill_again_at timestamptz,      -- an item has to wait until then: all pages once more
	backfill_pages bigint NOT NULL DEFAULT 0,
	backfill_fails bigint NOT NULL DEFAULT 0,
	backfill_error text,                -- why it waits, or why what is older is missing
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (account, url)
);

-- One file of the media store, known by its bytes.
CREATE TABLE media (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	sha256 bytea NOT NULL UNIQUE,       -- of the original as downloaded
	source_url text NOT NULL,
	type text NOT NULL CHECK (type IN ('image', 'video', 'audio', 'unknown')),
	state text NOT NULL CHECK (state IN ('ready', 'bad')),
	blob text,                          -- name of the large variant, served
	blob_type text,
	width bigint, height bigint, bytes bigint,
	small_blob text,
	small_width bigint, small_height bigint,
	blurhash text,
	error text,                         -- of a bad one: why nothing can be made of it
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX media_source_url ON media (source_url);
CREATE INDEX media_blob ON media (blob);
CREATE INDEX media_small_blob ON media (small_blob);

-- What an organisation published. Kept for ever, also when deleted, so that it never comes back.
CREATE TABLE post (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	account bigint NOT NULL REFERENCES account,
	source bigint REFERENCES source,
	remote_id text,                     -- identity at the source
	state text NOT NULL CHECK (state IN ('published', 'held', 'dropped', 'withdrawn')),
	archive boolean NOT NULL DEFAULT false,
	dated boolean NOT NULL DEFAULT false, -- the id is of its publication, also if it was held
	revision bigint NOT NULL DEFAULT 1,
	content_hash bytea NOT NULL,        -- of what the source said, decides about edits
	title text NOT NULL DEFAULT '',
	html text NOT NULL,                 -- sanitised
	text text NOT NULL,                 -- plain
	language text NOT NULL,
	url text,                           -- permalink at the source
	sensitive boolean NOT NULL DEFAULT false,
	tags text[] NOT NULL DEFAULT '{}',  -- as written, without '#'
	tag_keys text[] NOT NULL DEFAULT '{}', -- the same in lower case, for finding
	reason text,                        -- of a decision other than publish
	published_at timestamptz NOT NULL,
	edited_at timestamptz,
	deleted_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (source, remote_id)
);
-- Timelines go by id: the time of its release, or of publication for what a first connect found.
CREATE INDEX post_public ON post (id DESC) WHERE state = 'published';
CREATE INDEX post_account ON post (account, id DESC) WHERE state = 'published';
CREATE INDEX post_held ON post (id) WHERE state = 'held';
CREATE INDEX post_tags ON post USING gin (tag_keys) WHERE state = 'published';

-- Other keys under which a source's item may come again. A held post gets its id when it is
-- released: what belongs to it follows.
CREATE TABLE post_alias (
	source bigint NOT NULL REFERENCES source,
	alias text NOT NULL,
	post bigint NOT NULL REFERENCES post ON UPDATE CASCADE ON DELETE CASCADE,
	PRIMARY KEY (source, alias)
);
CREATE INDEX post_alias_post ON post_alias (post);

CREATE TABLE post_media (
	post bigint NOT NULL REFERENCES post ON UPDATE CASCADE,
	position bigint NOT NULL,
	media bigint REFERENCES media,      -- NULL while not downloaded
	source_url text NOT NULL,
	type text NOT NULL CHECK (type IN ('image', 'video', 'audio', 'unknown')),
	mime text,
	alt text NOT NULL DEFAULT '',
	duration_s bigint,
	error text,                         -- why there is no media
	PRIMARY KEY (post, position)
);
CREATE INDEX post_media_media ON post_media (media);

-- An item that could not be understood; the others of its page went on.
CREATE TABLE quarantine (
	source bigint NOT NULL REFERENCES source,
	item_key text NOT NULL,
	raw text NOT NULL,
	error text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source, item_key)
);

-- The record. Entries of other hubs stand beside ours under their own key.
CREATE TABLE record_head (
	hub text NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	hash bytea NOT NULL,
	own boolean NOT NULL,
	PRIMARY KEY (hub, epoch)
) WITH (fillfactor = 10);
CREATE UNIQUE INDEX record_head_own ON record_head (own) WHERE own;

CREATE TABLE record_entry (
	hub text NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	kind text NOT NULL CHECK (kind IN ('create', 'update', 'delete', 'actor')),
	account bigint NOT NULL,
	object bigint NOT NULL,             -- post, or the account itself
	revision bigint NOT NULL,
	archive boolean NOT NULL,
	at timestamptz NOT NULL,
	content_digest bytea NOT NULL,      -- sha256(salt || content); 32 zero bytes without content
	entry_digest bytea NOT NULL,        -- sha256 over all of the above, made in C
	hash bytea NOT NULL,                -- sha256(hash before || int8 epoch || int8 seq || entry_digest)
	PRIMARY KEY (hub, epoch, seq)
);
CREATE INDEX record_entry_object ON record_entry (object, revision);

-- Also the revisions of a post: each create and update keeps what was said then.
CREATE TABLE record_content (
	hub text NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	salt bytea NOT NULL,
	content bytea NOT NULL,             -- canonical JSON
	PRIMARY KEY (hub, epoch, seq)
);

CREATE TABLE record_checkpoint (
	hub text NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	hash bytea NOT NULL,
	at timestamptz NOT NULL,
	signature bytea NOT NULL,           -- Ed25519 of the hub over the canonical text
	PRIMARY KEY (hub, epoch, seq)
);

-- Shared readers of the record: moved by compare and set together with their effects.
CREATE TABLE reader (
	name text PRIMARY KEY,
	epoch bigint NOT NULL,
	seq bigint NOT NULL
);

-- Actors elsewhere: what their key and inboxes are.
CREATE TABLE remote_actor (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	uri text NOT NULL UNIQUE,
	host text NOT NULL,
	inbox text NOT NULL,
	shared_inbox text,
	username text,
	name text,
	url text,
	type text,
	key_id text NOT NULL,
	public_key_pem text NOT NULL,
	fetched_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX remote_actor_key ON remote_actor (key_id);
CREATE INDEX remote_actor_inbox ON remote_actor (coalesce(shared_inbox, inbox));

-- What its document lists beside the key that was last asked for.
CREATE TABLE remote_key (
	key_id text PRIMARY KEY,
	actor bigint NOT NULL REFERENCES remote_actor ON DELETE CASCADE,
	public_key_pem text NOT NULL
);
CREATE INDEX remote_key_actor ON remote_key (actor);

-- Where followers were reached before: what is still queued for the old inbox goes to the new one.
CREATE TABLE remote_inbox_moved (
	old text NOT NULL,
	new text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (old, new)
);

-- When a key was last asked for, also in vain: at most one fetch per key in five minutes, of an
-- actor that is gone for good in a day.
CREATE TABLE key_fetch (
	key_id text PRIMARY KEY,
	at timestamptz NOT NULL,
	error text,
	gone boolean NOT NULL DEFAULT false
);

-- What is known of a host: which signature it takes.
CREATE TABLE remote_host (
	host text PRIMARY KEY,
	sig_scheme text NOT NULL DEFAULT 'cavage' CHECK (sig_scheme IN ('cavage', 'rfc9421')),
	sig_since timestamptz NOT NULL DEFAULT now(),
	last_ok_at timestamptz,
	fail_count bigint NOT NULL DEFAULT 0,
	open_until timestamptz              -- breaker
);

CREATE TABLE follow (
	account bigint NOT NULL REFERENCES account,
	actor bigint NOT NULL REFERENCES remote_actor,
	uri text NOT NULL,                  -- of the Follow
	accepted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account, actor)
);
CREATE INDEX follow_actor ON follow (actor);

-- Kept where the rows change: pages would count thousands of them each time. The rows of the
-- accounts are locked in one order and before the generation, as whatever publishes does it.
CREATE FUNCTION litfass_count_followers() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM FROM account_count
	  WHERE account IN (SELECT account FROM changed) ORDER BY account FOR UPDATE;
	UPDATE account_count n SET followers = n.followers + TG_ARGV[0]::bigint * c.n
	  FROM (SELECT account, count(*) AS n FROM changed GROUP BY account) c
	 WHERE n.account = c.account;
	IF FOUND THEN
		UPDATE generation SET followers_at = coalesce(followers_at, now());
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER follow_added AFTER INSERT ON follow REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION litfass_count_followers('1');
CREATE TRIGGER follow_removed AFTER DELETE ON follow REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION litfass_count_followers('-1');

-- Activities taken in: (signer, id) is unique for ever; the body goes when the work is done.
CREATE TABLE inbox_activity (
	signer text NOT NULL,
	uri text NOT NULL,
	type text NOT NULL,
	body text,
	received_at timestamptz NOT NULL DEFAULT now(),
	signed_at timestamptz,              -- by the signer's clock
	outcome text,                       -- NULL = waiting
	PRIMARY KEY (signer, uri)
);
CREATE INDEX inbox_activity_open ON inbox_activity (received_at) WHERE outcome IS NULL;

-- Activities we send: one row each, the body as it was first made; jobs name it.
CREATE TABLE activity (
	id bigint PRIMARY KEY DEFAULT litfass_id(),
	uri text NOT NULL UNIQUE,
	account bigint NOT NULL REFERENCES account,
	object bigint,
	type text NOT NULL,
	body text NOT NULL,
	at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX activity_account ON activity (account, id DESC);

-- Every inbox that got, or shall get, a post: Update and Delete go to all of them.
CREATE TABLE reach (
	object bigint NOT NULL,
	account bigint NOT NULL,            -- the announcing or creating actor
	inbox text NOT NULL,
	host text NOT NULL,
	PRIMARY KEY (object, account, inbox)
);

-- Jobs: see src/db/queue.h. The id is the order of adding, which `serial` relies on.
CREATE TABLE job (
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	kind text NOT NULL,
	key text NOT NULL,
	host text,
	-- The host as a number: claiming visits the lanes in a circle, from a random one. What is
	-- less urgent has a lane of its own, so that nothing urgent stands behind it.
	lane bigint GENERATED ALWAYS AS (hashtextextended(host, priority)) STORED,
	serial text,
	args jsonb NOT NULL,
	priority bigint NOT NULL DEFAULT 0,
	run_at timestamptz NOT NULL DEFAULT now(),
	attempt bigint NOT NULL DEFAULT 0,
	crashes bigint NOT NULL DEFAULT 0,
	state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'dead')),
	worker text,
	lease_until timestamptz,
	lease_token uuid,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((state = 'running') = (lease_token IS NOT NULL)),
	CHECK ((state = 'running') = (lease_until IS NOT NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX job_key ON job (kind, key) WHERE state <> 'dead';
CREATE INDEX job_ready ON job (kind, priority, run_at, id) WHERE state = 'ready' AND lane IS NULL;
CREATE INDEX job_ready_lane ON job (kind, lane, run_at, id) WHERE state = 'ready' AND lane IS NOT NULL;
CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_dead ON job (id) WHERE state = 'dead';
CREATE INDEX job_serial ON job (serial, id) WHERE serial IS NOT NULL AND state <> 'dead';
-- Two of one serial never run at the same time, whatever claims them.
CREATE UNIQUE INDEX job_serial_running ON job (serial) WHERE serial IS NOT NULL AND state = 'running';

-- Hints for those who wait; polling stays the truth.
CREATE FUNCTION litfass_notify() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM pg_notify(TG_ARGV[0], '');
	RETURN NULL;
END
$$;
CREATE TRIGGER record_head_notify AFTER UPDATE ON record_head
	FOR EACH STATEMENT EXECUTE FUNCTION litfass_notify('record');
CREATE TRIGGER generation_notify AFTER UPDATE ON generation
	FOR EACH STATEMENT EXECUTE FUNCTION litfass_notify('generation');
CREATE FUNCTION litfass_notify_job() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	IF EXISTS (SELECT FROM added WHERE run_at <= now()) THEN
		PERFORM pg_notify('job', '');
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER job_notify AFTER INSERT ON job REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION litfass_notify_job();
