"""The newest statuses that were heard, each with its revision: what a stream that was down can no longer tell changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from adapters.mastodon.hearing import Entity, Heard, iso

MOST: Final = 80
"""Statuses that are remembered: two pages."""


class Window:
    """In the order heard. `revision` is the time of the last edit, empty before the first; ids are never compared."""

    def __init__(self, revisions: Mapping[str, str] | None = None) -> None:
        self._revisions = dict(revisions or {})

    @classmethod
    def load(cls, stored: str | None) -> Window:
        """As `dump` wrote it; what cannot be read is an empty window: then the next changes are missed, and nothing else."""
        try:
            pairs = json.loads(stored or "[]")
            return cls({str(status_id): str(revision) for status_id, revision in pairs})
        except (ValueError, TypeError):
            return cls()

    def dump(self) -> str:
        return json.dumps(list(self._revisions.items()), separators=(",", ":"))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._revisions)

    def note(self, heard: Heard) -> None:
        """It was heard: a status that is gone is forgotten; one that appears comes last, also when a page repeats it."""
        status_id, known = heard.status_id, self._revisions.get(heard.status_id)
        if heard.revision is None:
            self._revisions.pop(status_id, None)
        elif heard.appeared:
            # a page that repeats a status shows it as it is now: its edit was not heard by that
            self._revisions.pop(status_id, None)
            self._revisions[status_id] = heard.revision if known is None else known
        elif known is not None:
            self._revisions[status_id] = max(known, heard.revision)  # times, all written alike
        for oldest in list(self._revisions)[:-MOST]:
            del self._revisions[oldest]

    def changed(self, listed: Iterable[Entity]) -> Sequence[Entity]:
        """Which of the statuses, as they stand now, were edited after they were last heard; oldest edit first."""
        newer = [(iso(status.get("edited_at")), status) for status in listed if str(status["id"]) in self._revisions]
        found = [(revision, status) for revision, status in newer if revision > self._revisions[str(status["id"])]]
        return [status for _, status in sorted(found, key=lambda pair: pair[0])]

    def unlisted(self, listed: Iterable[Entity]) -> Sequence[str]:
        """Ids of statuses that should stand and are not among these."""
        here = {str(status["id"]) for status in listed}
        return [status_id for status_id in self._revisions if status_id not in here]
