"""Turns of those who read the past of rooms."""

from __future__ import annotations

import asyncio
import uuid

from services.chat.live.catch_ups import MAX_CATCH_UPS, CatchUps


async def test_user_waits_for_users_and_not_for_all_of_their_streams() -> None:
    catch_ups = CatchUps()
    order: list[str] = []

    async def read(name: str, user_id: uuid.UUID) -> None:
        async with catch_ups.turn(user_id):
            order.append(name)
            # One page, in which others begin to wait.
            await asyncio.sleep(0)

    many, few = uuid.uuid4(), uuid.uuid4()
    reads = [read(f"many {number}", many) for number in range(5)]
    await asyncio.gather(*reads, read("few", few))
    assert order.index("few") == 1
    assert len(order) == 6
    # Nothing is kept of users who are done.
    assert len(catch_ups._users) == 0


async def test_few_read_at_once() -> None:
    catch_ups = CatchUps()
    reading = most = 0

    async def read() -> None:
        nonlocal reading, most
        async with catch_ups.turn(uuid.uuid4()):
            reading += 1
            most = max(most, reading)
            await asyncio.sleep(0)
            reading -= 1

    await asyncio.gather(*(read() for _ in range(10)))
    assert most == MAX_CATCH_UPS


async def test_reader_that_is_cancelled_holds_up_nobody() -> None:
    catch_ups, user_id = CatchUps(), uuid.uuid4()

    async def read() -> None:
        async with catch_ups.turn(user_id):
            await asyncio.Event().wait()

    for _ in range(2 * MAX_CATCH_UPS):
        reading = asyncio.create_task(read())
        waiting = asyncio.create_task(read())
        await asyncio.sleep(0)
        for each in (waiting, reading):
            each.cancel()
        await asyncio.wait([reading, waiting])
    async with asyncio.timeout(5), catch_ups.turn(user_id):
        pass
