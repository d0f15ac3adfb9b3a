"""A user with rows in every table of chat, and queries over all columns that could name them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from seda.chat.internal.v1 import author_data_service_pb2 as pb
from seda.chat.internal.v1.author_data_service_pb2_grpc import AuthorDataServiceStub
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.moderation_pb2 import REPORT_STATE_ACTED
from seda.chat.v1.moderation_service_pb2 import MuteMemberRequest
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, add_track, call, service, user

TOMBSTONE, ANONYMISE = pb.ERASURE_MODE_TOMBSTONE, pb.ERASURE_MODE_ANONYMISE
_TEXTS = ("text", "character varying", "jsonb", "json", "ARRAY", "USER-DEFINED")


class AuthorData:
    """AuthorDataService, as the users service calls it."""

    def __init__(self, chat: Running) -> None:
        self._stub = AuthorDataServiceStub(chat.channel)

    async def erase(self, user_id: str, mode: pb.ErasureMode.ValueType) -> pb.EraseAuthorResponse:
        """One call."""
        return await call(
            self._stub.EraseAuthor,
            pb.EraseAuthorRequest(user_id=user_id, mode=mode),
            service("users", "chat"),
        )

    async def export(self, user_id: str, **fields: Any) -> pb.ExportAuthorResponse:
        """One page."""
        return await call(
            self._stub.ExportAuthor,
            pb.ExportAuthorRequest(user_id=user_id, **fields),
            service("gateway", "chat"),
        )

    async def everything(self, user_id: str, page_size: int = 0) -> list[pb.AuthorRecord]:
        """All pages, one after the other."""
        records: list[pb.AuthorRecord] = []
        token = ""
        while True:
            page = await self.export(user_id, page_size=page_size, page_token=token)
            records += page.records
            token = page.next_page_token
            if not token:
                return records


@dataclass
class PopulatedAuthor:
    """A user with rows in every table; each of their texts contains `word`, which nothing else does.

    They own `own`, which has a moderator and a member, moderate `shared`, are alone in `lonely`, and left `left`.
    """

    client: ChatClient
    word: str = field(default_factory=lambda: f"canary{uuid.uuid4().hex[:10]}")
    email: str = field(default_factory=new_user)
    owner: str = field(default_factory=new_user)
    moderator: str = field(default_factory=new_user)
    member: str = field(default_factory=new_user)
    guest: str = field(default_factory=new_user)
    mentioned: str = field(default_factory=new_user)
    user_id: str = ""
    mentioned_id: str = ""
    rooms: dict[str, str] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def emoji(self) -> str:
        """An emoji that only they use."""
        return f":{self.word}:"

    async def create_rooms(self) -> None:
        client, request_id = self.client, str(uuid.uuid4())
        description = f"where {self.word} is"
        own = await client.create_room(
            self.email, f"{self.word}'s", description=description, request_id=request_id
        )
        self.rooms["own"] = own.id
        self.rooms["lonely"] = (await client.create_room(self.email, private=True)).id
        self.rooms["shared"] = (await client.create_room(self.owner)).id
        self.rooms["left"] = (await client.create_room(self.owner)).id
        self.rooms["closed"] = (await client.create_room(self.owner, private=True)).id
        self.user_id = await client.db.user_id(self.email)
        for name, emails in {
            "own": (self.member, self.moderator),
            "shared": (self.email, self.member, self.mentioned),
            "left": (self.email,),
        }.items():
            for email in emails:
                await client.join_room(email, self.rooms[name])
        await client.call(
            self.email,
            "SetMemberRole",
            room_id=self.rooms["own"],
            user_id=await client.db.user_id(self.moderator),
            role="MEMBER_ROLE_MODERATOR",
        )
        await client.call(
            self.owner,
            "SetMemberRole",
            room_id=self.rooms["shared"],
            user_id=self.user_id,
            role="MEMBER_ROLE_MODERATOR",
        )
        self.mentioned_id = await client.db.user_id(self.mentioned)

    async def write_messages(self) -> None:
        client, room = self.client, self.rooms["shared"]
        track_id = await add_track(client.admin, uuid.uuid4().hex[:22])
        await client.admin.execute(
            "UPDATE tracks.track_refs SET title = $2 WHERE id = $1", track_id, f"{self.word} song"
        )
        theirs = await client.send_message(self.owner, room, "hear, hear", mention_user_ids=[self.user_id])
        both = await client.send_message(
            self.owner, room, "you two", mention_user_ids=[self.user_id, await client.db.user_id(self.member)]
        )
        text = f"I say {self.word}"
        sent = await client.send_message(
            self.email, room, text, mention_user_ids=[self.mentioned_id], request_id=str(uuid.uuid4())
        )
        track = await client.send_message(self.email, room, "", track_id=track_id)
        edited = await client.send_message(self.email, room, f"before {self.word}", track_id=track_id)
        edited = await client.update_message(self.email, edited, text=f"after {self.word}", track_id="")
        reply = await client.send_message(self.email, room, f"reply {self.word}", parent_id=theirs.id)
        await client.send_message(self.member, room, "no", parent_id=theirs.id)
        await client.send_message(self.member, room, "what?", parent_id=sent.id)
        deleted = await client.send_message(self.email, room, f"deleted {self.word}")
        await client.delete_message(self.email, deleted)
        removed = await client.send_message(self.email, room, f"removed {self.word}")
        await client.delete_message(self.owner, removed, reason="no")
        for email, message, emoji in (
            (self.email, theirs, self.emoji),
            (self.email, both, "🎵"),
            (self.member, both, "🎵"),
            (self.member, sent, "🎵"),
            (self.member, edited, "🎵"),
            (self.email, both, ":gone:"),
        ):
            await client.add_reaction(email, message, emoji)
        await client.remove_reaction(self.email, both, ":gone:")
        for name in ("own", "lonely", "left"):
            await client.send_message(self.email, self.rooms[name], f"also {self.word}")
        await client.call(self.email, "LeaveRoom", room_id=self.rooms["left"])
        await client.call(self.email, "MarkRead", room_id=room, seq=3)
        self.messages = {
            "theirs": theirs, "both": both, "sent": sent, "track": track, "edited": edited, "reply": reply,
            "deleted": deleted, "removed": removed,
        }  # fmt: skip

    async def moderate(self) -> None:
        client, room = self.client, self.rooms["shared"]
        reason = f"because {self.word}"
        member_id = await client.db.user_id(self.member)
        spam = await client.send_message(self.member, room, "spam")
        await client.pin_message(self.email, self.messages["theirs"])
        await client.pin_message(self.owner, self.messages["sent"])
        mute = MuteMemberRequest(room_id=room, user_id=member_id, reason=reason)
        metadata = (*user(self.email), ("x-request-id", self.word))
        await call(ModerationServiceStub(client.chat.channel).MuteMember, mute, metadata)
        report = await client.call(
            self.member,
            "ReportMessage",
            room_id=room,
            message_id=spam.id,
            reason="ugly",
            request_id=str(uuid.uuid4()),
        )
        await client.call(
            self.email, "ResolveReport", room_id=room, report_id=report.report.id, state=REPORT_STATE_ACTED
        )
        await client.call(
            self.email,
            "ReportMessage",
            room_id=room,
            message_id=spam.id,
            reason=reason,
            request_id=str(uuid.uuid4()),
        )
        await client.delete_message(self.email, spam, reason=reason)
        await client.create_room(self.guest)
        guest_id = await client.db.user_id(self.guest)
        await client.call(self.email, "InviteUser", room_id=self.rooms["lonely"], user_id=guest_id)
        await client.call(self.owner, "InviteUser", room_id=self.rooms["closed"], user_id=self.user_id)
        await client.call(self.owner, "MuteMember", room_id=room, user_id=self.user_id, reason="you shout")


async def populate(client: ChatClient) -> PopulatedAuthor:
    """A new author."""
    author = PopulatedAuthor(client)
    await author.create_rooms()
    await author.write_messages()
    await author.moderate()
    return author


async def text_columns(admin: asyncpg.Connection) -> set[str]:
    """Every column of chat that can hold text, as table.column; partitions count as their table."""
    rows = await admin.fetch(
        """
        SELECT c.table_name || '.' || c.column_name AS name
          FROM information_schema.columns c
          JOIN pg_class t ON t.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
         WHERE c.table_schema = 'chat' AND NOT t.relispartition AND c.data_type = ANY ($1)
        """,
        list(_TEXTS),
    )
    return {row["name"] for row in rows}


async def columns_with(admin: asyncpg.Connection, word: str) -> set[str]:
    """The columns of chat that contain a word in some row."""
    columns = await admin.fetch(
        """
        SELECT c.table_name AS t, c.column_name AS c FROM information_schema.columns c
          JOIN pg_class t ON t.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
         WHERE c.table_schema = 'chat' AND NOT t.relispartition
        """
    )
    query = " UNION ALL ".join(
        f"SELECT '{each['t']}.{each['c']}' WHERE EXISTS"
        f" (SELECT 1 FROM chat.{each['t']} WHERE {each['c']}::text ILIKE '%' || $1 || '%')"
        for each in columns
    )
    return {row[0] for row in await admin.fetch(query, word)}


_VIOLATIONS = """
    SELECT 'seq has a gap' AS violation, c.room_id FROM chat.room_counters c
     WHERE c.last_seq <> (SELECT count(*) FROM chat.messages m WHERE m.room_id = c.room_id)
        OR c.last_seq <> (SELECT coalesce(max(seq), 0) FROM chat.messages m WHERE m.room_id = c.room_id)
    UNION ALL
    SELECT 'members are miscounted', c.room_id FROM chat.room_counters c
     WHERE c.member_count <> (SELECT count(*) FROM chat.room_memberships m
                               WHERE m.room_id = c.room_id AND m.left_at IS NULL)
    UNION ALL
    SELECT 'nobody owns it', r.id FROM chat.rooms r
     WHERE r.archived_at IS NULL AND NOT EXISTS (SELECT 1 FROM chat.room_memberships m WHERE m.room_id = r.id
                                                    AND m.left_at IS NULL AND m.role = 'OWNER')
    UNION ALL
    SELECT 'a tally is wrong', coalesce(t.room_id, r.room_id)
      FROM chat.reaction_tallies t
      FULL JOIN (SELECT room_id, message_id, emoji, count(*) AS count FROM chat.reactions
                  WHERE removed_at IS NULL GROUP BY 1, 2, 3) r USING (room_id, message_id, emoji)
     WHERE t.count IS DISTINCT FROM r.count
    UNION ALL
    SELECT 'a thread''s sums are wrong', t.room_id
      FROM chat.threads t
      LEFT JOIN LATERAL (SELECT count(*) AS n, max(seq) AS last FROM chat.messages m
                          WHERE m.room_id = t.room_id AND m.root_id = t.root_id AND m.deleted_at IS NULL) r ON true
     WHERE t.reply_count <> r.n OR t.last_reply_seq IS DISTINCT FROM r.last
    UNION ALL
    SELECT 'mentions disagree', coalesce(e.room_id, a.room_id)
      FROM chat.mentions e
      FULL JOIN (SELECT room_id, id AS message_id, unnest(mention_user_ids) AS user_id FROM chat.messages) a
           USING (room_id, message_id, user_id)
      LEFT JOIN chat.messages m ON m.room_id = coalesce(e.room_id, a.room_id)
                               AND m.id = coalesce(e.message_id, a.message_id)
     WHERE (e.message_id IS NULL OR a.message_id IS NULL) AND m.deleted_at IS NULL
    UNION ALL
    SELECT 'a rev is of two changes', f.room_id FROM ({feed}) f GROUP BY f.room_id, f.rev HAVING count(*) > 1
    UNION ALL
    SELECT 'a rev is ahead of the room', f.room_id
      FROM ({feed}) f JOIN chat.room_counters c USING (room_id) WHERE f.rev > c.last_rev
