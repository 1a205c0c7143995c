"""Recognising the lines that mail programs put above a quote: pure questions about lines, each answered in linear time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adapters.email.phrases import FORWARDED, LABELS, MARKER, ON, ORIGINAL, QUOTING, WROTE

LONGEST: Final = 400  # characters of a line that are looked at: whatever a mail program adds is shorter
MARKER_WORDS: Final = MARKER.strip("- ")
_SPREAD: Final = 6  # lines an introduction may be wrapped to
_HEAD: Final = 8  # lines in which a quoted head must show a second label
_COLONS: Final = (":", "\N{FULLWIDTH COLON}")

_LABELS = dict(LABELS)
_ON = tuple(f"{word} " for word in ON)
_TIME = re.compile(r"\d{1,2}[:.]\d\d|\b(?:19|20)\d\d\b")
_DATE_FIRST = re.compile(r"(?:19|20)\d\d[-/.年] ?\d\d?[-/.月] ?\d\d?")
_ON_WITHIN = re.compile(
    r"(?:(?<=\s)|-{3} ?)On (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|\d)[^\n]{0,200}wrote:$"
)
_BOLD = str.maketrans("", "", "*_|")
_DASHES = "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}"
_RULES = f"{_DASHES}_=*>#"
# Programs put marks of writing direction around names; they are no part of any word.
_UNSEEN: Final[dict[int, str]] = {
    **dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""),
    **dict.fromkeys((0xA0, 0x202F, 0x3000), " "),
}
_PLEASE = ("please ", "type your ", "your ")


def head_of(line: str) -> str:
    """What is looked at of a line: its beginning, without what nobody sees."""
    return line[:LONGEST].translate(_UNSEEN)


def is_quoted(head: str) -> bool:
    return head.lstrip(" ").startswith(">")


def introduction(heads: Sequence[str], at: int) -> int:
    """How many lines at `at` introduce a quote; 0 where none do."""
    head = heads[at].strip()
    if not head or is_quoted(head):
        return 0
    if _is_separator(head):
        return 1
    if _is_mail_head(heads, at):
        return 1
    return _said_by(heads, at)


def bare(head: str) -> str:
    return " ".join(head.translate(_BOLD).split()).casefold()


def _is_separator(head: str) -> bool:
    """`-----Original Message-----`, our own marker, and what others write for it."""
    words = bare(head.strip(f"{_RULES} "))
    for polite in _PLEASE:
        words = words.removeprefix(polite)
    if words in {MARKER_WORDS, "begin original message"}:
        return True
    return head[0] in _RULES and words in ORIGINAL


def is_forward(head: str) -> bool:
    words = bare(head.strip().strip(f"{_RULES}: "))
    if not words or is_quoted(head):
        return False
    return words in FORWARDED or (head.lstrip()[:1] in _DASHES and words.startswith(FORWARDED))


def _is_mail_head(heads: Sequence[str], at: int) -> bool:
    """`From: … Sent: … To: …`: two labels of different kinds near each other, the first on this line."""
    first = _label(heads[at])
    if first not in ("sender", "date"):
        return False
    kinds = {first}
    for head in heads[at + 1 : at + _HEAD]:
        kind = _label(head)
        if kind is None and not head.strip() and len(kinds) == 1:
            return False
        kinds.add(kind or first)
        if len(kinds) > 1:
            return True
    return False


def _label(head: str) -> str | None:
    colon = next((index for index, char in enumerate(head[:40]) if char in _COLONS), None)
    return None if colon is None else _LABELS.get(bare(head[:colon]))


def _said_by(heads: Sequence[str], at: int) -> int:
    """How many lines `On …, … wrote:` takes at `at`; 0 where it doesn't stand there."""
    first = heads[at].strip().lstrip("- ")
    if _DATE_FIRST.match(first) and first.endswith((">", ">:", "> :")) and "@" in first:
        return 1
    joined = ""
    for count in range(1, _SPREAD + 1):
        if at + count > len(heads):
            return 0
        line = heads[at + count - 1].strip()
        if not line and not _goes_on(heads, at + count):
            return 0
        joined = f"{joined} {line}".strip()
        if line.endswith(_COLONS) or (count == 1 and line.endswith("---")):
            return count if _introduces(joined, first, count, quoted=_quote_follows(heads, at + count)) else 0
        if len(joined) > LONGEST:
            return 0
    return 0


def _goes_on(heads: Sequence[str], at: int) -> bool:
    """Whether an introduction goes on after a blank line: some programs put the address on a line of its own."""
    return at < len(heads) and heads[at].lstrip().startswith("<")


def _quote_follows(heads: Sequence[str], at: int) -> bool:
    return any(is_quoted(head) for head in heads[at : at + 2])


def _introduces(joined: str, first: str, count: int, *, quoted: bool) -> bool:
    folded = joined.strip("-: " + _COLONS[1]).casefold()
    dated = bool(_TIME.search(joined))
    begins = first.casefold().startswith(_ON) or bool(_TIME.search(first[:60]))
    has_address = "@" in joined
    if folded.startswith(QUOTING) and (has_address or quoted):
        return True
    if first.startswith("* ") and has_address and dated and joined.endswith("]:"):  # mutt's
        return True
    if not _says_wrote(folded):
        return has_address and begins and dated and joined.rstrip(": " + _COLONS[1]).endswith(">")
    if count == 1 and (has_address or quoted or joined.startswith("---")):
        return True
    return begins and (dated or has_address)


def _says_wrote(folded: str) -> bool:
    words = folded.replace("<", " <").replace(">", "> ").split()
    if not words:
        return False
    before = f" {' '.join(words[:-1])} "
    return " ".join(words[-3:]).endswith(WROTE) or any(f" {verb} " in before for verb in WROTE)


def shared_line(head: str) -> int:
    """Where in a line, after a reply's last words, `On …, … wrote:` starts; 0 where it doesn't."""
    within = None if is_quoted(head) else _ON_WITHIN.search(head)
    return within.start() if within and head[: within.start()].strip("-> ") else 0
