"""Which mail a link means."""

from __future__ import annotations

import pytest

from adapters.email import MANIFEST
from adapters.email.adapter import EmailAdapter
from bridge.post import AccountId, NativeId

SETTINGS = {
    "platform": "email",
    "address": "all@mailhost.example",
    "imap": "imap.mailhost.example",
    "smtp": "smtp.mailhost.example:587",
}


@pytest.mark.parametrize("words", ["mid:a.b@mailhost.example", "mid:%3Ca.b%40mailhost.example%3E"])
def test_a_mid_link_means_its_mail(words: str) -> None:
    adapter = EmailAdapter(AccountId("mail"), MANIFEST.settings.model_validate({**SETTINGS, "login": "user:password"}))  # type: ignore[arg-type]
    found = adapter.locate(words)
    assert found is not None
    assert (found.place.account, found.id) == ("mail", NativeId("a.b@mailhost.example"))
