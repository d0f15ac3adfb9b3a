"""Conversion of timestamps and durations, without protobuf's slow helpers."""

from __future__ import annotations

import datetime as dt

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.clock import Micros

_MILLION = 1_000_000
_UNIX_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - UTC; the text ends in Z


def to_proto(into: Timestamp, at: Micros) -> None:
    """Set `into` to the instant `at`."""
    into.seconds, micros = divmod(at, _MILLION)
    into.nanos = micros * 1000
    if at == 0:
        # Setting default values alone would leave the message unset.
        into.SetInParent()


def from_proto(timestamp: Timestamp) -> Micros:
    """Microseconds of a timestamp, rounded down."""
    return Micros(timestamp.seconds * _MILLION + timestamp.nanos // 1000)


def seconds_to_proto(into: Duration, seconds: float) -> None:
    """Set `into` to a span of `seconds`."""
    whole, fraction = divmod(seconds, 1)
    into.seconds = int(whole)
    into.nanos = int(fraction * 1e9)
    into.SetInParent()


def format_rfc3339(at: Micros) -> str:
    """RFC 3339, in UTC with microseconds."""
    return (_UNIX_EPOCH + dt.timedelta(microseconds=at)).isoformat(timespec="microseconds") + "Z"
