"""Artist profiles."""

import sqlalchemy as sa

from services.users.schema.base import USER, WRITTEN, instant, metadata
from services.users.schema.users import users

_VERIFIED = sa.text("verified")
# As PostgreSQL deparses search_text.tiers.words_tsvector.
_CLASS = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_FIRST = rf"regexp_replace(search_name, '(^|[^{_CLASS}])([{_CLASS}])'::text, '\1 \2 '::text, 'g'::text)"
_EVEN, _ODD = (
    rf"regexp_replace({text}, '([{_CLASS}]{{2}})'::text, ' \1 '::text, 'g'::text)"
    for text in ("search_name", _FIRST)
)
_WORDS = sa.text(
    f"to_tsvector('simple'::regconfig, (((search_name || ' '::text) || {_EVEN}) || ' '::text) || {_ODD})"
)

artist_profiles = sa.Table(
    "artist_profiles",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column(
        "user_id", sa.Uuid, nullable=False, comment="The user whose profile it is; one per user", info=USER
    ),
    sa.Column("artist_name", sa.Text, nullable=False, comment="Name as shown, 1 to 100 characters"),
    sa.Column(
        "search_name",
        sa.Text(collation="C"),
        nullable=False,
        comment="The name normalized for search by the service",
    ),
    sa.Column(
        "name_skeleton",
        sa.Text(collation="C"),
        nullable=False,
        comment="The name's skeleton by Unicode Technical Standard 39; equal ones look alike",
    ),
    sa.Column(
        "bio",
        sa.Text,
        nullable=False,
        server_default="",
        comment="Biography, up to 2,000 characters",
        info=WRITTEN,
    ),
    sa.Column(
        "verified",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether a claim of the profile is verified at present",
    ),
    sa.Column("verified_at", instant, comment="Since when it has been verified; empty: it is not"),
    sa.Column("website_url", sa.Text, comment="The artist's own site, https"),
    sa.Column("spotify_url", sa.Text, comment="The artist's page at Spotify, https"),
    sa.Column("soundcloud_url", sa.Text, comment="The artist's page at SoundCloud, https"),
    sa.Column(
        "created_at", instant, nullable=False, server_default=sa.func.now(), comment="When it was created"
    ),
    sa.Column(
        "updated_at", instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.PrimaryKeyConstraint("id", name="artist_profiles_pkey"),
    sa.UniqueConstraint("user_id", name="artist_profiles_user_id_key"),
    sa.ForeignKeyConstraint(["user_id"], [users.c.id], name="artist_profiles_user_id_fkey"),
    sa.Index("artist_profiles_search_name_id_idx", "search_name", "id"),
    sa.Index(
        "artist_profiles_search_name_idx",
        "search_name",
        postgresql_using="gin",
        postgresql_ops={"search_name": "extensions.gin_trgm_ops"},
    ),
    sa.Index(
        "artist_profiles_search_words_idx",
        _WORDS,
        postgresql_using="gin",
    ),
    sa.Index("artist_profiles_verified_search_name_id_idx", "search_name", "id", postgresql_where=_VERIFIED),
    sa.Index(
        "artist_profiles_verified_search_name_idx",
        "search_name",
        postgresql_using="gin",
        postgresql_ops={"search_name": "extensions.gin_trgm_ops"},
        postgresql_where=_VERIFIED,
    ),
    sa.Index(
        "artist_profiles_verified_search_words_idx",
        _WORDS,
        postgresql_using="gin",
        postgresql_where=_VERIFIED,
    ),
    # Lookalikes are compared with verified names only.
    sa.Index("artist_profiles_verified_name_skeleton_idx", "name_skeleton", postgresql_where=_VERIFIED),
    sa.CheckConstraint(
        "char_length(artist_name) BETWEEN 1 AND 100", name="artist_profiles_artist_name_check"
    ),
    sa.CheckConstraint("octet_length(search_name) <= 2048", name="artist_profiles_search_name_check"),
    sa.CheckConstraint("octet_length(name_skeleton) <= 2048", name="artist_profiles_name_skeleton_check"),
    sa.CheckConstraint("char_length(bio) <= 2000", name="artist_profiles_bio_check"),
    sa.CheckConstraint("verified = (verified_at IS NOT NULL)", name="artist_profiles_verified_check"),
    sa.CheckConstraint(
        "website_url ~ '^https://' AND octet_length(website_url) <= 2048",
        name="artist_profiles_website_url_check",
    ),
    sa.CheckConstraint(
        "spotify_url ~ '^https://' AND octet_length(spotify_url) <= 2048",
        name="artist_profiles_spotify_url_check",
    ),
    sa.CheckConstraint(
        "soundcloud_url ~ '^https://' AND octet_length(soundcloud_url) <= 2048",
        name="artist_profiles_soundcloud_url_check",
    ),
    comment="What users publish about themselves as artists. Deleted with everything that claims them.",
    info={"changed_by": "seda.users.v1.ArtistService/UpdateArtist"},
)
