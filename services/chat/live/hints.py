"""Hints between processes: which rooms moved. Any of them may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog

from servicekit.ids import new_id, parse_id

_log = structlog.get_logger("hints")
CHANNEL = "seda_chat"
FLUSH_SECONDS = 0.025
MAX_ENTRIES = 200
"""More rooms and users than this in one payload are `*`: everything may have moved."""
MAX_BYTES = 7_900
"""A payload of NOTIFY holds less than 8,000 bytes."""


@dataclass(slots=True)
class Hint:
    """What may have changed. `typing` are pairs of room and user."""

    room_ids: set[UUID] = field(default_factory=set)
    user_ids: set[UUID] = field(default_factory=set)
    typing: set[tuple[UUID, UUID]] = field(default_factory=set)
    everything: bool = False

    def merge(self, other: Hint) -> None:
        """Add another hint; too many entries become everything, and too many who type are left out."""
        self.room_ids |= other.room_ids
        self.user_ids |= other.user_ids
        if len(self.typing) < MAX_ENTRIES:
            self.typing |= other.typing
        if len(self.room_ids) + len(self.user_ids) > MAX_ENTRIES:
            self.everything = True
            self.room_ids.clear()
            self.user_ids.clear()

    def encode(self, sender: str) -> str:
        """Return the payload. Who types gets the space that is left."""
        parts = [sender]
        if self.everything:
            parts.append("*")
        parts += [f"r{each.hex}" for each in self.room_ids]
        parts += [f"u{each.hex}" for each in self.user_ids]
        size = sum(len(part) + 1 for part in parts)
        for room_id, user_id in self.typing:
            part = f"t{room_id.hex}{user_id.hex}"
            size += len(part) + 1
            if size > MAX_BYTES:
                break
            parts.append(part)
        return " ".join(parts)

    @classmethod
    def decode(cls, payload: str, own: str) -> Hint | None:
        """Parse a payload; None for one of this process. What can't be parsed is left out."""
        sender, *parts = payload.split(" ")
        if sender == own:
            return None
        hint = cls()
        for part in parts:
            kind, rest = part[:1], part[1:]
            ids = list(_ids(rest))
            if part == "*":
                hint.everything = True
            elif kind == "r" and len(ids) == 1:
                hint.room_ids.add(ids[0])
            elif kind == "u" and len(ids) == 1:
                hint.user_ids.add(ids[0])
            elif kind == "t" and len(ids) == 2:  # noqa: PLR2004 - room and user
                hint.typing.add((ids[0], ids[1]))
        return hint


def _ids(text: str) -> Iterator[UUID]:
    for start in range(0, len(text), 32):
        try:
            yield parse_id(text[start : start + 32])
        except ValueError:
            return


class Transport(Protocol):
    """Carries payloads between processes. It calls `on_payload`, and `on_connect` after each new connection."""

    on_payload: Callable[[str], None]
    on_connect: Callable[[], None]

    async def start(self) -> None:
        """Connect, and again whenever the connection is lost."""

    async def stop(self) -> None:
        """Disconnect."""

    async def send(self, payload: str) -> None:
        """Send to all processes, or lose the payload."""


class HintChannel:
    """Gathers this process's hints and sends them every 25 ms; hands those of others to `on_hint`.

    Without a transport hints stay in the process.
    """

    def __init__(self, transport: Transport | None) -> None:
        self._transport = transport
        self._id = new_id().hex
        self._waiting = Hint()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_hint: Callable[[Hint], None] = lambda _: None
        if transport is not None:
            transport.on_payload = self._on_payload
            # What was sent while there was no connection is lost.
            transport.on_connect = lambda: self.on_hint(Hint(everything=True))

    async def start(self) -> None:
        """Connect and begin to send."""
        if self._transport is not None:
            await self._transport.start()
            self._task = asyncio.create_task(self._send(self._transport))

    async def stop(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._transport is not None:
            await self._transport.stop()

    def publish(self, hint: Hint) -> None:
        """Send a hint to the other processes soon. Never waits and never fails."""
        if self._transport is not None:
            self._waiting.merge(hint)
            self._wake.set()

    async def _send(self, transport: Transport) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            hint, self._waiting = self._waiting, Hint()
            await transport.send(hint.encode(self._id))
            await asyncio.sleep(FLUSH_SECONDS)

    def _on_payload(self, payload: str) -> None:
        hint = Hint.decode(payload, self._id)
        if hint is not None:
            self.on_hint(hint)
