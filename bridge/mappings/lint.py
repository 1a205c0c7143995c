"""Checks beyond types: do the names exist, do the places of a group fit together. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.mappings import tree as trees
from bridge.mappings.problems import Code, Problem, quoted, suggest
from bridge.mappings.schema import FOLLOWERS, FileEntry, GroupEntry, PlaceEntry
from bridge.mappings.tree import Path, Table
from bridge.mappings.words import where

KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What accounts, people and groups may be called: it must stand in `account/name`, in addresses and in links."""


@dataclass(frozen=True, slots=True)
class Look:
    """A file to look through: its entries, and the tree that knows where they stand."""

    file: str
    tree: Table
    entry: FileEntry

    def names(self, section: str) -> frozenset[str] | None:
        """The keys of a section, spoilt ones too; None if the whole section could not be read."""
        node = trees.at(self.tree, (section,))
        if isinstance(node, Table):
            return frozenset(node.names)
        return None if section in self.tree.lost else frozenset()

    def whole(self, path: Path) -> bool:
        """Whether nothing was dropped from the list or table at the path."""
        node = trees.at(self.tree, path)
        return node is not None and not getattr(node, "lost", False)

    def where(self, path: Path) -> str:
        """The path as people say it."""
        return where(trees.counted(self.tree, path))

    def problem(self, path: Path, code: Code, message: str, cure: str, *, key: bool = False) -> Problem:
        spot = trees.key_spot(self.tree, path) if key else trees.spot(self.tree, path)
        return Problem(self.file, spot.line + 1, spot.column + 1, code, message, cure, spot.length)


Check = Callable[[Look], Iterable[Problem]]


def lint(look: Look) -> Iterator[Problem]:
    """Every problem that the checks find."""
    for check in CHECKS:
        yield from check(look)


def split(at: str) -> tuple[str, str] | None:
    """Account and place of `team/general` or `team/#general`; None if it is neither."""
    account, _, name = (part.strip() for part in at.partition("/"))
    name = name.removeprefix("#").strip()
    return (account, name) if account and name else None


def pinned(place: PlaceEntry) -> tuple[str, str] | None:
    """What tells a place from others, however it is written."""
    parts = split(place.at)
    return (parts[0], parts[1].casefold()) if parts else None


def places(entry: GroupEntry, group: str) -> Iterator[tuple[Path, PlaceEntry]]:
    for index, place in enumerate(entry.places):
        yield ("groups", group, "places", index), place


# ---------------------------------------------------------------- names


def check_keys(look: Look) -> Iterator[Problem]:
    for section, entries in _sections(look.entry):
        for name in entries:
            path = (section, name)
            if not KEY.fullmatch(name):
                cure = "use letters, digits, - and _"
                yield look.problem(path, Code.WRONG_VALUE, f"{look.where(path)} has a name that cannot be used", cure, key=True)
            elif section == "accounts" and name == "name":
                cure = "call it something else: under `people`, `name` is the person's name"
                yield look.problem(path, Code.WRONG_VALUE, 'an account cannot be called "name"', cure, key=True)
            elif section == "people" and name == FOLLOWERS:
                cure = "call them something else: among `writers` it means everybody who may follow the account"
                yield look.problem(path, Code.WRONG_VALUE, f"a person cannot be called {quoted(name)}", cure, key=True)


def check_people(look: Look) -> Iterator[Problem]:
    accounts = look.names("accounts")
    owners: dict[tuple[str, str], str] = {}
    for person, entry in look.entry.people.items():
        for account, handles in (entry.__pydantic_extra__ or {}).items():
            path = ("people", person, account)
            if accounts is not None and account not in accounts:
                yield _unknown_account(look, path, account, {*accounts, "name"}, key=True)
            for index, handle in enumerate(handles):
                owner = owners.setdefault((account, handle.strip().lower()), person)
                if owner != person:
                    message = f"{handle} at {account} belongs to {owner} already"
                    yield look.problem((*path, index), Code.SAME_HANDLE, message, "a handle tells one person from all others")


