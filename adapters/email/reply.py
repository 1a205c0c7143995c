"""Telling what a person wrote from what their mail program added: quotes, the lines above them, signatures, footers.

Works on lines and in linear time; HTML has lost its marked quotes before it comes here (`quotes`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.email.introductions import LONGEST, MARKER_WORDS, bare, head_of, introduction, is_forward, is_quoted, shared_line
from adapters.email.phrases import DEVICES, SENT_FROM
from bridge.text import Block, Break, Inline, Inlines, Paragraph, Quote, Str, Text, plain, plain_inlines

_WRAPPED: Final = 60  # a quoted line at least this long may have been wrapped into an unquoted rest

_LONGEST_FOOTER: Final = 130
_RULE = re.compile("[-_=*~\N{EN DASH}—\\s]{3,}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that stays: where it stood, and its text."""

    number: int
    text: str


def cut(body: str) -> str:
    """What the person wrote in a plain-text body.

    Where nothing is left, the whole body: better a quote too many than a lost word. Only where our own marker stands
    in it, nothing is known to be nothing.
    """
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join(line.text for line in written(lines)).strip("\n")
    return kept or ("" if MARKER_WORDS in body else body.strip("\n"))


def cut_tree(text: Text) -> Text:
    """What the person wrote in a text tree, as `cut` does; but empty where nothing is left."""
    lines: list[str] = []
    owners: list[tuple[int, Inlines]] = []
    for index, block in enumerate(text):
        for words, nodes in (*_lines_of(block), ("", ())):
            lines.append(words)
            owners.append((index, nodes))
    kept: dict[int, list[Inlines]] = {}
    for line in written(lines):
        index, nodes = owners[line.number]
        if line.text.strip():
            kept.setdefault(index, []).append(nodes if line.text == lines[line.number] else (Str(line.text),))
    return tuple(_rebuilt(text[index], found) for index, found in kept.items())


def _lines_of(block: Block) -> Iterator[tuple[str, Inlines]]:
    """A block's lines as the classifier sees them; code and lists are one line that is nothing special."""
    match block:
        case Paragraph(children):
            line: list[Inline] = []
            for node in (*children, Break()):
                if isinstance(node, Break):
                    yield plain_inlines(tuple(line)).replace("\n", " "), tuple(line)
                    line = []
                else:
                    line.append(node)
        case Quote():
            yield from ((f"> {line}", ()) for line in plain(block.children).split("\n"))
        case _:
            yield "\N{OBJECT REPLACEMENT CHARACTER}", ()


def _rebuilt(block: Block, lines: list[Inlines]) -> Block:
    if not isinstance(block, Paragraph):
        return block
    nodes: list[Inline] = []
    for line in lines:
        nodes.extend((Break(), *line) if nodes else line)
    return Paragraph(tuple(nodes))


def written(lines: Sequence[str]) -> tuple[Line, ...]:
    """The lines their writer wrote, in order; none where all of them were added by mail programs."""
    heads = [head_of(line) for line in lines]
    kept = tuple(_unquoted(lines, heads))
    return _trimmed(_without_signature(_trimmed(kept)))


# ---------------------------------------------------------------- quotes


def _unquoted(lines: Sequence[str], heads: Sequence[str]) -> Iterator[Line]:
    """The lines without quotes and what introduces them; from an unquoted introduced text nothing more is taken."""
    at, introduced = 0, False
    while at < len(lines):
        if is_forward(heads[at]) and not introduced:
            yield from (Line(number, lines[number]) for number in range(at, len(lines)))
            return
        shared = shared_line(heads[at])
        length = 0 if shared else introduction(heads, at)
        if length:
            below = _next_text(heads, at + length)
            if below is None or not is_quoted(heads[below]):
                return
            at, introduced = below, True
        elif is_quoted(heads[at]):
            end = _end_of_quote(heads, at)
            if not introduced and not _stands_last(heads, end) and not _holds_marker(heads, at, end):
                yield from (Line(number, lines[number]) for number in range(at, end))  # quoted by hand
            at = end
        elif shared:
            yield Line(at, lines[at][:shared].rstrip(" -"))
            below = _next_text(heads, at + 1)
            if below is None or not is_quoted(heads[below]):
                return
            at, introduced = below, True
        else:
            yield Line(at, lines[at])
            at += 1


