"""The sandbox's records: what was handed over, what is under way, and how a received mail is shown."""

from __future__ import annotations

import time
from dataclasses import dataclass

from adapters.email.addresses import addresses_in
from adapters.email.identity import author_of
from adapters.email.looks import bare
from adapters.email.mime import Mail, ids_in
from adapters.email.phrases import MARKER
from bridge.contract import Standing
from bridge.post import DIRECT, Audience, NativeId, PlaceId


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
