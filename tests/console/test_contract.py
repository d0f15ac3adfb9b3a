"""What the console knows of methods beside a server's reflection."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from console.contract import differences, packaged_comments, packaged_files
from console.limits import limits_of

_FILE = "seda/chat/v1/room_service.proto"


def pool_with(changed: FileDescriptorProto | None = None) -> DescriptorPool:
    """The packaged contract, with another version of one file."""
    pool = DescriptorPool()
    for name, each in packaged_files().items():
        pool.Add(changed if changed is not None and changed.name == name else each)
    return pool


def test_every_method_and_field_has_a_comment() -> None:
    comments = packaged_comments()
    files = [each for each in packaged_files().values() if each.name.startswith("seda/")]
    methods = [f"{f.package}.{s.name}.{m.name}" for f in files for s in f.service for m in s.method]
    fields = [
        f"{f.package}.{m.name}.{field.name}" for f in files for m in f.message_type for field in m.field
    ]
    assert len(methods) > 100
    assert [each for each in (*methods, *fields) if not comments.get(each)] == []


def test_the_same_contract_does_not_differ() -> None:
    assert differences(pool_with(), packaged_files()) == []


def test_what_differs_is_named() -> None:
    changed = FileDescriptorProto()
    changed.CopyFrom(packaged_files()[_FILE])
    changed.message_type[0].field[0].json_name = ""
    assert differences(pool_with(changed), packaged_files()) == []
    changed.message_type.append(DescriptorProto(name="AddedMessage"))
    changed.service[0].method[0].server_streaming = True
    service = f"{changed.package}.{changed.service[0].name}"
    assert differences(pool_with(changed), packaged_files()) == ["seda.chat.v1.AddedMessage", service]


def test_limits_are_told_in_words() -> None:
    pool = pool_with()
    request = DescriptorProto()
    pool.FindMessageTypeByName("seda.chat.v1.SendMessageRequest").CopyToProto(request)
    told = {each.name: limits_of(each.options) for each in request.field}
    assert told["text"] == ["up to 4,000 characters", "up to 16,000 bytes", "not blank"]
    assert told["mention_user_ids"] == ["up to 50 items", "each: UUID"]
    assert told["request_id"] == ["UUID"]
