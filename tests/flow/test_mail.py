"""The whole way of mail that is more than a post: doubt, strangers, leaving, files, mail that comes back."""

from __future__ import annotations
