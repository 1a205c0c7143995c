"""What is wrong with a mapping file, and how it is shown: a place in the file, a sentence, and the cure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from rapidfuzz import fuzz, process

from bridge.errors import ConfigError

WIDTH: Final = 120
"""Characters of a source line that are shown around the caret."""

NEAR: Final = 60
"""How alike (of 100) two words must be before one is offered in place of the other."""


class Code(StrEnum):
    """Every kind of problem, with its meaning in one sentence. V1: the file, V2: its shape, V3: its names, V4: secrets."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    UNREADABLE = "V100", "The file is missing, cannot be opened, or is not UTF-8 text."
    SYNTAX = "V101", "The file is not valid YAML."
    TAB = "V102", "A tab stands where YAML allows only spaces."
    BARE_SIGN = "V103", "A value starts with a sign that YAML keeps for itself (@, backtick, %) and has no quotes."
    COMMENT = "V104", "A # began a comment, so the value is empty."
    TWICE = "V105", "A key stands twice in the same table."
    YAML_EXTRA = "V106", "The file uses a part of YAML that mapping files do without: references, tags, or keys that are no text."
    UNKNOWN_KEY = "V201", "A key is not known at this point."
    MISSING_KEY = "V202", "A key that must be there is missing."
    WRONG_TYPE = "V203", "A value is of the wrong kind: text, number, list, table."
    WRONG_VALUE = "V204", "A value is of the right kind, but it is not one that can stand here."
    UNKNOWN_PLATFORM = "V301", "No platform of this name is installed."
    UNKNOWN_ACCOUNT = "V302", "An account is named that is not under `accounts`."
    UNKNOWN_PERSON = "V303", "A person is named who is not under `people`."
    NO_ADDRESS = "V304", "A reader has no address at the account whose place they read."
    PLACE_TWICE = "V305", "A group lists the same place twice: it would mirror the place into itself."
    CIRCLE = "V306", "One-way places of several groups lead in a circle."
    ALONE = "V307", "A place has no other place in its group to mirror with."
    EMPTY_GROUP = "V308", "A group has no places."
    SAME_HANDLE = "V309", "Two people have the same handle at one account."
    READER_TWICE = "V310", "A place lists the same reader twice."
    UNKNOWN_PLACE = "V311", "A test names a place or reader that no group has."
    LITERAL_SECRET = "V401", "A secret stands in the file itself."
    MISSING_SECRET = "V402", "The variable or file that should hold a secret is missing, empty or unreadable."


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; `length` is the number of characters to underline.

    `source` is the line as it may be shown: secrets in it are already blanked.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    help: str = ""
    length: int = 1
    source: str = ""


class MappingError(ConfigError):
    """The mapping file cannot be used; each problem names its line, its column and the cure. Exit code 78."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = in_order(problems)
        super().__init__(report(self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems as a reader meets them in the file, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column, p.code)))


def report(problems: Sequence[Problem]) -> str:
    """All problems as a compiler would print them, then their number."""
    if not problems:
        return "no problems"
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([*(show(problem) for problem in problems), count])


def show(problem: Problem) -> str:
    """One problem: where and what, the line with a caret under it, and the help."""
    lines = [f"{problem.file}:{problem.line}:{problem.column}: {problem.code} {problem.message}"]
    if problem.source.strip():
        number = str(problem.line)
        gutter = " " * len(number)
        source, column = _window(problem.source, problem.column - 1)
        room = max(1, min(problem.length, len(source) - column))
        lines.append(f"  {number} | {source}")
        lines.append(f"  {gutter} | {_blank(source[:column])}{'^' * _cells(source[column : column + room])}")
        if problem.help:
            lines.append(f"  {gutter} = help: {problem.help}")
    elif problem.help:
        lines.append(f"  = help: {problem.help}")
    return "\n".join(lines)


def with_sources(problems: Iterable[Problem], lines: Sequence[str]) -> tuple[Problem, ...]:
    """The problems with the line each stands on. `lines` may be shown to anyone."""
    return tuple(
        replace(problem, source=lines[problem.line - 1] if 0 < problem.line <= len(lines) else "") for problem in problems
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if one is near enough."""
    choices = {choice.lower(): choice for choice in known}
    found = process.extractOne(word.lower(), list(choices), scorer=fuzz.ratio, score_cutoff=NEAR)
    return choices[found[0]] if found else None


def suggest(word: str, known: Iterable[str], kind: str = "known") -> str:
    """Help for a word that is not among the known ones: the nearest, or else all of them."""
    choices = sorted(known)
    if not choices:
        return f"{kind}: none yet"
    meant = nearest(word, choices)
    return f"did you mean {quoted(meant)}?" if meant else f"{kind}: {', '.join(choices)}"


def quoted(word: object) -> str:
    """A word from the file, in quotes and on one line."""
    text = " ".join(str(word).split())
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and the column within it. Control signs are made visible."""
    visible = "".join(sign if sign == "\t" or sign.isprintable() else "�" for sign in line)
    if len(visible) <= WIDTH:
        return visible, column
    start = max(0, min(column - WIDTH // 2, len(visible) - WIDTH))
    return visible[start : start + WIDTH], column - start


def _blank(text: str) -> str:
    """White space as wide as the text on a terminal, so that the caret stands under its word."""
    return "".join("\t" if sign == "\t" else " " * _cells(sign) for sign in text)


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes; at least one."""
    wide = sum(1 for sign in text if unicodedata.east_asian_width(sign) in "WF")
    narrow = sum(1 for sign in text if unicodedata.combining(sign))
    return max(len(text) + wide - narrow, 0 if len(text) == narrow and text else 1)
