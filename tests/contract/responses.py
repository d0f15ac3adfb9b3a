"""Checks of any response: a documented code and reason, complete details, no leaks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc
from google.rpc import error_details_pb2, status_pb2

from tests.architecture.project import ROOT
from tests.contract.suite import Outcome

SERVICES = ("users", "chat", "tracks", "gateway")
_OWNERS = (*SERVICES, "probe")
REQUEST_ID = "a-request-of-the-tests"
_DETAILS = ("ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo")
# Codes that the gRPC core returns before our code runs.
_CORE_CODES = frozenset({grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED})
_NEVER = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})
_REASON = re.compile(r"((?:^ *//.*\n)+)^ *ERROR_REASON_(\w+) = \d+;", re.MULTILINE)
_COMMENT_CODE = re.compile(r" *// ([A-Z_]+)( with RetryInfo)?\.")
# Traces of an exception, a file, SQL, a DSN, or a library's own words.
_LEAK = re.compile(
    r"Traceback|Exception|Error\(|Error\b(?! *id)|\.py\b|/work|site-packages|line \d+"
    r"|\b(?:SELECT|INSERT INTO|DELETE FROM|RETURNING|VALUES \()|postgres(?:ql)?://|asyncpg|protobuf|SQLSTATE"
    r"|object at 0x|<class|NoneType|Unexpected",
)


class Reason(NamedTuple):
    """The documented code of a reason (None if missing), and whether it has RetryInfo."""

    code: str | None
    retry: bool


@functools.cache
def reasons(package: str) -> dict[str, Reason]:
    """The documented reasons of a package of seda.*, by their names without prefix."""
    path = ROOT / "protos/seda" / package / "v1/error_reason.proto"
    if not path.exists():
        return {}
    found = {}
    for comment, name in _REASON.findall(path.read_text()):
        code = _COMMENT_CODE.match(comment)
        found[name] = Reason(code[1], bool(code[2])) if code else Reason(None, retry=False)
    return found


def details(outcome: Outcome) -> dict[str, Any]:
    """The google.rpc details of an error by the name of their type; "Status" is the whole."""
    data = dict(outcome.trailers).get("grpc-status-details-bin")
    if not isinstance(data, bytes):
        return {}
    status = status_pb2.Status.FromString(data)
    found: dict[str, Any] = {"Status": status}
    for packed in status.details:
        name = packed.TypeName().rsplit(".", maxsplit=1)[-1]
        detail = getattr(error_details_pb2, name)()
        packed.Unpack(detail)
        found[name] = detail
    return found


def reason_of(outcome: Outcome) -> str:
    """The reason of an error, or its code where there is none."""
    info = details(outcome).get("ErrorInfo")
    reason: str = info.reason if info is not None else outcome.code.name
    return reason


def violations(outcome: Outcome, service_name: str | None = None) -> list[str]:
    """The violations of a response, one line each. `service_name` is the expected origin; None accepts any."""
    if outcome.code is grpc.StatusCode.OK:
        return [] if outcome.reply is not None else ["OK without a reply"]
    found = [f"leaks {text!r}" for text in leaks(outcome)]
    if outcome.code in _NEVER:
        found.append(f"is {outcome.code.name}: {outcome.message!r}")
    parts = details(outcome)
    if not parts:
        return found if outcome.code in _CORE_CODES else [*found, f"{outcome.code.name} without details"]
    return [*found, *_detail_violations(outcome, parts, service_name)]


def leaks(outcome: Outcome) -> list[str]:
    """Internal details that an error exposes."""
    texts = [outcome.message, *(str(part) for part in details(outcome).values())]
    texts += [value if isinstance(value, str) else value.decode("latin-1") for _, value in outcome.trailers]
    return [match[0] for text in texts for match in _LEAK.finditer(text)]


def _detail_violations(outcome: Outcome, parts: dict[str, Any], service_name: str | None) -> Iterator[str]:
    status, info = parts["Status"], parts.get("ErrorInfo")
    code = outcome.code.name
    if (status.code, status.message) != (outcome.code.value[0], outcome.message):
        yield "the details have another code or message"
    if info is None:
        yield f"{code} without ErrorInfo"
        return
    reason, domain = info.reason, info.domain
    yield from _reason_violations(code, reason, domain, service_name, has_retry="RetryInfo" in parts)
    request = parts.get("RequestInfo")
    if request is None or request.request_id != REQUEST_ID:
        yield "RequestInfo does not name the request"
    bad = parts.get("BadRequest")
    named = bad is not None and all(each.description for each in bad.field_violations)
    if code == "INVALID_ARGUMENT" and not named:
        yield f"{reason} without BadRequest"
    if parts.keys() - {"Status", *_DETAILS}:
        yield f"has undocumented details: {sorted(parts)}"


def _reason_violations(
    code: str, reason: str, domain: str, service_name: str | None, *, has_retry: bool
) -> Iterator[str]:
    owner = domain.removesuffix(".seda.fm")
    if owner not in _OWNERS or domain != f"{owner}.seda.fm":
        yield f"domain {domain!r}"
        return
    if service_name is not None and owner != service_name:
        yield f"answered by {owner}, not {service_name}"
    documented = reasons(owner).get(reason) or reasons("rpc").get(reason)
    if documented is None or reason == "UNSPECIFIED":
        yield f"undocumented reason {reason!r} of {owner}"
        return
    if documented.code not in {code, None}:
        yield f"{reason} as {code}, documented {documented.code}"
    if documented.retry and not has_retry:
        yield f"{reason} without RetryInfo"
