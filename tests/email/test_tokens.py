"""Answer and return addresses: made for one reader and copy, guessed by nobody, short enough for every mail server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.email.addresses import Home
from adapters.email.parse import Envelope, parse
from adapters.email.tokens import LIFE, Signer
from bridge.keys import send_key
from bridge.post import Created, NativeId, Ref
from tests.email.support import ACCOUNT, GROUP, HOME, NOW, mail, parsed, raw, reader

SIGNER = Signer("s3cret")
KEY = send_key("event", reader(), 0, 0)
NAME = SIGNER.id(KEY)
SIGNED = replace(HOME, signer=SIGNER)


def test_an_address_says_for_which_copy_it_was_made_and_survives_lower_casing() -> None:
    address = SIGNED.own_for("r", "all-hands", NAME, NOW)
    assert address is not None
    local = address.partition("@")[0]
    assert address == address.lower()
    assert len(local) <= 64
    ticket = SIGNED.ticket_in("r", address.upper(), NOW)
    assert ticket is not None
    assert (ticket.id, ticket.expired) == (NAME, False)
    assert SIGNED.group_of(address) == "all-hands"
    later = SIGNED.ticket_in("r", address, NOW + LIFE + timedelta(days=2))
    assert later is not None
    assert later.expired


@pytest.mark.scenario("J09")
def test_an_address_that_we_never_made_is_nobodys() -> None:
    address = SIGNED.own_for("r", "all-hands", NAME, NOW) or ""
    for wrong in (
        address[:20] + ("a" if address[20] != "a" else "b") + address[21:],
        address.replace("+r", "+b"),
        f"all-hands+r{'a' * 32}@bridge.example",
        f"all-hands+r{'1' * 32}@bridge.example",
        "all-hands+x@bridge.example",
    ):
        assert SIGNED.group_of(wrong) is None
    other = replace(HOME, signer=Signer("another"))
    assert other.group_of(address) is None


def test_where_no_such_address_can_be_there_is_none() -> None:
    mailbox = Home(ACCOUNT, "allhands@mailhost.example", groups=frozenset({"all-hands"}), signer=SIGNER)
    assert mailbox.own_for("r", "all-hands", NAME, NOW) is None
    plus = replace(mailbox, plus=True)
    address = plus.own_for("r", "all-hands", NAME, NOW) or ""
    assert address.startswith("allhands+r")
    assert plus.group_of(address) == "all-hands"
    several = replace(plus, groups=frozenset({"all-hands", "leaders"}))
    address = several.own_for("r", "leaders", NAME, NOW) or ""
    assert address.startswith("allhands+leaders.r")
    assert several.group_of(address) == "leaders"
    long = replace(HOME, groups=frozenset({"a" * 40}), signer=SIGNER)
    assert long.own_for("r", "a" * 40, NAME, NOW) is None
    assert HOME.own_for("r", "all-hands", NAME, NOW) is None


@pytest.mark.scenario("A06")
def test_an_answer_by_such_an_address_knows_what_it_answers_without_any_id() -> None:
    address = SIGNED.own_for("r", "all-hands", NAME, NOW) or ""
    for given in (Envelope("lee@gmail.example", address), None):
        (taken,) = parse(raw_of(mail("Yes", to=address, sender="lee@gmail.example"), given), SIGNED)
        assert isinstance(taken, Created)
        copy = Ref(GROUP, NativeId(f"{NAME}@bridge.example"))
        assert (taken.post.by_ticket, taken.post.reply_to) == (copy, copy)
    assert parsed(mail("Yes")).by_ticket is None


def test_an_expired_address_still_says_what_is_answered_and_whose_answer_it_is_is_asked_as_ever() -> None:
    address = SIGNED.own_for("r", "all-hands", NAME, NOW - timedelta(days=400)) or ""
    (taken,) = parse(raw_of(mail("Yes", to=address, sender="lee@gmail.example"), None), replace(SIGNED, authserv="mx.example"))
    assert isinstance(taken, Created)
    assert taken.post.by_ticket == Ref(GROUP, NativeId(f"{NAME}@bridge.example"))
    assert taken.post.doubt, "an address alone proves nobody"


def raw_of(body: bytes, envelope: Envelope | None):  # noqa: ANN201 - as support's
    from adapters.email.parse import raws

    return raws(body, SIGNED, NOW, envelope)[0]


def test_a_word_to_leave_names_its_reader_and_cannot_be_made_by_others() -> None:
    word = SIGNER.leaving("all-hands", "Lee@gmail.example")
    assert SIGNER.leaver(word.upper()) == ("all-hands", "Lee@gmail.example")
    assert Signer("another").leaver(word) is None
    for wrong in ("", ".", "x.y", word[:-1], word + "a", "\N{SNOWMAN}." + word, "a" * 2000):
        assert SIGNER.leaver(wrong) is None
    assert raw(mail()).key
