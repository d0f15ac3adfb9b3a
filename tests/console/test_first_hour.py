"""The first hour with a suite: what a newcomer does in the console, and all examples of the documentation."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from console.explore import EXAMPLES
from ops.topology import CONSOLE, Ports
from tests.console.accessibility import assert_accessible
from tests.console.browser import chromium, needs_chromium, opened
from tests.ops.support.fake_suite import RealSuite, environment, free_base, seda
from tests.system.support.up import grpcurl_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
# A message with all that shells find special.
TEXT = 'It\'s "late" $HOME `id` \\ 🎧\nsecond line'
GATEWAY_METHODS = "seda.gateway.v1.GatewayService"
IMAGES = Path(__file__).parents[2] / "docs" / "images"


class Running:
    """A suite with its console."""

    def __init__(self, suite: RealSuite, base: int) -> None:
        self.suite = suite
        self.ports = Ports(base)
        self.key = suite.data_dir.secret_file(CONSOLE.name).read_text().strip()
        self.url = f"http://{self.ports.address(CONSOLE)}/#k={self.key}"
        self.kept: dict[str, str] = {}

    def paths(self) -> dict[str, str]:
        """All methods: their paths by `Service/Method`."""
        request = urllib.request.Request(
            f"http://{self.ports.address(CONSOLE)}/api/catalog?target=gateway",
            headers={"x-seda-key": self.key},
        )
        with urllib.request.urlopen(request) as response:
            services = json.loads(response.read())["services"]
        paths = [method["path"] for service in services for method in service["methods"]]
        return {each.rpartition(".")[2]: each for each in paths}

    def call(self, body: dict[str, Any]) -> list[Any]:
        """Call through the console's API: its lines, of a stream those up to its first message."""
        origin = f"http://{self.ports.address(CONSOLE)}"
        headers = {"x-seda-key": self.key, "content-type": "application/json", "origin": origin}
        data = json.dumps({"target": "gateway", "deadline": 30, **body}).encode()
        lines: list[Any] = []
        with urllib.request.urlopen(urllib.request.Request(f"{origin}/api/call", data, headers)) as response:
            for line in response:
                lines.append(json.loads(line))
                if body.get("first") and lines[-1]["kind"] == "message":
                    break
        return lines


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    with free_base() as base:
        folder = tmp_path_factory.mktemp("first hour")
        with RealSuite(folder, "--port-base", str(base)) as suite:
            yield Running(await asyncio.to_thread(suite.ready, 180.0), base)
            assert await asyncio.to_thread(suite.interrupt) == 0


async def choose(page: Page, path: str) -> None:
    await page.evaluate(f"location.hash = '#/calls/{path}'")
    await page.wait_for_selector(f".about h2:text-is('{path.rpartition('/')[2]}')")


async def fill(page: Page, request: dict[str, Any]) -> None:
    await page.click(".segments button:text-is('JSON')")
    await page.fill("textarea.json", json.dumps(request))
    await page.click(".segments button:text-is('Form')")


async def send(page: Page) -> None:
    await page.click("button.send")
    await page.wait_for_selector(".outcome .code:has-text('OK')")


async def value(page: Page, key: str) -> str:
    """The first value of this name in the reply."""
    return await page.inner_text(f".tree .row:has(> .key:text-is('{key}')) > .value >> nth=0")


async def shot(page: Page, name: str, height: int = 750) -> None:
    """Keep a picture for the documentation, when asked to."""
    if os.environ.get("SEDA_TEST_SCREENSHOTS"):
        await page.wait_for_timeout(300)
        await page.screenshot(
            path=IMAGES / f"{name}.png", clip={"x": 0, "y": 0, "width": 1200, "height": height}
        )


@needs_chromium
async def test_the_first_hour(running: Running) -> None:
    size = {"viewport": {"width": 1200, "height": 750}, "permissions": ["clipboard-read", "clipboard-write"]}
    async with (
        chromium() as browser,
        opened(browser, running.url, **size) as ada,
        opened(browser, running.url, **size) as bo,
    ):
        page = ada.page
        # A room, by its form.
        await choose(page, "seda.chat.v1.RoomService/CreateRoom")
        await page.fill("[data-field=room] [data-field=name] textarea", "Late night records")
        await page.click("[data-field=request_id] button:text-is('new')")
        await send(page)
        await shot(page, "console-call")
        room = await value(page, "id")
        # Bo joins, and watches in a second tab.
        await bo.page.select_option("select[aria-label='Call as']", "bo")
        await choose(bo.page, "seda.chat.v1.MembershipService/JoinRoom")
        await fill(bo.page, {"roomId": room})
        await send(bo.page)
        await choose(bo.page, f"{GATEWAY_METHODS}/WatchRooms")
        await fill(bo.page, {"rooms": [{"roomId": room}]})
        await bo.page.click("button.send")
        await bo.page.wait_for_selector(".option:has-text('caughtUp')")
        # A link; Bo sees it, reacts, and Ada deletes it.
        await choose(page, f"{GATEWAY_METHODS}/PostMessage")
        post = {
            "roomId": room,
            "text": TEXT,
            "trackUrl": "https://youtu.be/9bZkp7q19f0",
            "requestId": str(uuid.uuid4()),
        }
        await fill(page, post)
        await send(page)
        message = await value(page, "id")
        await bo.page.wait_for_selector(".option:has-text('MESSAGE_POSTED')")
        await send_copied(page, running, message)
        await choose(page, "seda.chat.v1.ReactionService/AddReaction")
        await fill(page, {"roomId": room, "messageId": message, "emoji": "🔥"})
        await send(page)
        await bo.page.wait_for_selector(".option:has-text('REACTION_ADDED')")
        await choose(page, "seda.chat.v1.MessageService/DeleteMessage")
        await fill(page, {"roomId": room, "messageId": message})
        await send(page)
        await bo.page.click(".option:has-text('MESSAGE_DELETED')")
        await shot(bo.page, "console-watch")
        await look_at_the_timeline(page)
        await look_at_the_rows(page, room, message)
        assert [*ada.errors, *bo.errors] == []


