"""The sandbox's records: what was handed over, what is under way, and how a received mail is shown."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from adapters.email.addresses import addresses_in
from adapters.email.headers import ITEMS
from adapters.email.identity import author_of
from adapters.email.looks import bare
from adapters.email.mime import Mail, ids_in
from adapters.email.phrases import BETWEEN, HEADING, MARKER
from bridge.contract import Standing
from bridge.post import DIRECT, Audience, NativeId, PlaceId

_HEADING = re.compile(rf"^{HEADING} \d+ · ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it was handed over to this server, repeats included."""

    sender: str
    recipient: str
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A person's mail on its way to the bridge."""

    sender: str
    recipient: str
    body: bytes
    id: NativeId
    vouched: bool = True


def copies_of(mail: Mail, native: NativeId, reader: str) -> tuple[Standing, ...]:
    """A received mail by the posts in it: each where an answer to it belongs."""
    whole = copy_of(mail, native, reader)
    named = [each.partition("/") for each in mail.first(ITEMS.lower()).split()]
    parted = _parted(whole.text)
    if not named or len(named) != len(parted):
        return (whole,)
    return tuple(
        replace(whole, place=PlaceId(group), id=NativeId(name), text=text, reply_to=None if number else whole.reply_to)
        for number, ((group, _, name), text) in enumerate(zip(named, parted, strict=True))
    )


def _parted(text: str) -> list[str]:
    """A mail's text by the posts in it."""
    starts = [match.start() for match in _HEADING.finditer(text)]
    if not starts:
        return [each.strip() for each in text.split(f"\n{BETWEEN}\n")]
    runs = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [run.partition("\n")[2].partition("\n  Answer: ")[0].strip() for run in runs]


def copy_of(mail: Mail, native: NativeId, reader: str) -> Standing:
    """A received mail as the journal shows it: the text without marker and footer, the HTML as the native form."""
    plain = next((section.plain for section in mail.sections if section.plain), "")
    html = next((section.html for section in mail.sections if section.html), "")
    group = next(iter(addresses_in(mail.first("list-post").replace("mailto:", ""))), None)
    answered = next(iter(ids_in(mail.first("in-reply-to"))), None)
    return Standing(
        place=PlaceId(group.partition("@")[0]) if group else DIRECT,
        id=native,
        user=(author_of(mail) or ("", ""))[1],
        text=plain.removeprefix(MARKER).rpartition("\n-- \n")[0].strip() or plain.strip(),
        native=bare(html),
        audience=Audience.GROUP if group else Audience.DIRECT,
        at=time.time(),
        reply_to=NativeId(answered) if answered else None,
        reader=reader,
        by_bridge=True,
    )
