"""Answers written into a quoted digest: each belongs to the post it stands under. Pure, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.email.mime import Mail
from adapters.email.phrases import HEADING
from adapters.email.reading import parse_html, read_element
from adapters.email.reply import written
from bridge.text import plain

_QUOTED = re.compile(r"[ \t]*>[> \t]*")
_HEADING = re.compile(rf"{HEADING} ?(\d{{1,3}}) ?·")
_LONGEST: Final = 200_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was written about the digest's post with this number; 0 for what stands above them all."""

    number: int
    words: str


def answers_in(mail: Mail) -> tuple[Answer, ...]:
    """Everything that was written, in order; what one post was answered in several places is one answer."""
    found: dict[int, list[str]] = {}
    for number, run in _runs(_text_of(mail)):
        words = "\n".join(line.text for line in written(run.split("\n"))).strip("\n")
        if words.strip() and not _is_ours(words):
            found.setdefault(number, []).append(words)
    return tuple(Answer(number, "\n\n".join(words)) for number, words in sorted(found.items()))


def _text_of(mail: Mail) -> str:
    """The mail as plain text in which what is quoted starts with `>`."""
    texts: list[str] = []
    for section in mail.sections:
        if section.plain is not None and section.plain.strip():
            texts.append(section.plain)
        elif section.html is not None and (root := parse_html(section.html)) is not None:
            texts.append(plain(read_element(root)))
    return "\n".join(texts)[:_LONGEST]


def _runs(body: str) -> Iterator[tuple[int, str]]:
    """Each run of unquoted lines, with the number of the post whose quote stands above it."""
    number, run = 0, list[str]()
    for line in body.replace("\r\n", "\n").split("\n"):
        quoted = _QUOTED.match(line)
        if quoted is None:
            run.append(line)
            continue
        if any(each.strip() for each in run):
            yield number, "\n".join(run)
        run = []
        heading = _HEADING.match(line, quoted.end())
        number = int(heading[1]) if heading else number
    if any(each.strip() for each in run):
        yield number, "\n".join(run)


def _is_ours(words: str) -> bool:
    """Whether a program quoted us without saying so: then nobody can tell what is new in it."""
    return _HEADING.search(words) is not None
