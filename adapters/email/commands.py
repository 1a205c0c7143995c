"""What readers ask of us by mail, by pressing Send: less mail, a pause, leaving, taking a post back. Both ways; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import quote

from adapters.email.addresses import Home
from adapters.email.mime import Mail
from adapters.email.writing import cleaned
from bridge.post import Destination, Wished

MARK: Final = "viabridge"
"""The first word of a command's subject."""
PAUSE: Final = timedelta(days=14)
"""How long the pause is that a link offers; its date can be changed before pressing Send."""
_COMMAND = re.compile(rf"\s*(?:(?:re|fwd?|aw|sv)\s*:\s*)*{MARK}[\s:]+(\w[\w\s-]{{0,60}}?)[\s.!]*", re.IGNORECASE)
_UNTIL = re.compile(r"pause(?:\s+until)?(?:\s+(\d{4}-\d{2}-\d{2}))?")
_WORDS: Final = {
    "each": Wished.EACH,
    "all": Wished.EACH,
    "hourly": Wished.HOURLY,
    "daily": Wished.DAILY,
    "digest": Wished.DAILY,
    "weekly": Wished.WEEKLY,
    "announcements": Wished.ANNOUNCEMENTS,
    "announcements only": Wished.ANNOUNCEMENTS,
    "resume": Wished.RESUME,
    "leave": Wished.PERHAPS_LEAVE,
    "stop": Wished.PERHAPS_LEAVE,
    "unsubscribe": Wished.PERHAPS_LEAVE,
    "take back": Wished.TAKE_BACK,
    "take back my last post": Wished.TAKE_BACK,
    "join": Wished.JOIN,
    "subscribe": Wished.JOIN,
}
_JOINS: Final = frozenset({"join", "subscribe", "subscribe me", "please subscribe me", "add me", "please add me"})


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked. `until` is the date at which a pause ends, as its writer wrote it; empty for the usual length."""

    wished: Wished
    until: str = ""


def command_in(mail: Mail) -> Command | None:
    """The command in a mail's subject; None where it has none. What stands in the mail beside it is a program's own."""
    match = _COMMAND.fullmatch(mail.subject[:200])
    words = " ".join(match[1].lower().split()) if match else ""
    pause = _UNTIL.fullmatch(words)
    if pause:
        return Command(Wished.PAUSE, pause[1] if pause[1] and _is_date(pause[1]) else "")
    return Command(_WORDS[words]) if words in _WORDS else None


def says_join(words: str, subject: str) -> bool:
    """Whether there is nothing in the mail but the wish to read along; `words` is its body, empty for none."""
    body, line = (" ".join(each.lower().strip(" .!").split()) for each in (words[:120], subject[:120]))
    return body in _JOINS or (line in _JOINS and body in ("", "(no text)", "no text"))


def _is_date(words: str) -> bool:
    try:
        date.fromisoformat(words)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------- what we offer


@dataclass(frozen=True, slots=True)
class Way:
    """A thing that can be asked, and the link that asks it."""

    label: str
    link: str


def ways(destination: Destination, home: Home, when: datetime, leave: str = "") -> tuple[Way, ...]:
    """What the reader of a mail written then can ask, `leave` being how to leave; nothing where it is no group's mail."""
    if destination.place.is_direct or not destination.reader:
        return ()
    address = home.address_of(destination.place.id)
    until = (when + PAUSE).date()
    return (
        Way("Daily", _asks(address, "daily")),
        Way("Announcements only", _asks(address, "announcements only")),
        Way(f"Pause until {until:%d %b}".replace(" 0", " "), _asks(address, f"pause until {until.isoformat()}")),
        Way("Leave", leave or _asks(address, "leave")),
        Way("Take back my last post", _asks(address, "take back")),
    )


def _asks(address: str, words: str) -> str:
    return f"mailto:{address}?subject={quote(f'{MARK} {words}')}"


@dataclass(frozen=True, slots=True)
class Footer:
    """What stands below a mail, as text and as HTML."""

    text: str
    html: str


def footer(about: str, offered: tuple[Way, ...]) -> Footer:
    """Whose mail it is, and what can be asked."""
    links = " · ".join(f'<a href="{escape(way.link)}">{escape(way.label, quote=False)}</a>' for way in offered)
    below = f"{escape(about, quote=False)}{'<br>' if links else ''}{links}"
    text = "\n".join(["-- ", about, *(f"{way.label}: {way.link}" for way in offered)])
    return Footer(text, f"<hr>\n{cleaned(f'<p><small>{below}</small></p>')}")
