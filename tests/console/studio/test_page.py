"""The tab "Tables" in a browser: by keyboard and mouse, from message to author across slices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console.accessibility import assert_accessible
from tests.console.browser import Watched, chromium, needs_chromium
from tests.console.serving import KEY, ConsoleServer, console_server
from tests.console.studio.conftest import ADA, ROOM, settings
from tests.postgres import Database

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
async def server(seeded: Database) -> AsyncIterator[ConsoleServer]:
    async with console_server(settings(seeded)) as started:
        yield started


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture
async def watched(server: ConsoleServer, browser: Browser) -> AsyncIterator[Watched]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        found = Watched(await context.new_page())
        await found.page.goto(f"http://127.0.0.1:{server.port}/#k={KEY}/tables")
        await found.page.get_by_role("link", name="messages").first.wait_for()
        yield found
        # The browser tells of refused requests itself.
        assert [each for each in found.errors if "status of 400" not in each] == []
        assert {each.url.split("/")[2] for each in found.requests} == {f"127.0.0.1:{server.port}"}
    finally:
        await context.close()


async def heading(page: Page, text: str) -> None:
    await expect(page.locator(".view-head h2")).to_have_text(text)


async def test_a_message_leads_to_its_author_and_back(watched: Watched) -> None:
    page = watched.page
    await page.keyboard.press("/")
    await page.keyboard.type("messages")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await heading(page, "chat.messages")
    await page.get_by_label("Value").fill(ROOM)
    await page.keyboard.press("Enter")
    await expect(page.locator(".chip")).to_contain_text(f"room_id = {ROOM}")
    await expect(page.locator(".grid tbody tr")).to_have_count(50)
    await page.get_by_role("button", name="Next 50 rows").click()
    await expect(page.locator(".grid tbody tr")).to_have_count(100)
    await page.locator(".grid tbody a[title='To users.users']").first.click()
    await heading(page, "users.users")
    await page.locator(".grid a.open").click()
    await expect(page.locator("dl.row .id").first).to_have_text(ADA)
    await expect(page.locator("dl.row dd").nth(3)).to_have_text("''")
    await expect(page.locator("dl.row dd").nth(5)).to_have_text("NULL")
    await expect(page.locator(".referrers")).to_contain_text("chat.messages.user_id 100 or more")
    assert "ada@a.example" not in await page.content()
    await page.get_by_role("button", name="Reveal").first.click()
    await expect(page.locator("dl.row dd").nth(1)).to_have_text("ada@a.example")
    await page.locator(".referrers a", has_text="chat.rooms.created_by").click()
    await page.locator(".grid a.open").click()
    await page.get_by_role("link", name="Room timeline").click()
    await expect(page.locator(".timeline li")).to_have_count(100)
    await page.go_back()
    await heading(page, "chat.rooms")
    await page.get_by_role("link", name="Change this").click()
    assert page.url.endswith("#/calls/seda.chat.v1.RoomService/UpdateRoom")


async def test_counts_are_estimates_until_they_are_asked_for(watched: Watched) -> None:
    page = watched.page
    await page.get_by_role("link", name="users ~").click()
    await expect(page.locator(".toolbar")).to_contain_text("~")
    await page.get_by_role("button", name="Count").click()
    await expect(page.locator(".toolbar [role=status]")).to_contain_text("exactly")


async def test_refusals_and_exports(watched: Watched) -> None:
    page = watched.page
    await page.goto(page.url.partition("#")[0] + "#/tables/chat.messages")
    await page.get_by_label("Value").fill("no id")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("invalid input syntax for type uuid")
    await page.locator(".chip").click()
    async with page.expect_download() as saved:
        await page.get_by_role("button", name="JSONL").click()
    lines = (await (await saved.value).path()).read_text().splitlines()
    assert len(lines) > 2_000
    assert "room_id" in json.loads(lines[0])


@pytest.mark.parametrize("width", [1440, 1024, 390])
async def test_views_fit_the_window_and_are_accessible(watched: Watched, width: int) -> None:
    page = watched.page
    await page.set_viewport_size({"width": width, "height": 844})
    for address in ("chat.messages", "chat.messages/structure", f"users.users/row/%5B%22{ADA}%22%5D"):
        await page.goto(f"{page.url.partition('#')[0]}#/tables/{address}")
        await heading(page, address.partition("/")[0])
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await assert_accessible(page)
