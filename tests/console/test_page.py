"""The page in a real browser, on a server whose contract has a field of each kind."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from playwright.async_api import Browser, Page

from console.catalog import Catalog, read_catalog
from console.contract import packaged_comments, packaged_files
from console.settings import ConsoleSettings
from ops.call.reflect import Reflection
from tests.console.accessibility import assert_accessible
from tests.console.browser import chromium, needs_chromium, opened
from tests.console.messages import random_message
from tests.console.probe_target import ProbeTarget, probe_target
from tests.console.serving import KEY, ConsoleServer, console_server
from tests.ops.support.fake_suite import free_base

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(180)]
_ROUND_TRIP = """async ([described, type, texts]) => {
  const { messageEditor } = await import("/static/form.js");
  const { format, parse } = await import("/static/json.js");
  return texts.map((text) => {
    const editor = messageEditor(type, { ...described, maskable: [], ids: async () => [] });
    document.body.append(editor.element);
    editor.write(parse(text));
    const read = format(editor.read());
    editor.element.remove();
    return read;
  });
}"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[ProbeTarget]:
    async with probe_target() as started:
        yield started


@pytest.fixture(scope="module")
async def server(target: ProbeTarget) -> AsyncIterator[ConsoleServer]:
    async with console_server(ConsoleSettings(port=0, key=KEY, targets={"probe": target.address})) as started:
        yield started


async def choose(page: Page, name: str) -> None:
    await page.evaluate(f"location.hash = '#/calls/probe.Probe/{name}'")
    await page.wait_for_selector(f".about h2:text-is('{name}')")


async def send(page: Page, outcome: str = "OK") -> None:
    await page.click("button.send")
    await page.wait_for_selector(f".outcome .code:has-text('{outcome}')")


async def write(page: Page, text: str) -> None:
    await page.click(".segments button:text-is('JSON')")
    await page.fill("textarea.json", text)
    await page.click(".segments button:text-is('Form')")


def own_catalog() -> Catalog:
    """The public contract of Seda, without a server: its files go through the same code."""
    pool = DescriptorPool()
    for each in packaged_files().values():
        pool.Add(each)
    services = {
        f"{file.package}.{service.name}": dict(
            pool.FindServiceByName(f"{file.package}.{service.name}").methods_by_name
        )
        for file in packaged_files().values()
        for service in file.service
    }
    return Catalog(pool, services, packaged_comments(), [])


def probe_catalog(address: str) -> Catalog:
    with grpc.insecure_channel(address) as channel:
        return read_catalog(Reflection(channel, 10))


async def assert_round_trips(page: Page, catalog: Catalog, per_type: int) -> int:
    """Send random messages of all types of all methods through their forms."""
    chance, done = random.Random(5), set[str]()
    for methods in catalog.services.values():
        for method in methods.values():
            described = catalog.describe(method)
            for kind in (method.input_type, method.output_type):
                if kind.full_name in done:
                    continue
                done.add(kind.full_name)
                messages = [random_message(kind, chance) for _ in range(per_type)]
                texts = [json_format.MessageToJson(each, descriptor_pool=catalog.pool) for each in messages]
                read = await page.evaluate(_ROUND_TRIP, [described, kind.full_name, texts])
                for message, text, result in zip(messages, texts, read, strict=True):
                    back = json_format.Parse(
                        result, message_factory.GetMessageClass(kind)(), descriptor_pool=catalog.pool
                    )
                    assert back == message, f"{kind.full_name}\n{text}\n{result}"
    return len(done)


async def test_random_messages_of_every_type_go_through_their_forms(
    browser: Browser, server: ConsoleServer, target: ProbeTarget
) -> None:
    catalog = own_catalog()
    assert sum(map(len, catalog.services.values())) > 100
    async with opened(browser, server.url) as watched:
        assert await assert_round_trips(watched.page, catalog, 3) > 190
        probe = await asyncio.to_thread(probe_catalog, target.address)
        await assert_round_trips(watched.page, probe, 20)
        assert watched.errors == []


