"""services.users.domain.identity: subjects and e-mail addresses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.errors import TokenInvalidError
from services.users.domain.errors import EmailRequiredError
from services.users.domain.identity import normalize_email, validate_subject


@pytest.mark.parametrize(
    ("email", "folded"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada@example.com\n", "ada@example.com"),
        ("ÄDA@example.com", "äda@example.com"),
        ("A\u0308da@example.com", "äda@example.com"),
        # The Kelvin sign is a K that NFC would turn into a capital one.
        ("\u212aarl@example.com", "karl@example.com"),
        ("a@" + "b" * 252, "a@" + "b" * 252),
    ],
)
def test_normalize_email(email: str, folded: str) -> None:
    assert normalize_email(email) == folded


@pytest.mark.parametrize(
    "email",
    ["", "  ", "ada", "@example.com", "ada@", "a@b@c", "ad a@b", "a\x00@b", "\ud800@b", "a@" + "b" * 253],
)
def test_normalize_email_refuses_other_texts(email: str) -> None:
    with pytest.raises(EmailRequiredError):
        normalize_email(email)


@settings(deadline=None)
@given(st.one_of(st.emails(), st.text().map(lambda text: f"a@{text}")))
def test_normalize_email_is_idempotent_and_lower_case(email: str) -> None:
    try:
        folded = normalize_email(email)
    except EmailRequiredError:
        return
    assert normalize_email(folded) == folded
    assert not any("A" <= letter <= "Z" for letter in folded)


def test_validate_subject_returns_it_unchanged() -> None:
    assert validate_subject("Google-OAuth2|12") == "Google-OAuth2|12"


@pytest.mark.parametrize("subject", ["", "a" * 256, "a\x00", "a\n", "\ud800"])
def test_validate_subject_refuses_unstorable_ones(subject: str) -> None:
    with pytest.raises(TokenInvalidError):
        validate_subject(subject)
