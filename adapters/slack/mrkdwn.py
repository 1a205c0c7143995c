"""Slack's mrkdwn read into the tree. Entities are found first and text unescaped once, so that no escaped text comes alive."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.slack.emoji import NAME, named
from adapters.slack.lists import DEEPEST, Row, nest
from adapters.slack.mentions import channel_reference
from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Inline,
    Inlines,
    Italic,
    Link,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    inlines,
)

_FENCE = re.compile(r"```(?!`)(.+?)```", re.DOTALL)
_ENTITY = re.compile(r"<([^<>\n]+)>")
_TOKEN = re.compile(rf"`([^`\n]+)`|{_ENTITY.pattern}|(&(?:lt|gt|amp);)|{NAME.pattern}")
_BULLET = re.compile(r"( *)[•◦▪‣■]\ufe0e?[ \t]+(.*)")
_NUMBER = re.compile(r"( *)(\d{1,9})\.[ \t]+(.*)")
_QUOTED = re.compile(r"(?:&gt;|>) ?(.*)")
_ALL_QUOTED = re.compile(r"(?:&gt;|>){3} ?(.*)")
_UNESCAPED: Final[Mapping[str, str]] = MappingProxyType({"&lt;": "<", "&gt;": ">", "&amp;": "&"})
_MARKS: Final[Mapping[str, Callable[[Inlines], Inline]]] = MappingProxyType({"*": Bold, "_": Italic, "~": Strike})

SCHEMES: Final = ("https://", "http://", "mailto:", "tel:")
"""What may become a link, either way; anything else (`javascript:`) stays words."""


def is_address(url: str) -> bool:
    """Whether a link may lead there."""
    return url.lower().startswith(SCHEMES)


def unescape(source: str) -> str:
    """Slack's three escapes as characters, once: `&amp;lt;` is `&lt;`."""
    return re.sub("&(?:lt|gt|amp);", lambda found: _UNESCAPED[found.group()], source)


def read_mrkdwn(source: str) -> Text:
    """The tree of a message's `text`."""
    blocks: list[Block] = []
    at = 0
    for fence in _FENCE.finditer(source):
        blocks += _blocks(source[at : fence.start()].split("\n"))
        blocks.append(CodeBlock(_literal(fence.group(1)).strip("\n")))
        at = fence.end()
    return (*blocks, *_blocks(source[at:].split("\n")))


def _literal(source: str) -> str:
    """Code as its author typed it: Slack wraps addresses even there."""
    return unescape(_ENTITY.sub(lambda found: found.group(1).split("|")[-1], source))


def _blocks(lines: Sequence[str], *, quotes: bool = True) -> Iterator[Block]:
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        block, taken = _special(lines, at, quotes=quotes)
        if block or not lines[at].strip():
            yield from _paragraph(paragraph)
            paragraph = []
            yield from block
        else:
            paragraph.append(lines[at])
        at += taken or 1
    yield from _paragraph(paragraph)


def _special(lines: Sequence[str], at: int, *, quotes: bool) -> tuple[tuple[Block, ...], int]:
    """The quote or lists that start at a line, and how many lines they take; nothing and 0 where it is plain."""
    if quotes and (found := _ALL_QUOTED.fullmatch(lines[at])):
        return (Quote(tuple(_blocks([found.group(1), *lines[at + 1 :]], quotes=False))),), len(lines) - at
    if quotes and (quoted := _run(lines, at, _QUOTED)):
        return (Quote(tuple(_blocks([found.group(1) for found in quoted], quotes=False))),), len(quoted)
    rows = _rows(lines, at)
    return nest(rows), len(rows)


