"""What a request must be before a handler sees it."""

from __future__ import annotations

import unicodedata
from typing import Any

import psutil
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from seda.chat.v1.message_service_pb2 import SearchMessagesRequest, SendMessageRequest, UpdateMessageRequest
from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import UpdateUserRequest
from servicekit.errors import FieldViolation, InvalidFieldsError, MalformedRequestError
from servicekit.validation import decode, parse_request, validate
from tests.probe import ProbeRequest

_FORBIDDEN = [
    *(chr(each) for each in range(0x20) if chr(each) not in "\t\n"),
    *(chr(each) for each in range(0x7F, 0xA0)),
    "\ufdd0", "\ufdef", "\ufffe", "\uffff",
]  # fmt: skip


def violations(request: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFieldsError) as raised:
        validate(request)
    return [(violation.field, violation.description) for violation in raised.value.violations]


def nested(text: str) -> Any:
    """A request with the text in every place that takes one."""
    request = ProbeRequest(text=text, tags=["a", text])
    request.inner.text = text
    request.inners.add().text = "a"
    request.inners.add().text = text
    return request


def test_text_becomes_nfc_everywhere() -> None:
    request = nested("e\u0301")
    validate(request)
    assert request == nested("é")


@pytest.mark.parametrize(
    "text", ["", "a", "é", "a\nb\tc", "①ﬁ", "🎵", "\u200d", "\ue000", "\U0010ffff", "日本"]
)
def test_clean_text_stays_as_it_is(text: str) -> None:
    request = nested(text)
    validate(request)
    assert request == nested(text)


def test_normal_form_counts_for_the_length() -> None:
    # 20 letters with accents: 40 code points as they came.
    request = ProbeRequest(text="e\u0301" * 20)
    validate(request)
    assert request.text == "é" * 20


def test_text_that_is_too_long_in_any_form_is_not_normalized() -> None:
    # U+1F82 decomposes to four characters; a longer text can't shrink to 20.
    assert unicodedata.normalize("NFC", "\u03b1\u0313\u0300\u0345") == "\u1f82"
    request = ProbeRequest(text="\u03b1\u0313\u0300\u0345" * 20)
    validate(request)
    assert request.text == "\u1f82" * 20
    assert violations(ProbeRequest(text="\u03b1\u0313\u0300\u0345" * 20 + "a")) == [("text", "is too long")]
    assert violations(ProbeRequest(text="a" * 81, tags=["b" * 21])) == [
        ("text", "is too long"), ("tags[0]", "is too long")
    ]  # fmt: skip


@given(st.text(st.characters(min_codepoint=0xA0, exclude_categories=["Cs"]), max_size=80))
def test_text_that_fits_when_normalized_is_never_refused_before(text: str) -> None:
    request = ProbeRequest(text=text)
    fits = len(unicodedata.normalize("NFC", text)) <= 20 and "\ufffe" not in text and "\uffff" not in text
    if fits and not any("\ufdd0" <= each <= "\ufdef" for each in text):
        validate(request)


def test_more_than_30_combining_marks_in_a_row_are_refused() -> None:
    room = "0190a5c0-0000-7000-8000-00000000000a"
    validate(SendMessageRequest(room_id=room, text="a" + "\u0301\u0327" * 15 + "b" + "\u0f73" * 30))
    for marks in ("\u0301\u0327" * 15 + "\u0301", "\u0f73" * 31):
        for text in (f"a{marks}", marks, f"{'é' * 100}{marks}b"):
            assert violations(SendMessageRequest(room_id=room, text=text)) == [
                ("text", "has more than 30 combining marks in a row")
            ]


def test_cr_lf_becomes_lf() -> None:
    request = ProbeRequest(text="a\r\nb\r\n")
    validate(request)
    assert request.text == "a\nb\n"
    assert violations(ProbeRequest(text="a\rb")) == [("text", "contains control characters")]


def test_items_above_the_limit_are_not_looked_at() -> None:
    request = ProbeRequest(tags=["\0"] * 4, inners=[{"number": -1}] * 201)
    assert violations(request) == [
        ("tags", "must have at most 3 items"), ("inners", "must have at most 200 items")
    ]  # fmt: skip
    mask = FieldMask(paths=["text"] * 101)
    update = UpdateUserRequest(user=User(id="0190a5c0-0000-7000-8000-00000000000a"), update_mask=mask)
    assert violations(update) == [("update_mask.paths", "must have at most 100 items")]


def test_rules_report_only_the_first_of_many_items() -> None:
    assert len(violations(ProbeRequest(inners=[{"number": -1}] * 20))) == 20
    assert [field for field, _ in violations(ProbeRequest(inners=[{"number": -1}] * 21))] == [
        "inners[0].number"
    ]


def test_output_only_fields_are_dropped() -> None:
    user = User(id="0190a5c0-0000-7000-8000-00000000000a", display_name="Ada", email="\0" * 300)
    request = UpdateUserRequest(user=user, update_mask=FieldMask(paths=["display_name"]))
    validate(request)
    assert request.user == User(id=user.id, display_name="Ada")


