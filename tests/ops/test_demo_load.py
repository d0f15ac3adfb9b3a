"""`seda demo load` where there is nothing to load; test_up_real_suite.py has the rest."""

from __future__ import annotations

import pytest

from tests.ops.support.command import Seda


def test_a_gateway_that_is_away_is_told(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDA_JWT_SECRET", "s" * 40)
    told = seda("demo", "load", "--address", "127.0.0.1:1")
    assert told.code == 1
    assert told.err.splitlines()[0] == "The gateway at 127.0.0.1:1 does not answer."
    assert seda("demo", "load", "--rate", "0").code == 2
    assert seda("demo", "load", "--duration", "soon").code == 2


def test_there_is_no_load_in_production(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDA_ENV", "production")
    assert seda("demo", "load").code == 4