async def test_a_form_is_what_is_sent(browser: Browser, server: ConsoleServer, target: ProbeTarget) -> None:
    given = {
        "wide": "-9223372036854775808",
        "maybeWide": "9007199254740993",
        "texts": ["", "b"],
        "self": {"flag": True},
    }
    given |= {"labels": {"a b": "c"}, "asNumber": "0", "maybeText": "", "byNumber": {"-1": {"data": "AAE="}}}
    async with opened(browser, server.url) as watched:
        page = watched.page
        await choose(page, "Echo")
        await write(page, json.dumps(given))
        await send(page)
        name, data, _ = target.calls[-1]
        sent = target.everything.FromString(data)
        assert (name, json_format.MessageToDict(sent)) == ("Echo", given)
        # Typed by hand, beyond what a JavaScript number holds.
        await page.fill("[data-field=wide] input >> nth=0", "9007199254740993")
        await send(page)
        assert target.everything.FromString(target.calls[-1][1]).wide == 9007199254740993
        await page.wait_for_selector(".tree .value:text-is('9007199254740993')")
        # Unquoted in JSON, and changed there.
        await page.click(".segments button:text-is('JSON')")
        await page.fill("textarea.json", '{"wide": -9007199254740993}')
        await page.keyboard.press("Control+Enter")
        await page.wait_for_selector(".tree .value:text-is('-9007199254740993')")
        assert watched.errors == []


async def test_a_long_stream_stays_small_in_the_page(
    browser: Browser, server: ConsoleServer, tmp_path: Path
) -> None:
    async with opened(browser, server.url) as watched:
        page = watched.page
        await choose(page, "Count")
        await page.fill("[data-field=value] input", "10000")
        await send(page)
        await page.wait_for_selector(".counter:has-text('10,000 messages')")
        assert await page.evaluate("document.querySelectorAll('*').length") < 1_200
        await page.focus(".virtual")
        await page.keyboard.press("End")
        await page.wait_for_selector(".detail .value:text-is('9999')")
        async with page.expect_download() as waiting:
            await page.click("text=Save .jsonl")
        saved = tmp_path / "all.jsonl"
        await (await waiting.value).save_as(saved)
        numbers = [json.loads(line).get("wide", "0") for line in saved.read_text().splitlines()]
        assert numbers == [str(number) for number in range(10_000)]


async def test_a_reply_of_6_megabytes_stays_usable(browser: Browser, server: ConsoleServer) -> None:
    async with opened(browser, server.url) as watched:
        page = watched.page
        await choose(page, "Big")
        await page.fill("[data-field=value] input", "6000000")
        await send(page)
        await page.wait_for_selector(".tree .more")
        assert await page.evaluate("document.querySelectorAll('*').length") < 1_200
        await page.click(".message button:text-is('JSON')")
        assert await page.evaluate("document.querySelector('.message pre').textContent.length") == 200_000
        await page.click("button:has-text('Show all')")
        await page.wait_for_selector("button:has-text('Show all')", state="detached")
        assert await page.evaluate("document.querySelector('.message pre').textContent.length") > 6_000_000


async def test_escape_cancels_the_call(browser: Browser, server: ConsoleServer, target: ProbeTarget) -> None:
    target.waiting.clear()
    target.cancelled.clear()
    async with opened(browser, server.url) as watched:
        await choose(watched.page, "Wait")
        await watched.page.click("button.send")
        await target.waiting.wait()
        await watched.page.keyboard.press("Escape")
        await target.cancelled.wait()
        await watched.page.wait_for_selector(".code:has-text('CANCELLED')")


async def test_text_of_others_is_text(browser: Browser, server: ConsoleServer) -> None:
    evil = '<img src=x onerror="document.title=1">'
    async with opened(browser, server.url) as watched:
        page = watched.page
        await choose(page, "Echo")
        await write(page, json.dumps({"text": evil, "labels": {evil: evil}}))
        await send(page)
        await page.wait_for_selector(f".tree .value:text-is({json.dumps(evil)})")
        assert await page.evaluate("document.querySelectorAll('img[src=x], script:not([src])').length") == 0
        assert watched.errors == []