""".format(
    feed=" UNION ALL ".join(
        f"SELECT {room} AS room_id, rev FROM chat.{table}"
        for table, room in {
            **dict.fromkeys(
                ("messages", "reactions", "pins", "room_memberships", "sanctions", "moderation_logs"),
                "room_id",
            ),
            "rooms": "id",
        }.items()
    )
)


async def invariant_violations(admin: asyncpg.Connection) -> set[str]:
    """Violated invariants of all rooms: counters that differ from a recount, gaps, numbers used twice."""
    return {row["violation"] for row in await admin.fetch(_VIOLATIONS)}


_TABLES = """
    SELECT c.relname AS name FROM pg_class c
     WHERE c.relnamespace = 'chat'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
_COUNTING = """
    CREATE TABLE public.touched (xid xid8);
    CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO public.touched VALUES (pg_current_xact_id()); RETURN NULL; END $$;
"""


@contextlib.asynccontextmanager
async def count_rows_per_transaction(
    admin: asyncpg.Connection,
) -> AsyncIterator[Callable[[], Awaitable[list[int]]]]:
    """Count the rows that each transaction of the block inserts, updates and deletes."""

    async def sizes() -> list[int]:
        rows = await admin.fetch("SELECT count(*) AS rows FROM public.touched GROUP BY xid")
        return [row["rows"] for row in rows]

    await admin.execute(_COUNTING)
    for table in await admin.fetch(_TABLES):
        await admin.execute(
            f"CREATE TRIGGER touched AFTER INSERT OR UPDATE OR DELETE ON chat.{table['name']}"
            " FOR EACH ROW EXECUTE FUNCTION public.touch()"
        )
    try:
        yield sizes
    finally:
        await admin.execute("DROP FUNCTION public.touch CASCADE; DROP TABLE public.touched")
