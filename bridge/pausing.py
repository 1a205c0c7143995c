"""What a pause is: a group or a place of which nothing leaves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.post import Place


@dataclass(frozen=True, slots=True)
class Halt:
    """A paused group, or a paused place (then `group` is empty): neither its own posts leave, nor copies for it."""

    group: str = ""
    place: Place | None = None
    at: float = 0.0
    by: str = ""

    def is_of(self, other: Halt) -> bool:
        """Whether both are of the same group or place."""
        return (self.group, self.place) == (other.group, other.place)

    def covers(self, group: str, origin: Place, destination: Place) -> bool:
        """Whether a copy from there to there, by that group, is to wait."""
        if self.place is None:
            return self.group == group
        return self.place in (origin, destination)
