"""A letter as the bytes of a mail: its addresses, ids, threading and the fields that stop robots. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Final
from urllib.parse import quote

from adapters.email.addresses import Home
from adapters.email.attaching import assembled
from adapters.email.looks import styled
from adapters.email.render import Letter
from adapters.email.tokens import Kind
from bridge.contract import File, Thread
from bridge.post import Destination, NativeId

_POLICY = compat32.clone(linesep="\r\n", max_line_length=78)
_SEND_KEY = re.compile(r"[0-9a-f]{32}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
MARK: Final = "X-Viabridge"
ITEMS: Final = "X-Viabridge-Items"
"""The field that names the posts in a mail of several, in order, as group/id."""
_DIGEST: Final = "d."


def message_id(key: str, home: Home) -> NativeId:
    """The id, without brackets, of the mail sent under `key`: the same for every repeat."""
    if home.signer is not None and _SEND_KEY.fullmatch(key):
        return NativeId(f"{home.signer.id(key)}@{home.host}")
    local = key if _PLAIN_KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:40]
    return NativeId(f"{local}@{home.host}")


def item_id(mail: NativeId, number: int, home: Home) -> NativeId:
    """The id of a post in the mail with this id (a digest's, without what marks it as one)."""
    return message_id(hashlib.sha256(f"{mail}\0{number}".encode()).hexdigest()[:32], home)


def digest_id(mail: NativeId) -> NativeId:
    """The id of a digest: it stands for none of its posts, so that nobody takes an answer to it for an answer to one."""
    return NativeId(f"{_DIGEST}{mail}")


def mail_of_digest(native: str, home: Home) -> NativeId | None:
    """The id that a digest's posts have theirs from; None for the id of anything else."""
    ours = native.startswith(_DIGEST) and native.rpartition("@")[2] == home.host
    return NativeId(native.removeprefix(_DIGEST)) if ours else None


def sender_of(destination: Destination, home: Home) -> str:
    """The address a mail to the destination comes from: the group's, or our own for a notice."""
    return home.own_address if destination.place.is_direct else home.address_of(destination.place.id)


def return_path(letter: Letter, destination: Destination, home: Home, key: str) -> str:
    """Where a mail comes back to: an address that tells whose it was, where there can be one."""
    ours = sender_of(destination, home)
    return ours if destination.place.is_direct else (_made_for("b", letter, destination, home, key) or ours)


def _made_for(kind: Kind, letter: Letter, destination: Destination, home: Home, key: str) -> str | None:
    """An address made for the reader of this mail; the same for every repeat of it. A digest's is that of its first post."""
    name = (letter.items[0].partition("/")[2] if letter.digest else message_id(key, home)).partition("@")[0]
    return home.own_for(kind, destination.place.id, name, datetime.fromisoformat(letter.date))


def compose(letter: Letter, destination: Destination, home: Home, thread: Thread, key: str, files: Sequence[File] = ()) -> bytes:
    """The whole mail, byte for byte the same for the same key. Neither reader nor author is named by address."""
    ours = sender_of(destination, home)
    mail = assembled(
        _text(letter.text, "plain"), _text(styled(letter.html), "html"), files, hashlib.sha256(key.encode()).hexdigest()
    )
    mail["From"] = formataddr((letter.name, ours))
    mail["To"] = destination.place.person or ours
    mail["Subject"] = letter.subject if letter.subject.isascii() else Header(letter.subject, "utf-8").encode()
    mail["Date"] = format_datetime(datetime.fromisoformat(letter.date))
    mail["Message-ID"] = f"<{digest_id(message_id(key, home)) if letter.digest else message_id(key, home)}>"
    for name, value in (*_threading(thread, letter), *_list_fields(letter, destination, home, key)):
        mail[name] = value
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = home.host
    if letter.items:
        mail[ITEMS] = " ".join(letter.items)
    return mail.as_bytes(policy=_POLICY)


def _threading(thread: Thread, letter: Letter) -> Iterator[tuple[str, str]]:
    """A mail of several posts stands for all of them, under the id of the last: answers to the others find it by theirs."""
    if letter.digest:
        return
    answered = thread.parent or thread.root
    inside = (NativeId(each.partition("/")[2]) for each in letter.items[:-1])
    chain = dict.fromkeys((*(ref.id for ref in (thread.root, thread.parent, thread.previous) if ref), *inside))
    if answered or chain:
        yield "In-Reply-To", f"<{answered.id if answered else next(iter(chain))}>"
        yield "References", " ".join(f"<{name}>" for name in chain)


def _list_fields(letter: Letter, destination: Destination, home: Home, key: str) -> Iterator[tuple[str, str]]:
    if destination.place.is_direct:
        return
    group = destination.place.id
    address = home.address_of(group)
    yield "Reply-To", _made_for("r", letter, destination, home, key) or address
    title = letter.group if letter.group.isascii() and '"' not in letter.group and "\\" not in letter.group else group
    yield "List-Id", f'"{title}" <{home.list_id(group)}>'
    yield "List-Post", f"<mailto:{address}>"
    ways = leaving(destination, home, letter.link)
    if ways:
        yield "List-Unsubscribe", ", ".join(f"<{way}>" for way in ways)
    if any(way.startswith("https:") for way in ways):
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
    yield "Precedence", "list"


def leaving(destination: Destination, home: Home, public_url: str) -> tuple[str, ...]:
    """How a reader of a group leaves it: a link, where the bridge is reached from outside, and a mail. None without a secret."""
    if destination.place.is_direct or home.signer is None or not destination.reader:
        return ()
    word = home.signer.leaving(destination.place.id, destination.reader)
    mail = f"mailto:{home.address_of(destination.place.id)}?subject=unsubscribe%20{word}"
    return (f"{public_url}/mail/{quote(home.account, safe='')}/leave/{word}", mail) if public_url else (mail,)


def _text(content: str, kind: str) -> MIMEText:
    charset = Charset("utf-8")
    charset.body_encoding = QP
    return MIMEText(content.encode("utf-8", "replace").decode(), kind, charset)  # type: ignore[arg-type]
