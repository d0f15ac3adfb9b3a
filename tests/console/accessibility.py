"""What axe-core finds in a page."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page


async def assert_accessible(page: Page) -> None:
    """Fail with what is wrong and where, if anything is serious."""
    found = await Axe().run(page)
    serious = [
        (each["id"], each["impact"], [(node["target"], node["failureSummary"]) for node in each["nodes"][:3]])
        for each in found.response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert not serious, str(serious)
