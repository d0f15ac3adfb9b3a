"""The reasons of the chat service for operations on messages."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from seda.chat.v1.message_pb2 import Message as ChatMessage
from seda.chat.v1.message_service_pb2 import DeleteMessageRequest, RestoreMessageRequest, UpdateMessageRequest
from seda.chat.v1.reaction_service_pb2 import AddReactionRequest
from seda.chat.v1.room_service_pb2 import PinMessageRequest
from tests.contract.scenarios.context import Scenario, ScenarioContext
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user


async def _not_the_author(context: ScenarioContext) -> Outcome:
    _, message = await _message(context)
    bob = await context.client.join_as(message.room_id)
    return await _edit(context, bob, message)


async def _message_deleted(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    await context.client.delete_message(ada, message)
    return await _edit(context, ada, message)


async def _system_message(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    await context.client.pin_message(ada, message)
    system_message = (await context.client.list_messages(ada, message.room_id)).messages[0]
    request = DeleteMessageRequest(room_id=system_message.room_id, message_id=system_message.id)
    return await _call(context, "MessageService.DeleteMessage", request, ada)


async def _etag_mismatch(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    return await _edit(context, ada, message, etag="0")


async def _not_restorable(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    await context.client.delete_message(ada, message)
    await context.client.db.age_deletion(message, "31 days")
    request = RestoreMessageRequest(room_id=message.room_id, message_id=message.id)
    return await _call(context, "MessageService.RestoreMessage", request, ada)


async def _reaction_limit(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    for number in range(20):
        await context.client.add_reaction(ada, message, f":face{number}:")
    request = AddReactionRequest(room_id=message.room_id, message_id=message.id, emoji="🎵")
    return await _call(context, "ReactionService.AddReaction", request, ada)


async def _pin_limit(context: ScenarioContext) -> Outcome:
    ada, message = await _message(context)
    await context.admin.execute(
        "INSERT INTO chat.pins (room_id, message_id, pinned_at, rev)"
        " SELECT $1, gen_random_uuid(), now(), 1 FROM generate_series(1, 50)",
        message.room_id,
    )
    request = PinMessageRequest(room_id=message.room_id, message_id=message.id)
    return await _call(context, "RoomService.PinMessage", request, ada)


async def _message(context: ScenarioContext) -> tuple[str, ChatMessage]:
    """A message in a new room owned by its author."""
    ada = new_user()
    room = await context.client.create_room(ada)
    return ada, await context.client.send_message(ada, room.id, "a message")


async def _edit(context: ScenarioContext, email: str, message: ChatMessage, etag: str = "") -> Outcome:
    mask = FieldMask(paths=["text"])
    request = UpdateMessageRequest(
        message=ChatMessage(room_id=message.room_id, id=message.id, text="edited", etag=etag),
        update_mask=mask,
    )
    return await _call(context, "MessageService.UpdateMessage", request, email)


async def _call(context: ScenarioContext, method: str, request: Message, email: str) -> Outcome:
    return await context.refusal("chat", f"seda.chat.v1.{method}", request, email)


SCENARIOS: dict[str, Scenario] = {
    "NOT_THE_AUTHOR": _not_the_author,
    "MESSAGE_DELETED": _message_deleted,
    "SYSTEM_MESSAGE": _system_message,
    "ETAG_MISMATCH": _etag_mismatch,
    "NOT_RESTORABLE": _not_restorable,
    "REACTION_LIMIT": _reaction_limit,
    "PIN_LIMIT": _pin_limit,
}
