"""Which server the tests run on: grpcio's, or with SEDA_TRANSPORT=native the other one (docs/transport.md)."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

NATIVE = os.environ.get("SEDA_TRANSPORT") == "native"
_Address = TypeVar("_Address")


def grpcio_only(reason: str) -> pytest.MarkDecorator:
    """Mark a test of what docs/transport.md says the native server lacks."""
    return pytest.mark.skipif(NATIVE, reason=reason)


def with_reflection(main: _Address, admin: _Address) -> _Address:
    """Return which of a process's two ports offers reflection: the main one, where its server can."""
    return admin if NATIVE else main
