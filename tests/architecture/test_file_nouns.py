"""A noun names its files on every layer: an action's file name occurs in store/ and in tests/ of its service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.project import ROOT

SERVICES = ("users", "chat", "tracks")
# Actions without statements of their own, or whose statements belong to another noun.
WITHOUT_STORE = {
    "chat/authorization": "permission checks on rows that other statements return",
    "chat/page_cache": "caches what message_list returns",
    "chat/page_join": "reads through store/message_cache",
    "chat/response_size": "limits the bytes of a response",
    "chat/typing": "stores nothing",
    "chat/room_moderation": "changes rooms through store/rooms",
    "tracks/catalog": "reads and creates tracks through store/tracks",
    "tracks/resolve_link": "calls the crawler",
    "users/verification_review": "decides claims through store/verification_transition",
}
# Actions without a method, by the test that covers them.
WITHOUT_TEST = {
    "chat/authorization": "test_permissions",
    "chat/message_purge": "test_janitor",
    "chat/message_revisions": "test_reactions_pins_revisions_listing",
    "chat/page_join": "test_page_cache",
    "chat/response_size": "test_message_list",
    "chat/room_transaction": "test_message_send_concurrency",
    "chat/search_backfill": "test_janitor",
}
_SUPPORT = {"__init__", "deps"}


def nouns(root: Path, service: str) -> list[str]:
    """The nouns of a service's actions."""
    files = (root / "services" / service / "actions").glob("*.py")
    return sorted(path.stem for path in files if path.stem not in _SUPPORT)


def misaligned(root: Path, service: str) -> list[str]:
    """The actions of a service whose noun is missing in store/ or tests/."""
    stores = [path.stem for path in (root / "services" / service / "store").glob("*.py")]
    tests = [path.stem for path in (root / "tests/services" / service).rglob("test_*.py")]
    wanted = ((stores, WITHOUT_STORE, "store"), (tests, WITHOUT_TEST, "tests"))
    return [
        f"{service}: no file of {layer} is named after actions/{noun}.py"
        for noun in nouns(root, service)
        for names, exempt, layer in wanted
        if f"{service}/{noun}" not in exempt and not any(noun in name for name in names)
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_actions_have_their_noun_in_store_and_tests(service: str) -> None:
    assert misaligned(ROOT, service) == []


def test_exemptions_are_of_actions_that_exist() -> None:
    actions = {f"{service}/{noun}" for service in SERVICES for noun in nouns(ROOT, service)}
    assert {*WITHOUT_STORE, *WITHOUT_TEST} <= actions
    tests = {path.stem for path in (ROOT / "tests/services").rglob("test_*.py")}
    assert set(WITHOUT_TEST.values()) <= tests


def test_misaligned_noun_is_found(tmp_path: Path) -> None:
    for path in (
        "services/chat/actions/pins.py",
        "services/chat/store/bookmarks.py",
        "tests/services/chat/test_pin.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert misaligned(tmp_path, "chat") == [
        "chat: no file of store is named after actions/pins.py",
        "chat: no file of tests is named after actions/pins.py",
    ]
