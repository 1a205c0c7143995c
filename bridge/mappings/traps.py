"""What everybody writes wrong in YAML once: bare signs, hidden comments, tabs; each with a hint of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from bridge.mappings.problems import Code, Problem

BARE: Final = re.compile(r"found character '([@`%])' that cannot start any token")
HIDDEN: Final = re.compile(r"[\[{,:][ ]*(#)(?=\S).*[\]}]")
"""A `#word` inside brackets: the comment that it began swallowed the closing bracket too."""


def bare_sign(error: YAMLError, text: str, file: str) -> Problem | None:
    """The problem, if the error comes from an unquoted @, backtick, % or from a # inside brackets."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return None
    mark = error.problem_mark
    lines = text.split("\n")
    if bare := BARE.search(error.problem or ""):
        word = _word(lines[mark.line], mark.column)
        return Problem(
            file,
            mark.line + 1,
            mark.column + 1,
            Code.BARE_SIGN,
            f"a value cannot start with {bare[1]} unless it stands in quotes",
            f'write "{word}"',
            len(word),
        )
    return _hidden_item(lines[: mark.line + 1], file)


def _hidden_item(lines: list[str], file: str) -> Problem | None:
    """The first `#word` inside brackets on these lines that YAML took for a comment."""
    for number, line in enumerate(lines):
        match = HIDDEN.search(line)
        if match and line[: match.start(1)].count('"') % 2 == 0:
            return hidden_value(file, number, match.start(1), line)
    return None


def hidden_value(file: str, line: int, column: int, text: str) -> Problem:
    """The problem of a comment that began where a value should stand; `line` and `column` from 0, `text` is the line."""
    word = _word(text, column)
    if len(word) == 1:
        cure = "write a value, or leave the key out"
    elif re.search(r"\bat[\"']?:\s*$", text[:column]):
        cure = f'a place is written account/{word[1:]}, or in quotes "account/{word}"'
    else:
        cure = f'put it in quotes: "{word}"'
    sentence = "# begins a comment, so nothing stands here"
    return Problem(file, line + 1, column + 1, Code.COMMENT, sentence, cure, len(word))


def _word(line: str, column: int) -> str:
    """The unquoted word at the column, as its writer meant it."""
    match = re.match(r"[^\s,\]}]+", line[column:])
    return match[0].replace('"', "") if match else line[column : column + 1]


def mend(text: str, trap: Problem) -> str:
    """The text with the sign replaced by a letter, so that every later column stays what it is."""
    lines = text.split("\n")
    line, column = lines[trap.line - 1], trap.column - 1
    lines[trap.line - 1] = f"{line[:column]}x{line[column + 1 :]}"
    return "\n".join(lines)


def syntax(error: YAMLError, text: str, file: str) -> Iterator[Problem]:
    """The problems for what cannot be mended. Nothing of the text is quoted: it may be a secret."""
    lines = text.split("\n")
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        yield Problem(file, line, column, Code.SYNTAX, "a control character stands here", "remove it")
        return
    mark = (error.problem_mark or error.context_mark) if isinstance(error, MarkedYAMLError) else None
    if mark is None:
        yield Problem(file, 1, 1, Code.SYNTAX, "this is not valid YAML")
        return
    tabbed = [number for number, line in enumerate(lines) if re.match(r"[ ]*\t", line) and line.strip()]
    said = (error.problem if isinstance(error, MarkedYAMLError) else "") or "it cannot be read"
    if (tabbed and mark.line >= tabbed[0]) or r"'\t'" in said:
        yield from (_tab(file, number, lines[number]) for number in tabbed or [mark.line])
        return
    at = min(mark.line, len(lines) - 1)
    yield Problem(file, at + 1, mark.column + 1, Code.SYNTAX, f"this is not valid YAML: {_plain(said)}", _cure(said))


def _tab(file: str, line: int, text: str) -> Problem:
    column = max(text.find("\t"), 0)
    width = len(text[column:]) - len(text[column:].lstrip("\t"))
    return Problem(file, line + 1, column + 1, Code.TAB, "a tab stands here; YAML wants spaces", "use spaces", max(width, 1))


def _plain(said: str) -> str:
    """YAML's own sentence without the text it quotes."""
    return re.sub(r"(alias|anchor|tag|handle) '[^']*'", r"\1", said).split("\n")[0]


def _cure(said: str) -> str:
    if "mapping values" in said:
        return 'put quotes around a text that contains ": " or starts with {; else check the indentation'
    if "alias" in said:
        return "put quotes around a text that starts with *"
    if "end of stream" in said:
        return "a quote was opened and never closed"
    if "another document" in said:
        return "one file holds one mapping: remove the line ---"
    if "expected ',' or" in said:
        return "a bracket was opened and never closed"
    return "check the indentation, and quote texts that contain special signs"