@pytest.mark.parametrize("size", [10, 100_000])
def test_request_of_any_size_keeps_its_known_fields_only(size: int) -> None:
    request = ProbeRequest(text="e\u0301", tags=["a"], inners=[{"text": "b"}])
    unknown = b"\xfa\x7f" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + b"x" * size
    parsed = parse_request(ProbeRequest, request.SerializeToString() + unknown)
    assert (
        parsed.SerializeToString()
        == ProbeRequest(text="é", tags=["a"], inners=[{"text": "b"}]).SerializeToString()
    )


def test_dropped_fields_do_not_stay_in_memory() -> None:
    message = UpdateMessageRequest.DESCRIPTOR.fields_by_name["message"].number
    # 80,000 empty `Message.replies`.
    replies = b"\x82\x01\x00" * 80_000
    data = bytes(
        [message << 3 | 2, len(replies) & 0x7F | 0x80, len(replies) >> 7 & 0x7F | 0x80, len(replies) >> 14]
    )
    valid = UpdateMessageRequest()
    valid.message.id = valid.message.room_id = "0190a5c0-0000-7000-8000-00000000000a"
    valid.message.text = "a"
    valid.update_mask.paths.append("text")
    process = psutil.Process()
    before = process.memory_info().rss
    requests = [
        parse_request(UpdateMessageRequest, valid.SerializeToString() + data + replies) for _ in range(20)
    ]
    # 20 MB each otherwise.
    assert process.memory_info().rss - before < 100 << 20
    assert requests == [valid] * 20


@pytest.mark.parametrize("character", _FORBIDDEN, ids=lambda character: f"U+{ord(character):04X}")
def test_control_characters_are_refused_in_every_place(character: str) -> None:
    places = ["text", "tags[1]", "inner.text", "inners[1].text"]
    assert violations(nested(f"a{character}")) == [(place, "contains control characters") for place in places]


def test_rules_name_the_field_with_its_path() -> None:
    request = ProbeRequest(text="x" * 21, tags=["a", "b", "toolong"], number=11, id="no uuid")
    request.inner.number = -1
    request.inners.add()
    request.inners.add().text = "y" * 21
    found = violations(request)
    assert sorted(field for field, _ in found) == [
        "id", "inner.number", "inners[1].text", "number", "tags[2]", "text"
    ]  # fmt: skip
    assert all(description for _, description in found)


@pytest.mark.parametrize(
    ("seconds", "nanos", "good"),
    [
        (5, 999_999_999, True),
        (5, 1_000_000_000, False),
        (5, -1, False),
        (0, -1, False),
        (253_402_300_800, 0, False),
        (-62_135_596_800, 0, True),
        (-62_135_596_801, 999_999_999, False),
    ],
)
def test_instants_are_well_formed(seconds: int, nanos: int, good: bool) -> None:
    request = SearchMessagesRequest(query="a", start_time=Timestamp(seconds=seconds, nanos=nanos))
    if good:
        validate(request)
    else:
        assert violations(request) == [("start_time", "is out of range")]


@pytest.mark.parametrize(
    ("seconds", "nanos", "fault"),
    [
        (5, 999_999_999, None),
        (5, 1_000_000_000, "is out of range"),
        (5, -1, "is out of range"),
        (-5, 1, "is out of range"),
        (315_576_000_001, 0, "is out of range"),
        ((1 << 63) - 1, 0, "is out of range"),
        # These are spans, which the rule then finds too short.
        (0, -1, "must be greater"),
        (-5, -1, "must be greater"),
    ],
)
def test_spans_are_well_formed(seconds: int, nanos: int, fault: str | None) -> None:
    request = UpsertTrackRequest(input="x", duration=Duration(seconds=seconds, nanos=nanos))
    if fault is None:
        validate(request)
        return
    ((field, text),) = violations(request)
    assert (field, text.startswith(fault)) == ("duration", True)


def test_number_of_faults_is_bounded() -> None:
    request = ProbeRequest()
    for _ in range(100):
        request.inners.add().text = "\0"
    assert len(violations(request)) == 20


def test_message_names_the_fields() -> None:
    with pytest.raises(InvalidFieldsError, match="number: "):
        validate(ProbeRequest(number=11))


# 10, because normal form C can be longer.
@given(st.text(max_size=10))
def test_what_passes_is_nfc_and_clean(text: str) -> None:
    try:
        request = ProbeRequest(text=text)
    except UnicodeEncodeError:
        # A lone surrogate never gets into a message.
        return
    if any(character in text for character in _FORBIDDEN):
        assert violations(request) == [("text", "contains control characters")]
        return
    validate(request)
    before = ProbeRequest(text=request.text)
    validate(request)
    assert request == before
    assert unicodedata.is_normalized("NFC", request.text)


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x03\xed\xa0\x80", b"\x1a\x03\x0a\x01\xff"])
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedRequestError) as raised:
        decode(ProbeRequest, data)
    assert raised.value.message == "malformed request"
    assert raised.value.violations == (FieldViolation("", "cannot be decoded as probe.v1.ProbeRequest"),)
    assert raised.value.__cause__ is None


def test_unknown_fields_are_ignored() -> None:
    known = ProbeRequest(text="a").SerializeToString()
    decoded: Any = decode(ProbeRequest, known + b"\xf8\x3e\x07")
    assert decoded.text == "a"
