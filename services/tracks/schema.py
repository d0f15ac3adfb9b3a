"""The tables of schema `tracks`, as the migrations leave them.

This is the model that migrations are compared with. It is not imported at run time: the service's
statements are plain SQL. Limits on indexed text count bytes, since PostgreSQL refuses an index entry over
2,704 bytes.
"""

import sqlalchemy as sa

metadata = sa.MetaData(schema="tracks")

_instant = sa.DateTime(timezone=True)
# Where the values of a column come from, for those who look at rows; not all are foreign keys.
_USER = {"refers": "users.users.id"}
_TRACK = {"refers": "tracks.track_refs.id"}
_listed = sa.text("listed_at IS NOT NULL")
# Title and artist with, in runs of scripts without spaces, each two characters in a row: see search_text/tiers.py.
_CLASS = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_FIRST = rf"regexp_replace(search_text, '(^|[^{_CLASS}])([{_CLASS}])'::text, '\1 \2 '::text, 'g'::text)"
_SEARCH_PARTS = (
    rf"(((search_text || ' '::text) || regexp_replace(search_text, '([{_CLASS}]{{2}})'::text, ' \1 '::text, 'g'::text))"
    rf" || ' '::text) || regexp_replace({_FIRST}, '([{_CLASS}]{{2}})'::text, ' \1 '::text, 'g'::text)"
)

