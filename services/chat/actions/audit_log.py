"""ModerationService: list_moderation_logs."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.pagination import decode_number, encode_token, fingerprint, paginate
from services.chat.actions.authorization import ActingAs, audited_read
from services.chat.actions.deps import Deps
from services.chat.domain.model import LogLine, ModerationAction
from services.chat.domain.pagination import MAX_SEQ
from services.chat.store import audit_log as store
from services.chat.store.rooms import Reader


async def list_moderation_logs(
    deps: Deps, caller: Caller, acting_as: ActingAs, user_id: UUID | None, page_size: int, page_token: str
) -> tuple[list[LogLine], str]:
    """Return a page of the audit log, the newest line first, and the next page's token."""
    request_fingerprint = fingerprint(
        "ListModerationLogs", caller.user_id, acting_as.room_id, acting_as.as_admin, user_id
    )
    before_rev = decode_number(page_token, request_fingerprint, MAX_SEQ)

    async def read(session: Reader) -> list[LogLine]:
        return await store.logs(
            session, acting_as.room_id, user_id=user_id, before_rev=before_rev, limit=page_size + 1
        )

    found = await audited_read(deps, caller, acting_as, read, ModerationAction.READ_LOGS)
    return paginate(found, page_size, lambda last: encode_token(request_fingerprint, (last.rev,)))
