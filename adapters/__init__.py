"""The platforms, found by folder: dropping a folder in here is all it takes to have one more."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from bridge.contract import Manifest


def available() -> Mapping[str, Manifest]:
    """Every platform's manifest by its name, in alphabetical order; no platform's SDK is imported by this.

    Raises `ImportError` or `AttributeError` where a folder has no working `MANIFEST`: a broken platform must be seen.
    """
    folders = sorted(found.name for found in pkgutil.iter_modules(__path__) if found.ispkg)
    manifests = (_manifest(folder) for folder in folders)
    return {manifest.platform: manifest for manifest in manifests}


def _manifest(folder: str) -> Manifest:
    manifest: Manifest = importlib.import_module(f"{__name__}.{folder}").MANIFEST
    return manifest