track_refs = sa.Table(
    "track_refs",
    metadata,
    sa.Column(
        "id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; what other slices refer to"
    ),
    sa.Column("provider", sa.Text, nullable=False, comment="Where the music is, such as spotify or youtube"),
    sa.Column("provider_id", sa.Text, nullable=False, comment="The provider's id of the track, case kept"),
    sa.Column("url", sa.Text, nullable=False, comment="Canonical https address of the track"),
    sa.Column("title", sa.Text, comment="Title; empty until fetched"),
    sa.Column("artist", sa.Text, comment="Artist as the provider writes it; empty until fetched"),
    sa.Column("artwork_url", sa.Text, comment="Address of the cover; empty until fetched"),
    sa.Column(
        "duration_seconds", sa.Integer, comment="Playing time in seconds, at least 1; empty until fetched"
    ),
    sa.Column("isrc", sa.Text, comment="Recording code in capitals without dashes; empty where unknown"),
    sa.Column(
        "metadata_state",
        sa.Text,
        nullable=False,
        server_default="PENDING",
        comment="PENDING, COMPLETE, PARTIAL (some fields were not to be had) or FAILED",
    ),
    sa.Column(
        "created_at", _instant, nullable=False, server_default=sa.func.now(), comment="First link seen"
    ),
    sa.Column(
        "updated_at", _instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.Column("refreshed_at", _instant, comment="Last attempt to fetch metadata that had an answer"),
    sa.Column(
        "next_attempt_at",
        _instant,
        server_default=sa.func.now(),
        comment="When metadata is to be fetched; while a worker does it, when others may; empty: never",
    ),
    sa.Column(
        "attempts",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="How often metadata was asked for since it was last due for the first time",
    ),
    sa.Column(
        "search_text",
        # Bytes decide the order: that of a language would neither serve prefixes nor stay the same.
        sa.Text(collation="C"),
        comment="Title and artist folded for search; empty without both and until a worker has folded them",
    ),
    sa.Column(
        "listed_at",
        _instant,
        comment="When it was first posted in a public room, which lets everybody find it; empty: never",
    ),
    sa.PrimaryKeyConstraint("id", name="track_refs_pkey"),
    sa.UniqueConstraint("provider", "provider_id", name="track_refs_provider_provider_id_key"),
    sa.UniqueConstraint("url", name="track_refs_url_key"),
    # Serves lists of one provider in id order.
    sa.Index("track_refs_provider_id_idx", "provider", "id"),
    # Serve lists of one state, of any provider or of one.
    sa.Index("track_refs_metadata_state_id_idx", "metadata_state", "id"),
    sa.Index("track_refs_provider_metadata_state_id_idx", "provider", "metadata_state", "id"),
    # The queue of the enrichment workers: what is due at each provider, and what older builds left unfolded.
    sa.Index(
        "track_refs_next_attempt_at_idx",
        "provider",
        "next_attempt_at",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
    sa.Index(
        "track_refs_unfolded_idx",
        "id",
        postgresql_where=sa.text("search_text IS NULL AND (title IS NOT NULL OR artist IS NOT NULL)"),
    ),
    # Search of listed tracks: by the start, in order; by any three letters; by the start of a word.
    sa.Index("track_refs_listed_search_text_id_idx", "search_text", "id", postgresql_where=_listed),
    sa.Index(
        "track_refs_listed_search_text_idx",
        "search_text",
        postgresql_using="gin",
        postgresql_ops={"search_text": "extensions.gin_trgm_ops"},
        postgresql_where=_listed,
    ),
    sa.Index(
        "track_refs_listed_search_words_idx",
        sa.text("to_tsvector('simple'::regconfig, search_text)"),
        postgresql_using="gin",
        postgresql_where=_listed,
    ),
    sa.Index(
        "track_refs_listed_search_parts_idx",
        sa.text(f"to_tsvector('simple'::regconfig, {_SEARCH_PARTS})"),
        postgresql_using="gin",
        postgresql_where=_listed,
    ),
    # The same of all tracks: only builds before listed_at use these.
    sa.Index("track_refs_search_text_id_idx", "search_text", "id"),
    sa.Index(
        "track_refs_search_text_idx",
        "search_text",
        postgresql_using="gin",
        postgresql_ops={"search_text": "extensions.gin_trgm_ops"},
    ),
    sa.Index(
        "track_refs_search_words_idx",
        sa.text("to_tsvector('simple'::regconfig, search_text)"),
        postgresql_using="gin",
    ),
    sa.CheckConstraint("provider ~ '^[a-z][a-z0-9_]{0,31}$'", name="track_refs_provider_check"),
    sa.CheckConstraint("octet_length(provider_id) BETWEEN 1 AND 512", name="track_refs_provider_id_check"),
    sa.CheckConstraint("url LIKE 'https://%' AND octet_length(url) <= 2048", name="track_refs_url_check"),
    sa.CheckConstraint("char_length(title) BETWEEN 1 AND 500", name="track_refs_title_check"),
    sa.CheckConstraint("char_length(artist) BETWEEN 1 AND 500", name="track_refs_artist_check"),
    sa.CheckConstraint(
        "artwork_url LIKE 'https://%' AND octet_length(artwork_url) <= 2048",
        name="track_refs_artwork_url_check",
    ),
    sa.CheckConstraint("duration_seconds BETWEEN 1 AND 604800", name="track_refs_duration_seconds_check"),
    sa.CheckConstraint("isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'", name="track_refs_isrc_check"),
    sa.CheckConstraint("attempts >= 0", name="track_refs_attempts_check"),
    sa.CheckConstraint("octet_length(search_text) BETWEEN 1 AND 2600", name="track_refs_search_text_check"),
    sa.CheckConstraint(
        "metadata_state IN ('PENDING', 'COMPLETE', 'PARTIAL', 'FAILED')",
        name="track_refs_metadata_state_check",
    ),
    comment="One row for each track at each provider, with what is known of it.",
    info={"changed_by": "seda.tracks.v1.TrackService/RefreshTrack"},
)

track_aliases = sa.Table(
    "track_aliases",
    metadata,
    sa.Column(
        "alias_key",
        sa.Text,
        nullable=False,
        comment="Another name of a track, such as a short link or a number",
    ),
    sa.Column("track_id", sa.Uuid, nullable=False, comment="The track that it means", info=_TRACK),
    sa.Column(
        "created_at", _instant, nullable=False, server_default=sa.func.now(), comment="When it was learnt"
    ),
    sa.PrimaryKeyConstraint("alias_key", name="track_aliases_pkey"),
    sa.ForeignKeyConstraint(["track_id"], [track_refs.c.id], name="track_aliases_track_id_fkey"),
    sa.Index("track_aliases_track_id_idx", "track_id"),
    sa.CheckConstraint("octet_length(alias_key) BETWEEN 1 AND 2048", name="track_aliases_alias_key_check"),
    comment="Names that lead to a track beside its canonical address.",
)

track_resolvers = sa.Table(
    "track_resolvers",
    metadata,
    sa.Column(
        "user_id", sa.Uuid, nullable=False, comment="The user who resolved a link to the track", info=_USER
    ),
    sa.Column(
        "track_id",
        sa.Uuid,
        nullable=False,
        comment="The track, which this user finds, listed or not",
        info=_TRACK,
    ),
    sa.Column(
        "created_at", _instant, nullable=False, server_default=sa.func.now(), comment="When they first did so"
    ),
    sa.PrimaryKeyConstraint("user_id", "track_id", name="track_resolvers_pkey"),
    sa.ForeignKeyConstraint(["track_id"], [track_refs.c.id], name="track_resolvers_track_id_fkey"),
    comment="Which users resolved which tracks before these were listed.",
)

crawler_cache = sa.Table(
    "crawler_cache",
    metadata,
    sa.Column(
        "url_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the redirect policy and the address"
    ),
    sa.Column("url", sa.Text, nullable=False, comment="The address that was asked for, in its one spelling"),
    sa.Column("final_url", sa.Text, comment="The address that answered after redirects; empty: none did"),
    sa.Column("status_code", sa.Integer, comment="HTTP status of the answer; empty: there was none"),
    sa.Column("content_type", sa.Text, comment="Media type of the answer with its parameters"),
    sa.Column("content", sa.LargeBinary, comment="Decompressed body of a good answer, up to 1 MiB"),
    sa.Column("etag", sa.Text, comment="Entity tag that final_url gave the body"),
    sa.Column(
        "fetched_at", _instant, nullable=False, comment="When the answer came, or was said to be as before"
    ),
    sa.Column("expires_at", _instant, nullable=False, comment="From when on it is fetched anew"),
    sa.Column(
        "stale_until",
        _instant,
        nullable=False,
        comment="Until when the expired answer may be given while it is fetched anew; then it is deleted",
    ),
    sa.Column("error_kind", sa.Text, comment="Why there is no body, such as TIMEOUT; empty: an HTTP answer"),
    sa.PrimaryKeyConstraint("url_hash", name="crawler_cache_pkey"),
    # Serve what PurgeCache deletes by age, and what is deleted by itself.
    sa.Index("crawler_cache_fetched_at_idx", "fetched_at"),
    sa.Index("crawler_cache_stale_until_idx", "stale_until"),
    sa.CheckConstraint("octet_length(url_hash) = 32", name="crawler_cache_url_hash_check"),
    sa.CheckConstraint("url ~ '^https?://' AND octet_length(url) <= 2048", name="crawler_cache_url_check"),
    sa.CheckConstraint(
        "final_url ~ '^https?://' AND octet_length(final_url) <= 2048", name="crawler_cache_final_url_check"
    ),
    sa.CheckConstraint("status_code BETWEEN 100 AND 599", name="crawler_cache_status_code_check"),
    sa.CheckConstraint("octet_length(content_type) <= 255", name="crawler_cache_content_type_check"),
    sa.CheckConstraint("octet_length(content) <= 1048576", name="crawler_cache_content_check"),
    sa.CheckConstraint("octet_length(etag) <= 512", name="crawler_cache_etag_check"),
    sa.CheckConstraint("error_kind ~ '^[A-Z][A-Z_]{0,31}$'", name="crawler_cache_error_kind_check"),
    sa.CheckConstraint(
        "expires_at >= fetched_at AND stale_until >= expires_at", name="crawler_cache_times_check"
    ),
    sa.CheckConstraint(
        "status_code IS NOT NULL OR error_kind IS NOT NULL", name="crawler_cache_outcome_check"
    ),
    sa.CheckConstraint(
        "content IS NULL OR status_code IS NOT NULL AND error_kind IS NULL",
        name="crawler_cache_content_belongs_check",
    ),
    comment="What the web answered, good or bad, so that nobody is asked twice in a short time.",
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, nullable=False, comment="What only one process may do at a time"),
    sa.Column("holder", sa.Uuid, nullable=False, comment="Who does it; a new id each time it is taken"),
    sa.Column(
        "until", _instant, nullable=False, comment="When anybody may take it over unless it is renewed"
    ),
    sa.PrimaryKeyConstraint("name", name="leases_pkey"),
    sa.CheckConstraint("octet_length(name) BETWEEN 1 AND 255", name="leases_name_check"),
    comment="Work that replicas share out; a row whose holder has died is taken over once it ends.",
)

backfills = sa.Table(
    "backfills",
    metadata,
    sa.Column("name", sa.Text, nullable=False, comment="The table and column"),
    sa.Column("version", sa.Integer, nullable=False, comment="The form that the values are brought into"),
    sa.Column("number", sa.Integer, nullable=False, comment="The pass, from 1; 3 once both are done"),
    sa.Column("after_id", sa.Uuid, nullable=False, comment="The last row that this pass visited"),
    sa.Column(
        "after_seq", sa.BigInteger, nullable=False, comment="The rest of its key; 0 where the id is all of it"
    ),
    sa.Column("started_at", _instant, nullable=False, comment="When the first pass to this version began"),
    sa.PrimaryKeyConstraint("name", name="backfills_pkey"),
    comment="How far values that earlier builds wrote have been brought into the present form.",
)