async def test_tokens_stay_in_memory_and_nothing_else_is_asked(
    browser: Browser, server: ConsoleServer, target: ProbeTarget
) -> None:
    async with opened(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as watched:
        page = watched.page
        assert KEY not in page.url
        await choose(page, "Echo")
        await page.select_option("select[aria-label='Call as']", "token")
        await page.fill("input[type=password]", "very-secret")
        await page.click("text=Deadline and metadata")
        await page.fill("[aria-label='Metadata name'] >> nth=0", "x-private")
        await page.fill("[aria-label='Metadata value'] >> nth=0", "also-secret")
        await send(page)
        assert target.calls[-1][2]["authorization"] == "Bearer very-secret"
        copied = []
        for name in ("grpcurl", "Python"):
            await page.click("text=Copy as")
            await page.click(f".copy-as button:text-is('{name}')")
            copied.append(await page.evaluate("navigator.clipboard.readText()"))
        assert all("SEDA_TOKEN" in each and "very-secret" not in each for each in copied)
        await page.click("text=Share")
        link = await page.evaluate("navigator.clipboard.readText()")
        stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "secret" not in stored + link
        assert KEY not in link
        assert "probe.Probe/Echo" in stored
        urls = [each.url for each in watched.requests]
        assert [
            each
            for each in urls
            if not each.startswith(f"http://127.0.0.1:{server.port}/") and not each.startswith("blob:")
        ] == []
        assert [each for each in urls if KEY in each or "secret" in each] == []


async def test_what_is_loaded_is_small_and_soon_there(browser: Browser, server: ConsoleServer) -> None:
    async with opened(browser, server.url) as watched:
        page = watched.page
        painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        # The promise is 300 ms; the reserve is for a busy machine.
        assert painted < 1_500
        for each in watched.requests:
            response = await each.response()
            if response is not None and "/api/events" not in each.url:
                assert len(await response.body()) < 150_000, each.url


async def test_the_page_works_without_a_mouse(browser: Browser, server: ConsoleServer) -> None:
    async with opened(browser, server.url) as watched:
        page = watched.page
        await page.keyboard.press("/")
        await page.keyboard.type("echo")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".about h2:text-is('Echo')")
        await page.focus("[data-field=text] textarea")
        await page.keyboard.type("by keys")
        await page.keyboard.press("Alt+J")
        assert "by keys" in await page.input_value("textarea.json")
        await page.focus("textarea.json")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_selector(".tree .value:text-is('by keys')")
        await page.keyboard.press("Alt+2")
        await page.wait_for_selector("#recent:not([hidden])")


async def test_a_restarted_server_with_another_method_appears(browser: Browser) -> None:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(free_base())
        settings = ConsoleSettings(port=0, key=KEY, targets={"probe": f"127.0.0.1:{port}"})
        server = await stack.enter_async_context(console_server(settings))
        async with probe_target(port=port):
            watched = await stack.enter_async_context(opened(browser, server.url))
            await watched.page.wait_for_selector(".health .good")
        await watched.page.wait_for_selector(".health .bad")
        await stack.enter_async_context(probe_target("rpc Added(Number) returns (Number);", port))
        await watched.page.click(".services a:has-text('Added')")
        await send(watched.page)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
async def test_nothing_serious_is_found_by_axe(
    browser: Browser, server: ConsoleServer, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 900}
    async with opened(browser, server.url, color_scheme=scheme, viewport=size) as watched:
        page = watched.page
        await assert_accessible(page)
        await choose(page, "Echo")
        await write(page, '{"self": {}, "texts": ["a"], "labels": {"a": "b"}, "asText": "x"}')
        await send(page)
        await assert_accessible(page)
        await choose(page, "Count")
        await page.fill("[data-field=value] input", "50")
        await send(page)
        await assert_accessible(page)
        await page.evaluate("location.hash = '#/recent'")
        await page.wait_for_selector("#recent .virtual")
        await assert_accessible(page)
