"""Who may see a copy. Pure; in doubt nobody."""

from __future__ import annotations

from bridge.post import Audience


def of_copy(source: Audience, ceiling: Audience, *, consented: bool) -> Audience | None:
    """The audience of a copy: never wider than its original or the group's ceiling; None where there may be no copy.

    A direct message goes to the group only with consent: its writer addressed the group's account (design §8).
    """
    if source is Audience.DIRECT:
        return min(Audience.GROUP, ceiling) if consented and ceiling >= Audience.GROUP else None
    narrowest = min(source, ceiling)
    return narrowest if narrowest >= Audience.GROUP else None


def too_wide(copy: Audience, source: Audience, *, consented: bool) -> bool:
    """Whether a copy that `copy` may see must not stand, now that its original's audience is `source`."""
    return of_copy(source, copy, consented=consented) is not copy
