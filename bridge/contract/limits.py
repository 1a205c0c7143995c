"""Which files a platform's messages take. Types only."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.post import Media


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Which files a native message may carry: how many, how many bytes each, of which MIME types (empty: any).

    It links to others of up to `linked` bytes, where we can be reached.
    """

    count: int
    image_bytes: int
    other_bytes: int
    mimes: frozenset[str] = frozenset()
    linked: int = 0

    def take(self, media: Media) -> bool:
        """Whether the file may go, as far as its kind and size are known."""
        most = self.image_bytes if media.mime.startswith("image/") else self.other_bytes
        return (not self.mimes or media.mime in self.mimes) and (media.size is None or media.size <= most)
