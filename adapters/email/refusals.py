"""What in a mail's fields says that no person wrote it to the group: our own copies, bounces, automatic answers."""

from __future__ import annotations

import re
from typing import Final

from adapters.email.addresses import Home, addresses_in
from adapters.email.mime import Mail, ids_in
from adapters.email.phrases import AWAY

MARK: Final = "x-viabridge"
_DAEMONS = frozenset({"mailer-daemon", "postmaster"})
_AUTOMATIC_NAME = re.compile(r"(?:^|-)auto-?(?:repl(?:y|ied)|respon[ds]|generated)")
_AUTOMATIC_VALUE = re.compile(r"auto[-_ ]?(?:repl(?:y|ied)|respon(?:se|der|d)|generated)")
_WRITTEN_BY_PEOPLE = frozenset({"subject", "thread-topic", "comments", "keywords", "from", "sender", "reply-to", "to", "cc"})


def refusal(mail: Mail, envelope_sender: str | None, home: Home) -> str | None:
    """The reason code where the mail must not become a post, None where it may.

    `envelope_sender` is empty for the null path and None where it isn't known.
    """
    if _is_our_own(mail, home):
        return "loop"
    if mail.mime == "multipart/report" or _is_from_daemon(mail, envelope_sender):
        return "bounce"
    if _is_automatic(mail):
        return "auto-reply"
    if envelope_sender == "" or mail.first("return-path").replace(" ", "") == "<>":
        return "bounce"
    return None


def went_to_many(mail: Mail) -> bool:
    """Whether it is some mailing: perhaps a newsletter, perhaps a person's mail that came through a list."""
    return _precedence(mail) in ("bulk", "list") and _submitted(mail) != "no"


def _is_our_own(mail: Mail, home: Home) -> bool:
    """Whether a bridge wrote it. Another bridge's copies count as well: two bridges would answer each other for ever."""
    if mail.first(MARK):
        return True
    ids = {home.list_id(group) for group in home.groups}
    posts = {home.address_of(group) for group in home.groups}
    if any(value.rpartition("<")[2].strip("> ").lower() in ids for value in mail.all("list-id")):
        return True
    return any(
        address in posts for value in mail.all("list-post") for address in addresses_in(value.lower().replace("mailto:", " "))
    )


def _is_from_daemon(mail: Mail, envelope_sender: str | None) -> bool:
    named = (envelope_sender or "", *mail.all("return-path"), *mail.all("from"))
    return any(address.partition("@")[0] in _DAEMONS for value in named for address in addresses_in(value))


def _submitted(mail: Mail) -> str:
    return mail.first("auto-submitted").split(";")[0].strip().lower()


def _precedence(mail: Mail) -> str:
    return mail.first("precedence").strip().lower()


def _is_automatic(mail: Mail) -> bool:
    return (
        _submitted(mail) not in ("", "no")
        or _precedence(mail) == "junk"
        or any(_is_automatic_field(name, value.strip().lower()) for name, value in mail.fields)
        or _is_away_notice(mail)
    )


def _is_automatic_field(name: str, value: str) -> bool:
    if "suppress" in name or name in _WRITTEN_BY_PEOPLE:  # X-Auto-Response-Suppress asks others not to answer
        return False
    if _AUTOMATIC_NAME.search(name):
        return value not in ("", "no", "false", "0")
    return _AUTOMATIC_VALUE.fullmatch(value.partition(";")[0].strip()) is not None


def _is_away_notice(mail: Mail) -> bool:
    """A subject alone proves nothing, as people write about absence too; their answers start with `Re:`."""
    answers = bool(ids_in(mail.first("in-reply-to")) or ids_in(mail.first("references")))
    return (answers or _precedence(mail) == "bulk") and mail.subject.lower().startswith(AWAY)