async def look_at_the_rows(page: Page, room: str, message: str) -> None:
    """The row that is left of the message, and who wrote it, of another service."""
    await page.evaluate("location.hash = '#/tables/chat.messages'")
    await page.wait_for_selector(".grid td:has-text('TRACK')")
    await shot(page, "console-tables")
    for column, wanted in (("room_id", room), ("id", message)):
        await page.select_option("select[aria-label=Column]", column)
        await page.fill("input[aria-label=Value]", wanted)
        await page.click(".filter button")
        await page.wait_for_selector(f".chip:has-text('{wanted}')")
    await page.wait_for_selector(".grid tbody tr:only-child")
    await page.click(".grid tbody a[title='To users.users']")
    # Until its rows are there, the message's row can be opened.
    await page.wait_for_selector(".grid td:has-text('Ada')")
    await page.click(".grid a.open[aria-label^='Open row']")
    await page.wait_for_selector("dl.row dd:has-text('Ada')")
    assert "ada@demo.seda.fm" not in await page.inner_html("dl.row")


async def send_copied(page: Page, running: Running, message: str) -> None:
    """Copy the request as commands, and run them in a shell: with its request id, it is the same message."""
    for name in ("grpcurl", "seda call", "Python"):
        if name == "grpcurl" and grpcurl_folder() is None:
            continue
        await page.click("text=Copy as")
        await page.click(f".copy-as button:text-is('{name}')")
        copied = await page.evaluate("navigator.clipboard.readText()")
        told = await asyncio.to_thread(run_copied, running, copied, python=name == "Python")
        sent = json.loads(told)["message"]
        assert (sent["id"], sent["text"]) == (message, TEXT)


def run_copied(running: Running, copied: str, *, python: bool) -> str:
    """Run what was copied, in a folder and with an environment of its own, and return what it prints."""
    folder = running.suite.data_dir.path.parent
    token = seda(folder, "token", "--email", "ada@demo.seda.fm").stdout.strip()
    programs = [str(Path(sys.executable).parent), str(grpcurl_folder() or ""), os.environ["PATH"]]
    done = subprocess.run(
        [sys.executable, "-c", copied] if python else ["sh", "-c", copied],
        cwd=folder,
        env={**environment(folder), "SEDA_TOKEN": token, "PATH": os.pathsep.join(programs)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{copied}\n{done.stderr}"
    return done.stdout


async def look_at_the_timeline(page: Page) -> None:
    """From a reply to what its call did in each process and in the database."""
    await choose(page, f"{GATEWAY_METHODS}/GetHome")
    await send(page)
    await page.click(".to-timeline")
    # Each process writes its lines a little later, and the page draws them as they come.
    for part in ("GatewayService/GetHome", "RoomService/ListMyRooms", "chat.my_rooms"):
        await page.wait_for_selector(f".bars:has-text('{part}')")
    await shot(page, "console-timeline", 600)
    await assert_accessible(page)


def examples() -> list[Path]:
    """The examples in the order in which each finds what it needs."""
    return sorted(EXAMPLES.rglob("*.json"), key=lambda file: int(json.loads(file.read_text())["order"]))


@pytest.mark.parametrize("file", examples(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_example_does_what_it_says(running: Running, file: Path) -> None:
    example = json.loads(file.read_text())
    kept = running.kept
    text = re.sub(
        r'"\$(\w+)"',
        lambda name: json.dumps(str(uuid.uuid4()) if name[1] == "request_id" else kept[name[1]]),
        json.dumps(example["request"]),
    )
    path = running.paths()[f"{file.parent.name}/{file.stem}"]
    lines = running.call({"method": path, "request": text, "identity": example["as"], "first": True})
    messages = [each["value"] for each in lines if each["kind"] == "message"]
    assert messages or lines[-1]["name"] == example.get("code", "OK"), lines[-1]
    for name, where in example.get("keep", {}).items():
        found = messages[0]
        for part in where.split("."):
            found = found[part]
        kept[name] = found


def test_every_method_has_an_example(running: Running) -> None:
    own = {f"{each.parent.name}/{each.stem}" for each in examples()}
    assert own == {name for name, path in running.paths().items() if path.startswith("seda.")}


@pytest.mark.parametrize("identity", ["moderator", "admin", "service", "ada", None])
def test_identities_are_who_they_say(running: Running, identity: str | None) -> None:
    # A token of a service is for one process.
    body = {"target": "users", "identity": identity, "method": "seda.users.v1.UserService/GetUser"}
    status = running.call(body)[-1]
    expected = {"service": "PERMISSION_DENIED", None: "UNAUTHENTICATED"}.get(identity, "OK")
    assert status["name"] == expected, status


def test_no_token_is_in_the_logs(running: Running) -> None:
    logs = running.suite.data_dir.logs
    written = "".join(each.read_text() for each in logs.iterdir())
    assert running.key not in written
    assert "eyJ" not in written
    assert '"event": "statement"' in written


def test_seda_console_names_the_page_of_the_running_suite(running: Running) -> None:
    told = seda(running.suite.data_dir.path.parent, "console")
    assert (told.returncode, told.stdout.strip()) == (0, running.url)
