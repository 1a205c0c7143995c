"""A letter as the bytes of a mail: its addresses, ids, threading and the fields that stop robots. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Final

from adapters.email.addresses import Home
from adapters.email.render import Letter
from bridge.contract import Thread
from bridge.post import Destination, NativeId

_POLICY = compat32.clone(linesep="\r\n", max_line_length=78)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
MARK: Final = "X-Viabridge"


def message_id(key: str, home: Home) -> NativeId:
    """The id, without brackets, of the mail sent under `key`: the same for every repeat."""
    local = key if _PLAIN_KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:40]
    return NativeId(f"{local}@{home.host}")


def sender_of(destination: Destination, home: Home) -> str:
    """The address a mail to the destination comes from: the group's, or our own for a notice."""
    return home.own_address if destination.place.is_direct else home.address_of(destination.place.id)


def compose(letter: Letter, destination: Destination, home: Home, thread: Thread, key: str) -> bytes:
    """The whole mail, byte for byte the same for the same key. Neither reader nor author is named by address."""
    ours = sender_of(destination, home)
    mail = MIMEMultipart("alternative", boundary=f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}")
    mail["From"] = formataddr((letter.name, ours))
    mail["To"] = destination.place.person or ours
    mail["Subject"] = letter.subject if letter.subject.isascii() else Header(letter.subject, "utf-8").encode()
    mail["Date"] = format_datetime(datetime.fromisoformat(letter.date))
    mail["Message-ID"] = f"<{message_id(key, home)}>"
    for name, value in (*_threading(thread), *_list_fields(letter, destination, home)):
        mail[name] = value
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = home.host
    mail.attach(_text(letter.text, "plain"))
    mail.attach(_text(letter.html, "html"))
    return mail.as_bytes(policy=_POLICY)


def _threading(thread: Thread) -> Iterator[tuple[str, str]]:
    answered = thread.parent or thread.root
    chain = dict.fromkeys(ref.id for ref in (thread.root, thread.parent, thread.previous) if ref)
    if answered or chain:
        yield "In-Reply-To", f"<{answered.id if answered else next(iter(chain))}>"
        yield "References", " ".join(f"<{name}>" for name in chain)


def _list_fields(letter: Letter, destination: Destination, home: Home) -> Iterator[tuple[str, str]]:
    if destination.place.is_direct:
        return
    group = destination.place.id
    address = home.address_of(group)
    yield "Reply-To", address
    title = letter.group if letter.group.isascii() and '"' not in letter.group and "\\" not in letter.group else group
    yield "List-Id", f'"{title}" <{home.list_id(group)}>'
    yield "List-Post", f"<mailto:{address}>"
    yield "Precedence", "list"


def _text(content: str, kind: str) -> MIMEText:
    charset = Charset("utf-8")
    charset.body_encoding = QP
    return MIMEText(content.encode("utf-8", "replace").decode(), kind, charset)  # type: ignore[arg-type]