def _next_text(heads: Sequence[str], at: int) -> int | None:
    return next((number for number in range(at, len(heads)) if heads[number].strip()), None)


def _stands_last(heads: Sequence[str], at: int) -> bool:
    return _next_text(heads, at) is None


def _holds_marker(heads: Sequence[str], at: int, end: int) -> bool:
    return any(MARKER_WORDS in heads[number] for number in range(at, end))


def _end_of_quote(heads: Sequence[str], at: int) -> int:
    """The line after the quote that starts at `at`, with blank lines and wrapped rests between quoted lines."""
    while at < len(heads):
        if is_quoted(heads[at]):
            at += 1
            continue
        further = _next_text(heads, at)
        if further is None:
            return at
        if is_quoted(heads[further]):
            at = further
        elif _is_wrapped_rest(heads, at):
            at += 1 if is_quoted(heads[at + 1]) else 2
        else:
            return at
    return at


def _is_wrapped_rest(heads: Sequence[str], at: int) -> bool:
    """One or two unquoted lines right between quoted ones, after a line long enough to have been wrapped, or a link."""
    if not heads[at].strip() or not (len(heads[at - 1]) >= _WRAPPED or heads[at].lstrip()[:1] in ("(", "<", "_")):
        return False
    return any(is_quoted(head) for head in heads[at + 1 : at + 3]) and bool(heads[at + 1].strip())


# ---------------------------------------------------------------- signatures


def _trimmed(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines without blank lines and rules at the end, and blank lines at the start."""
    start, end = 0, len(lines)
    while end and (not lines[end - 1].text.strip() or _is_rule(lines[end - 1].text)):
        end -= 1
    while start < end and not lines[start].text.strip():
        start += 1
    return tuple(lines[start:end])


def _is_rule(text: str) -> bool:
    return len(text) <= LONGEST and bool(_RULE.fullmatch(text))


def _without_signature(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    for index, line in enumerate(lines):
        if index and _starts_signature(lines, index, line.text[:LONGEST]):
            return lines[:index]
    return () if lines and _is_footer(lines[0].text) and len(lines) == 1 else lines


def _starts_signature(lines: Sequence[Line], index: int, head: str) -> bool:
    rest = len(lines) - index - 1
    if head == "-- ":
        return True
    if head.rstrip() in ("--", "—"):
        return rest <= 12  # longer is a second part, not a signature
    if len(head) >= 10 and set(head.strip()) == {"_"}:
        return rest <= 6  # a list server's footer
    return _is_footer(head)


def _is_footer(text: str) -> bool:
    """`Sent from my iPhone`: short, and no sentence unless it names a device or a program."""
    words = bare(text).strip("()[] \N{ZERO WIDTH SPACE}")
    if len(words) > _LONGEST_FOOTER or not words.startswith(SENT_FROM):
        return False
    named = next((words.find(device) for device in DEVICES if device in words), -1)
    if named >= 0 and "," not in words[:named]:
        return not words.endswith(("!", "?", ":"))
    return len(words) <= 70 and (("," not in words and not words.endswith((".", "!", "?", ":"))) or "://" in words)


# ---------------------------------------------------------------- by hand


def main() -> None:
    """`python -m adapters.email.reply < message.eml`: print the text that would be posted."""
    from adapters.email.mime import read_mail  # noqa: PLC0415 - `parse` builds on this module
    from adapters.email.parse import body_text  # noqa: PLC0415

    found = body_text(read_mail(sys.stdin.buffer.read()), is_answer=True)
    sys.stdout.buffer.write(plain(found).encode() + b"\n")


if __name__ == "__main__":
    main()
