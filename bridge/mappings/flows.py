"""Checks of how posts would flow: no place into itself, none in a circle, none with nowhere to go. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Final

from bridge.mappings.lint import Check, Look, pinned, places
from bridge.mappings.models import Direction
from bridge.mappings.problems import Code, Problem, quoted
from bridge.mappings.schema import GroupEntry
from bridge.mappings.tree import Path

Pin = tuple[str, str]
Arrow = tuple[Pin, Pin]


def check_twice(look: Look) -> Iterator[Problem]:
    """A place that a group lists twice would be mirrored into itself."""
    for group, entry in look.entry.groups.items():
        first: dict[Pin, int] = {}
        for path, place in places(entry, group):
            pin = pinned(place)
            if pin is None:
                continue
            line = look.problem((*path, "at"), Code.PLACE_TWICE, "", "").line
            if pin in first:
                message = f"group {quoted(group)} lists {place.at} twice: it would mirror the place into itself"
                yield look.problem((*path, "at"), Code.PLACE_TWICE, message, f"keep one; the first is on line {first[pin]}")
            first.setdefault(pin, line)


def check_alone(look: Look) -> Iterator[Problem]:
    """A place needs a partner in its group: one that takes what it gives, or gives what it takes; or several readers."""
    for group, entry in look.entry.groups.items():
        path = ("groups", group, "places")
        if not look.whole(path):
            continue
        if not entry.places:
            yield look.problem(path, Code.EMPTY_GROUP, f"group {quoted(group)} has no places", "add `- at: account/name`")
        for here, place in places(entry, group):
            others = [Direction(other.direction) for other in entry.places if pinned(other) != pinned(place)]
            way = Direction(place.direction)
            mirrors = (way.gives and any(o.takes for o in others)) or (way.takes and any(o.gives for o in others))
            among_readers = way is Direction.BOTH and len(place.readers) > 1
            if mirrors or among_readers or pinned(place) is None:
                continue
            yield look.problem(
                (*here, "at"),
                Code.ALONE,
                f"group {quoted(group)}: {place.at} has no other place to mirror with",
                f"every other place is {way} too: change a direction" if others else "add a second place",
            )


def check_circles(look: Look) -> Iterator[Problem]:
    """One-way places of several groups must not lead back to where they began."""
    arrows = _arrows(look)
    while arrows:
        graph: dict[Pin, set[Pin]] = {}
        for source, target in arrows:
            graph.setdefault(target, set()).add(source)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[Pin] = error.args[1]
            path = arrows.pop((circle[-2], circle[-1]))
            names = " → ".join("/".join(pin) for pin in circle)
            cure = "list the places in one group with direction: both, or cut one way"
            yield look.problem((*path, "at"), Code.CIRCLE, f"one-way places lead in a circle: {names}", cure)
            continue
        return


def _arrows(look: Look) -> dict[Arrow, Path]:
    """Every way between two places that has no way back in the same group, with the place it starts at."""
    return {arrow: path for group, entry in look.entry.groups.items() for arrow, path in _one_way(group, entry)}


def _one_way(group: str, entry: GroupEntry) -> Iterator[tuple[Arrow, Path]]:
    pins = [(pin, Direction(place.direction), path) for path, place in places(entry, group) if (pin := pinned(place))]
    if all(way is Direction.BOTH for _, way, _ in pins):
        return
    for source, way, path in pins:
        for target, back, _ in pins:
            there, home = way.gives and back.takes, back.gives and way.takes
            if source != target and there and not home:
                yield (source, target), path


FLOWS: Final[tuple[Check, ...]] = (check_twice, check_alone, check_circles)
