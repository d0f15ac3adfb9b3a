"""The reasons of the chat service that only an act on a message leads to."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from seda.chat.v1.message_pb2 import Message as ChatMessage
from seda.chat.v1.message_service_pb2 import DeleteMessageRequest, EditMessageRequest, RestoreMessageRequest
from seda.chat.v1.reaction_service_pb2 import AddReactionRequest
from seda.chat.v1.room_service_pb2 import PinMessageRequest
from tests.contract.scenarios.context import Scenario, Stage
from tests.contract.suite import Outcome
from tests.services.chat.acts import Acts
from tests.services.chat.world import new_user


async def _not_the_author(stage: Stage) -> Outcome:
    _, message = await _message(stage)
    bob = await Acts(stage.world).member(message.room_id)
    return await _edit(stage, bob, message)


async def _message_deleted(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    await Acts(stage.world).delete(ada, message)
    return await _edit(stage, ada, message)


async def _system_message(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    await Acts(stage.world).pin(ada, message)
    told = (await stage.world.page(ada, message.room_id)).messages[0]
    request = DeleteMessageRequest(room_id=told.room_id, message_id=told.id)
    return await _ask(stage, "MessageService.DeleteMessage", request, ada)


async def _etag_mismatch(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    return await _edit(stage, ada, message, etag="0")


async def _not_restorable(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    acts = Acts(stage.world)
    await acts.delete(ada, message)
    await acts.age_deletion(message, "31 days")
    request = RestoreMessageRequest(room_id=message.room_id, message_id=message.id)
    return await _ask(stage, "MessageService.RestoreMessage", request, ada)


async def _reaction_limit(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    for number in range(20):
        await Acts(stage.world).react(ada, message, f":face{number}:")
    request = AddReactionRequest(room_id=message.room_id, message_id=message.id, emoji="🎵")
    return await _ask(stage, "ReactionService.AddReaction", request, ada)


async def _pin_limit(stage: Stage) -> Outcome:
    ada, message = await _message(stage)
    await stage.admin.execute(
        "INSERT INTO chat.pins (room_id, message_id, pinned_at, rev)"
        " SELECT $1, gen_random_uuid(), now(), 1 FROM generate_series(1, 50)",
        message.room_id,
    )
    request = PinMessageRequest(room_id=message.room_id, message_id=message.id)
    return await _ask(stage, "RoomService.PinMessage", request, ada)


async def _message(stage: Stage) -> tuple[str, ChatMessage]:
    """A message in a new room of its author's."""
    ada = new_user()
    room = await stage.world.room(ada)
    return ada, (await stage.world.send(ada, room.id, "a message")).message


async def _edit(stage: Stage, email: str, message: ChatMessage, etag: str = "") -> Outcome:
    mask = FieldMask(paths=["text"])
    request = EditMessageRequest(
        room_id=message.room_id, message_id=message.id, text="edited", update_mask=mask, etag=etag
    )
    return await _ask(stage, "MessageService.EditMessage", request, email)


async def _ask(stage: Stage, method: str, request: Message, email: str) -> Outcome:
    return await stage.refused("chat", f"seda.chat.v1.{method}", request, email)


SCENARIOS: dict[str, Scenario] = {
    "NOT_THE_AUTHOR": _not_the_author,
    "MESSAGE_DELETED": _message_deleted,
    "SYSTEM_MESSAGE": _system_message,
    "ETAG_MISMATCH": _etag_mismatch,
    "NOT_RESTORABLE": _not_restorable,
    "REACTION_LIMIT": _reaction_limit,
    "PIN_LIMIT": _pin_limit,
}
