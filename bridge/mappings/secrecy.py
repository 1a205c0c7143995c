"""Secrets of the accounts: filled in from the environment or from files, and blanked in every line that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from bridge.mappings.problems import Code, Problem, quoted
from bridge.mappings.tree import Node, Scalar, Table

PLACEHOLDER: Final = "placeholder:placeholder"
"""Stands for a secret that was not asked for (`check --offline`) or is missing (then a problem says so).

It has the form of user:password, so that a model which looks for the colon goes on to its other checks.
"""

VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LIKELY: Final = r"[\w-]*(?:token|secret|passw|login|credential)[\w-]*"
"""Keys whose values are blanked even in a file so broken that nobody knows which key is which."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Where secrets come from. `folder` is what relative file names start from."""

    environ: Mapping[str, str]
    folder: Path
    needed: bool


@dataclass(frozen=True, slots=True)
class Secret:
    """A filled-in secret; `real` tells it from a placeholder. Its repr is blank."""

    value: SecretStr
    real: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a secret could not be filled in."""

    code: Code
    message: str
    help: str


def secret_keys(model: type[BaseModel]) -> frozenset[str]:
    """The keys of an account's entry that hold secrets."""
    return frozenset(field.alias or name for name, field in model.model_fields.items() if _has_secret(field.annotation))


def fill(account: str, key: str, node: Node, vault: Vault) -> Secret | Trouble:
    """The secret that the entry names, or why there is none."""
    variable = f"{account}_{key}".upper().replace("-", "_").replace(".", "_")
    cure = f"write {key}: {{env: {variable}}} or {key}: {{file: path}}"
    if not isinstance(node, Table) or node.lost or set(node.items) not in ({"env"}, {"file"}):
        how = "must not stand in this file" if isinstance(node, Scalar) and node.value is not None else "is not named rightly"
        return Trouble(Code.LITERAL_SECRET, f"account {quoted(account)}, {key}: a secret {how}", cure)
    ((kind, name),) = node.items.items()
    if not isinstance(name, Scalar) or not isinstance(name.value, str) or not name.value:
        return Trouble(Code.LITERAL_SECRET, f"account {quoted(account)}, {key}: {kind} must be text", cure)
    if kind == "env" and not VARIABLE.fullmatch(name.value):
        return Trouble(Code.LITERAL_SECRET, f"account {quoted(account)}, {key}: this is no variable's name", cure)
    value, why = _variable(name.value, vault) if kind == "env" else _file(name.value, vault)
    if value:
        return Secret(SecretStr(value), real=True)
    if not vault.needed:
        return Secret(SecretStr(PLACEHOLDER), real=False)
    what = "variable" if kind == "env" else "file"
    mend = f"set {name.value}" if kind == "env" else f"write the secret into {name.value}"
    sentence = f"account {quoted(account)} needs its secret {key}, but the {what} {name.value} {why}"
    return Trouble(Code.MISSING_SECRET, sentence, f"{mend}, or name another place: {{env: NAME}}, {{file: path}}")


def mask(lines: Sequence[str], keys: Iterable[str]) -> tuple[str, ...]:
    """The lines with every value of such a key blanked to the end of its line; columns stay what they are."""
    names = "|".join((*(re.escape(key) for key in sorted(keys)), LIKELY))
    secret = re.compile(rf"(?i)(?<![\w-])(?:{names})[\"']?[ \t]*:[ \t]*(?=[^\s{{])")
    inside: int | None = None
    shown: list[str] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if inside is not None and (indent > inside or not line.strip()):
            shown.append(" " * indent + "*" * (len(line) - indent))
            continue
        inside = None
        found = secret.search(line)
        if found is None:
            shown.append(line)
            continue
        shown.append(line[: found.end()] + "*" * (len(line) - found.end()))
        inside = indent
    return tuple(shown)


def blank(line: str, column: int, length: int) -> str:
    """The line with `length` characters from `column` (from 0) blanked."""
    end = min(column + length, len(line))
    return line[:column] + "*" * max(0, end - column) + line[end:]


def discreet(problem: Problem) -> Problem:
    """The problem without a help that quotes what its line hides."""
    hides = problem.source[problem.column - 1 : problem.column] == "*"
    quotes = problem.code in {Code.BARE_SIGN, Code.COMMENT}
    return replace(problem, help="name a secret by {env: NAME} or {file: path}") if hides and quotes else problem


def _has_secret(kind: Any) -> bool:
    return kind is SecretStr or any(_has_secret(inner) for inner in getattr(kind, "__args__", ()))


def _variable(name: str, vault: Vault) -> tuple[str, str]:
    value = vault.environ.get(name)
    return value or "", "is not set" if value is None else "is empty"


def _file(name: str, vault: Vault) -> tuple[str, str]:
    """The file's text without its last line end, or why there is none."""
    try:
        text = (vault.folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return "", "does not exist"
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have
        return "", f"cannot be read ({type(error).__name__})"
    return text.removesuffix("\n").removesuffix("\r"), "is empty"
