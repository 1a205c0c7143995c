"""Mail that is no post but asks something: an emoji put on a mail, "stop", a press on the program's own way to leave."""

from __future__ import annotations

import json
import re
from typing import Final

from adapters.email.addresses import Home
from adapters.email.mime import Mail
from adapters.email.phrases import REACTED, STOP
from bridge.text import Text, plain

_SUBJECT: Final = re.compile(r"\s*unsubscribe\s+([a-z0-9.]{20,700})\s*", re.IGNORECASE)
_PLAIN = str.maketrans("", "", ".!,;:\"'“”„()*_")
_LONGEST: Final = 120


def leaver_in(mail: Mail, home: Home) -> tuple[str, str] | None:
    """The group and the reader, where the mail is what List-Unsubscribe lets programs send."""
    match = _SUBJECT.fullmatch(mail.subject)
    return home.signer.leaver(match[1]) if match and home.signer else None


def says_stop(text: Text, subject: str) -> bool:
    """Whether there is nothing in it but the wish to get no more."""
    words = _bare(plain(text)) if text else ""
    if words in STOP:
        return True
    return words in ("", "no text") and _bare(subject.lower().removeprefix("re:")) in STOP


def _bare(words: str) -> str:
    return " ".join(words[:_LONGEST].translate(_PLAIN).casefold().split())


def emoji_in(mail: Mail, text: Text) -> str | None:
    """The emoji, where the mail is a reaction as Gmail and Outlook send them; None where it is a mail like any other."""
    if mail.reaction:
        try:
            emoji = json.loads(mail.reaction).get("emoji")
        except (ValueError, AttributeError, RecursionError):
            return None
        return emoji[:20] if isinstance(emoji, str) and emoji else None
    line = next((line.strip() for line in plain(text).split("\n") if line.strip()), "")[:_LONGEST]
    if not line.casefold().rstrip(":. ").endswith(REACTED):
        return None
    first = line.split()[0]
    return first if not first.isascii() and not any(char.isalpha() for char in first) else "👍"
