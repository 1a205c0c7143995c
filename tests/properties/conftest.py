"""Hypothesis for the properties: a busy machine is no counter-example, so no deadline per example."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None, max_examples=60)
settings.load_profile("house")
