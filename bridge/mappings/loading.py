"""Loading a mapping file: read, check its shape, fill in secrets, check its names; all problems at once, or values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bridge.mappings import tree as trees
from bridge.mappings.building import build
from bridge.mappings.flows import FLOWS
from bridge.mappings.lint import CHECKS, Look
from bridge.mappings.models import AccountEntry, Mappings
from bridge.mappings.problems import Code, MappingError, Problem, in_order, suggest, with_sources
from bridge.mappings.reading import normalise, read
from bridge.mappings.schema import FileEntry
from bridge.mappings.secrecy import PLACEHOLDER, Secret, Trouble, Vault, blank, discreet, fill, mask, secret_keys
from bridge.mappings.tree import Path as Steps
from bridge.mappings.tree import Spot, Table
from bridge.mappings.words import Finding, Subject, dropping_order, translate
from bridge.post import AccountId

ROUNDS: Final = 20
"""How often what is wrong is left out to check the rest; each round leaves out at least one thing."""

Platforms = Mapping[str, type[BaseModel]]


def load(path: Path, platforms: Platforms, environ: Mapping[str, str] | None = None, *, need_secrets: bool = True) -> Mappings:
    """The mapping file at `path`. `platforms` gives the settings model of each platform's accounts.

    Secrets come from `environ` (the process's, if None) or from files beside the mapping file. Without `need_secrets`
    a missing one is no problem and its account's settings are fit for checks only. Raises only `MappingError`.
    """
    file = str(path)
    try:
        source = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        said = Problem(file, line, column, Code.UNREADABLE, "the file is not UTF-8 text", "save it as UTF-8")
        raise MappingError([said]) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({type(error).__name__})"
        said = Problem(file, 1, 1, Code.UNREADABLE, f"the mapping file {why}", "name it with --mappings FILE")
        raise MappingError([said]) from None
    return parse(source, platforms, environ, need_secrets=need_secrets, file=file, folder=path.parent)


def parse(
    source: str,
    platforms: Platforms,
    environ: Mapping[str, str] | None = None,
    *,
    need_secrets: bool = True,
    file: str = "mappings.yaml",
    folder: Path = Path(),
) -> Mappings:
    """The same for text; `file` is the name in problems, `folder` is what relative names of secret files start from."""
    text = normalise(source)
    vault = Vault(os.environ if environ is None else environ, folder, need_secrets)
    work = _Work(file, platforms, vault)
    mappings = work.run(text)
    if mappings is None:
        lines = mask(text.split("\n"), [key for model in platforms.values() for key in secret_keys(model)])
        shown = [_blanked(number, line, work.hidden) for number, line in enumerate(lines)]
        raise MappingError(discreet(problem) for problem in with_sources(in_order(work.problems), shown))
    return mappings


def _blanked(number: int, line: str, hidden: Iterable[Spot]) -> str:
    for spot in hidden:
        if spot.line == number:
            line = blank(line, spot.column, spot.length)
    return line


@dataclass(slots=True)
class _Work:
    """One run over one text: what is wrong so far, and what must not be shown."""

    file: str
    platforms: Platforms
    vault: Vault
    problems: list[Problem] = field(default_factory=list)
    hidden: list[Spot] = field(default_factory=list)

    def run(self, text: str) -> Mappings | None:
        """The values, or None if there are problems."""
        reading = read(text, self.file)
        self.problems.extend(reading.problems)
        if reading.tree is None:
            return None
        entry = self._shape(reading.tree)
        if entry is None:
            return None
        accounts = {AccountId(name): self._account(name, entry, reading.tree) for name in entry.accounts}
        look = Look(self.file, reading.tree, entry)
        for check in (*CHECKS, *FLOWS):
            self.problems.extend(check(look))
        if self.problems:
            return None
        return build(entry, {name: account for name, account in accounts.items() if account is not None})

    def _shape(self, tree: Table) -> FileEntry | None:
        """The file's entries as far as they are well-formed; what is not is reported and taken out of the tree."""
        subject = Subject(self.file, tree, FileEntry)
        for _ in range(ROUNDS):
            try:
                return FileEntry.model_validate(trees.data(tree))
            except ValidationError as error:
                findings = list(translate(error.errors(include_url=False), subject))
            self._note(findings)
            for steps in sorted({finding.drop for finding in findings}, key=dropping_order, reverse=True):
                if steps:
                    trees.drop(tree, steps)
            for key in {"accounts", "groups"} - set(tree.items):
                tree.lost.add(key)
                tree.items[key] = Table({}, {}, tree.spot)
        return None

    def _note(self, findings: Iterable[Finding]) -> None:
        self.problems.extend(finding.problem for finding in findings if finding.problem is not None)

    def _account(self, name: str, entry: FileEntry, tree: Table) -> AccountEntry | None:
        """The account with its platform's settings, or None if they are not right."""
        platform, base = entry.accounts[name].platform, ("accounts", name)
        node = trees.at(tree, base)
        model = self.platforms.get(platform)
        if not isinstance(node, Table):
            return None
        if model is None:
            self.hidden.extend(trees.spot(tree, steps) for steps, _ in trees.walk(node, base) if steps[-1] != "platform")
            cure = suggest(platform, self.platforms, "known platforms")
            self._add(trees.spot(node, ("platform",)), Code.UNKNOWN_PLATFORM, f'unknown platform "{platform}"', cure)
            return None
        values, real = self._filled(name, node, model)
        if "platform" not in model.model_fields:
            values.pop("platform", None)
        try:
            settings = model.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            wrong = [found for found in error.errors(include_url=False) if real or not _about_secret(found["loc"], model)]
            findings = list(translate(wrong, Subject(self.file, node, model, base, trees.key_spot(tree, base))))
            self._note(findings)
            self.hidden.extend(trees.spot(node, found.drop) for found in findings if _is_unknown_key(found))
            settings = model.model_construct(**values)
        return AccountEntry(AccountId(name), platform, settings)

    def _filled(self, name: str, node: Table, model: type[BaseModel]) -> tuple[dict[str, Any], bool]:
        """The entry's values with secrets in place; and whether all of them are real."""
        values = {key: trees.data(item) for key, item in node.items.items()}
        real = True
        for key in sorted(secret_keys(model) & set(node.items)):
            found = fill(name, key, node.items[key], self.vault)
            match found:
                case Secret():
                    values[key] = found.value.get_secret_value()
                    real = real and found.real
                case Trouble():
                    values[key], real = PLACEHOLDER, False
                    if found.code is Code.LITERAL_SECRET:
                        self.hidden.extend(scalar.spot for _, scalar in trees.walk(node.items[key]))
                    self._add(trees.spot(node, (key,)), found.code, found.message, found.help)
        return values, real

    def _add(self, spot: Spot, code: Code, message: str, cure: str) -> None:
        self.problems.append(Problem(self.file, spot.line + 1, spot.column + 1, code, message, cure, spot.length))


def _about_secret(location: Steps, model: type[BaseModel]) -> bool:
    """Whether a finding may only be due to a placeholder."""
    return bool(location) and location[0] in secret_keys(model)


def _is_unknown_key(finding: Finding) -> bool:
    """Then its value may be a secret under a mistyped key, and is not shown."""
    return finding.problem is not None and finding.problem.code == Code.UNKNOWN_KEY
