"""Text can be read: every pair of ink and ground that the stylesheet uses has a contrast of at least 4.5 to 1, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STYLE = (Path(__file__).resolve().parents[2] / "bridge/web/static/style.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)
GROUNDS = ("ground", "panel", "raised", "sunken")
PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "accent", "bad") for ground in GROUNDS),
    *((own, "panel") for own in ("channel", "timeline", "inbox")),
    *((kind, f"{kind}-tint") for kind in ("good", "wait", "bad")),
    ("on-accent", "accent"),
    ("ink", "flash"),
    ("soft", "flash"),
]


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("pair", PAIRS, ids="-on-".join)
def test_text_has_contrast(pair: tuple[str, str], mode: dict[str, str]) -> None:
    bright, dim = sorted((brightness(mode[name]) for name in pair), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


@pytest.mark.parametrize("colour", re.findall(r"\.face[^{]*\{[^}]*background: (#[0-9a-f]{6})", STYLE))
def test_faces_have_contrast_with_their_white_letters(colour: str) -> None:
    assert 1.05 / (brightness(colour) + 0.05) >= 4.5