def _run(lines: Sequence[str], at: int, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    run: list[re.Match[str]] = []
    while at + len(run) < len(lines) and (found := pattern.fullmatch(lines[at + len(run)])):
        run.append(found)
    return run


def _rows(lines: Sequence[str], at: int) -> list[Row]:
    rows: list[Row] = []
    for line in lines[at:]:
        bullet, number = _BULLET.fullmatch(line), _NUMBER.fullmatch(line)
        if bullet:
            rows.append(Row(_level(bullet.group(1)), _inlines(bullet.group(2))))
        elif number:
            rows.append(Row(_level(number.group(1)), _inlines(number.group(3)), int(number.group(2))))
        else:
            break
    # "2026. What a year" is a sentence: a lone number starts a list only as "1."
    return [] if len(rows) == 1 and rows[0].number not in (None, 1) else rows


def _level(indent: str) -> int:
    return min(len(indent) // 4, DEEPEST)


def _paragraph(lines: Sequence[str]) -> Iterator[Block]:
    nodes: list[Inline] = []
    for line in lines:
        nodes += [Break(), *_inlines(line)] if nodes else _inlines(line)
    if nodes:
        yield Paragraph(tuple(nodes))


# ---------------------------------------------------------------- within a line

Atom = str | Inline
"""One character that may be a mark, or something already read."""


def _inlines(line: str) -> Inlines:
    if _MARKS.keys().isdisjoint(line) and _TOKEN.search(line) is None:  # nothing to be read in it: most lines
        return inlines(line)
    return _styled(tuple(_atoms(line)), frozenset(_MARKS))


def _atoms(line: str) -> Iterator[Atom]:
    at = 0
    for found in _TOKEN.finditer(line):
        yield from line[at : found.start()]
        code, entity, escape, name, tone = found.groups()
        if code:
            yield Code(_literal(code))
        elif entity:
            yield _entity(entity)
        elif escape:
            yield _UNESCAPED[escape]
        elif emoji := named(name, tone or ""):
            yield emoji
        else:
            yield from found.group()
        at = found.end()
    yield from line[at:]


def _entity(body: str) -> Inline:
    target, _, label = body.partition("|")
    target, label = unescape(target), unescape(label)
    if target.startswith("@"):
        return Mention(target[1:], label.removeprefix("@") or target[1:])
    if target.startswith("#"):
        return channel_reference(target[1:])
    if target.startswith("!"):
        return Str(_command(target[1:], label))
    if is_address(target):
        return Link(target, (Str(label),) if label and label != target else ())
    return Str(label or target)


def _command(target: str, label: str) -> str:
    """`<!here>`, `<!subteam^S1|@crew>`, `<!date^…|noon>`: words only, never a command anywhere else."""
    kind = target.partition("^")[0]
    if kind in ("channel", "here", "everyone", "group"):
        return f"@{kind}"
    return label or ("@group" if kind == "subteam" else kind)


def _styled(atoms: Sequence[Atom], marks: frozenset[str]) -> Inlines:
    """Atoms with their marks read: each mark opens before and closes after something, at the edge of a word."""
    closers = {mark: [at for at in range(len(atoms)) if atoms[at] == mark and _closes(atoms, at)] for mark in marks}
    nodes: list[Inline] = []
    words: list[str] = []
    at = 0
    while at < len(atoms):
        atom = atoms[at]
        if isinstance(atom, str) and atom in marks and _opens(atoms, at):
            later = bisect_right(closers[atom], at + 1)
            if later < len(closers[atom]):
                end = closers[atom][later]
                nodes += [*_flush(words), _MARKS[atom](_styled(atoms[at + 1 : end], marks - {atom}))]
                at = end + 1
                continue
        if isinstance(atom, str):
            words.append(atom)
        else:
            nodes += [*_flush(words), atom]
        at += 1
    return (*nodes, *_flush(words))


def _flush(words: list[str]) -> Inlines:
    text = "".join(words)
    words.clear()
    return inlines(text)


def _opens(atoms: Sequence[Atom], at: int) -> bool:
    before = atoms[at - 1] if at else " "
    after = atoms[at + 1] if at + 1 < len(atoms) else " "
    return not _is_word(before) and not _is_space(after) and after != atoms[at]


def _closes(atoms: Sequence[Atom], at: int) -> bool:
    after = atoms[at + 1] if at + 1 < len(atoms) else " "
    return at > 0 and not _is_space(atoms[at - 1]) and not _is_word(after)


def _is_word(atom: Atom) -> bool:
    return isinstance(atom, str) and atom.isalnum()


def _is_space(atom: Atom) -> bool:
    return isinstance(atom, str) and atom.isspace()
