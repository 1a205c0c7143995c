"""The account's entry: what it takes, what it refuses, and that it keeps its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.email.settings import Endpoint, Settings

DOMAIN: dict[str, object] = {
    "platform": "email",
    "domain": "Lists.example",
    "smtp": "127.0.0.1:25",
    "listen": "lmtp:127.0.0.1:8024",
}
MAILBOX: dict[str, object] = {
    "platform": "email",
    "address": "All@mailhost.example",
    "smtp": "smtp.mailhost.example:587",
    "imap": "imap.mailhost.example",
    "login": "me:pass:word",
}


def test_a_mail_domain_and_a_mailbox_are_both_enough() -> None:
    domain, mailbox = Settings.model_validate(DOMAIN), Settings.model_validate(MAILBOX)
    assert (domain.domain, domain.sender.loopback, domain.timeout) == ("lists.example", True, 15)
    assert (domain.data_timeout, domain.trusted_authserv) == (600, None)
    assert Settings.model_validate({**DOMAIN, "trusted_authserv": "MX.example"}).trusted_authserv == "mx.example"
    assert mailbox.address == "all@mailhost.example"
    assert mailbox.mailbox == Endpoint("imap.mailhost.example", 993)
    assert mailbox.credentials == ("me", "pass:word")
    assert not mailbox.sender.loopback


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "a@b.example"},
        {"domain": None},
        {"listen": None},
        {"smtp": "mail.example"},
        {"smtp": "mail.example:99999"},
        {"listen": "127.0.0.1:8024"},
        {"listen": "lmtp:127.0.0.1"},
        {"imap": "imap.example"},
        {"timeout": 0},
        {"data_timeout": 0},
        {"data_timeout": 3601},
        {"trusted_authserv": "mx.example; x"},
        {"login": "secret"},
        {"domian": "x"},
        {"platform": "mail"},
        {"domain": "a b"},
        {"imap": "imap.example:x", "login": "a:b"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**DOMAIN, **changes})


def test_a_plus_in_the_mailboxs_own_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="without a"):
        Settings.model_validate({**MAILBOX, "address": "all+x@mailhost.example"})


def test_no_secret_shows_in_a_repr_or_an_error() -> None:
    assert "word" not in repr(Settings.model_validate(MAILBOX))
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({**MAILBOX, "login": "onlythepassword"})
    assert "onlythepassword" not in str(raised.value)


def test_every_key_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "adapters/email/README.md").read_text("utf-8")
    table = readme.partition("## Settings")[2].partition("\n## ")[0]
    assert [key for key in Settings.model_fields if key != "platform" and f"`{key}`" not in table] == []