def check_persons(look: Look) -> Iterator[Problem]:
    people = look.names("people")
    if people is None:
        return
    named: list[tuple[Path, list[str]]] = [(("admins",), look.entry.admins)]
    for group, entry in look.entry.groups.items():
        named += [(("groups", group, "writers"), entry.writers), (("groups", group, "announcers"), entry.announcers)]
        named.append((("groups", group, "bots"), entry.bots))
    for path, persons in named:
        also = {FOLLOWERS} if path[-1] == "writers" else set()
        for index, person in enumerate(persons):
            if person not in people | also:
                yield _unknown_person(look, (*path, index), person, people | also)


def check_places(look: Look) -> Iterator[Problem]:
    accounts = look.names("accounts")
    for group, entry in look.entry.groups.items():
        for path, place in places(entry, group):
            parts = split(place.at)
            if parts is None:
                first = min(accounts or ["account"])
                name = place.at.strip("/# ") or "general"
                message = f"{look.where((*path, 'at'))} must be account/name, not {quoted(place.at)}"
                yield look.problem((*path, "at"), Code.WRONG_VALUE, message, f"write {first}/{name}")
            elif accounts is not None and parts[0] not in accounts:
                yield _unknown_account(look, (*path, "at"), parts[0], accounts)
            yield from _readers(look, path, place, parts[0] if parts else None)


def _readers(look: Look, path: Path, place: PlaceEntry, account: str | None) -> Iterator[Problem]:
    people = look.names("people")
    seen: set[str] = set()
    for index, reader in enumerate(place.readers):
        here = (*path, "readers", index, "person")
        if reader.person in seen:
            yield look.problem(here, Code.READER_TWICE, f"{reader.person} reads {place.at} twice", "keep one of them")
        seen.add(reader.person)
        if people is not None and reader.person not in people:
            yield _unknown_person(look, here, reader.person, people)
        person = look.entry.people.get(reader.person)
        if person is None or account not in (look.names("accounts") or ()) or not look.whole(("people", reader.person)):
            continue
        if account not in (person.__pydantic_extra__ or {}):
            message = f"{reader.person} reads {place.at} but has no address at {account}"
            yield look.problem(here, Code.NO_ADDRESS, message, f"add `{account}: [address]` under people, {reader.person}")


def check_tests(look: Look) -> Iterator[Problem]:
    people, known = look.names("people"), _reachable(look)
    spoilt = not look.whole(("groups",)) or not all(
        look.whole(("groups", group)) and look.whole(("groups", group, "places")) for group in look.entry.groups
    )
    for index, test in enumerate(look.entry.tests):
        path = ("tests", index)
        if people is not None and test.by not in people:
            yield _unknown_person(look, (*path, "by"), test.by, people)
        named = [((*path, "from"), test.origin), *(((*path, "reaches", n), to) for n, to in enumerate(test.reaches))]
        for here, at in named:
            parts = split(at)
            if (parts is None or "/".join(parts).casefold() not in known) and not spoilt:
                yield look.problem(here, Code.UNKNOWN_PLACE, f"no group has {quoted(at)}", suggest(at, known.values(), "known"))


def _reachable(look: Look) -> Mapping[str, str]:
    """What a test may name: every place, and every reader as account/person."""
    found: dict[str, str] = {}
    for entry in look.entry.groups.values():
        for place in entry.places:
            parts = split(place.at)
            if parts:
                names = ["/".join(parts), *(f"{parts[0]}/{reader.person}" for reader in place.readers)]
                found.update({name.casefold(): name for name in names})
    return found


def _unknown_account(look: Look, path: Path, account: str, known: Iterable[str], *, key: bool = False) -> Problem:
    message = f"unknown account {quoted(account)} in {look.where(path[:-1])}"
    return look.problem(path, Code.UNKNOWN_ACCOUNT, message, suggest(account, known, "known accounts"), key=key)


def _unknown_person(look: Look, path: Path, person: str, known: Iterable[str]) -> Problem:
    steps = path[:-1] if path[-1] == "person" else path
    place = look.where(steps[:-1] if isinstance(steps[-1], int) else steps)
    message = f"unknown person {quoted(person)} in {place}"
    return look.problem(path, Code.UNKNOWN_PERSON, message, suggest(person, known, "known people"))


def _sections(entry: FileEntry) -> tuple[tuple[str, Iterable[str]], ...]:
    return (("accounts", entry.accounts), ("people", entry.people), ("groups", entry.groups))


CHECKS: Final[tuple[Check, ...]] = (check_keys, check_people, check_persons, check_places, check_tests)
