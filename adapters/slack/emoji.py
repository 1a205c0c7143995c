"""Slack's emoji names as characters. Its events name the character too; this is for texts that come without blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bridge.text import Emoji

# The names people use most; any other stays `:name:`, which is how Slack itself falls back.
COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "+1": "👍", "-1": "👎", "100": "💯", "bell": "🔔", "blue_heart": "💙", "blush": "😊", "book": "📖",
        "boom": "💥", "bow": "🙇", "bug": "🐛", "bulb": "💡", "cake": "🍰", "calendar": "📆", "camera": "📷",
        "car": "🚗", "cat": "🐱", "chart_with_upwards_trend": "📈", "clap": "👏", "coffee": "☕",
        "computer": "💻", "confetti_ball": "🎊", "confused": "😕", "construction": "🚧", "cry": "😢",
        "crying_cat_face": "😿", "dart": "🎯", "date": "📅", "dog": "🐶", "email": "✉️", "envelope": "✉️",
        "exclamation": "❗", "eyes": "👀", "face_with_rolling_eyes": "🙄", "fire": "🔥", "gift": "🎁",
        "green_heart": "💚", "grin": "😁", "grinning": "😀", "hammer": "🔨", "heart": "❤️", "heart_eyes": "😍",
        "heavy_check_mark": "✔️", "hourglass": "⌛", "house": "🏠", "hugging_face": "🤗", "joy": "😂",
        "key": "🔑", "laughing": "😆", "link": "🔗", "lock": "🔒", "mag": "🔍", "mega": "📣", "loudspeaker": "📢",
        "memo": "📝", "muscle": "💪", "ok": "🆗", "ok_hand": "👌", "party_popper": "🎉", "partying_face": "🥳",
        "phone": "☎️", "point_down": "👇", "point_left": "👈", "point_right": "👉", "point_up": "☝️",
        "pray": "🙏", "pushpin": "📌", "question": "❓", "raised_hands": "🙌", "rainbow": "🌈",
        "red_circle": "🔴", "rocket": "🚀", "rofl": "🤣", "rotating_light": "🚨", "scream": "😱",
        "see_no_evil": "🙈", "shrug": "🤷", "simple_smile": "🙂", "slightly_smiling_face": "🙂", "smile": "😄",
        "smiley": "😃", "smirk": "😏", "snowflake": "❄️", "sob": "😭", "sparkles": "✨", "star": "⭐",
        "star2": "🌟", "sunglasses": "😎", "sunny": "☀️", "sweat_smile": "😅", "tada": "🎉",
        "thinking_face": "🤔", "thumbsdown": "👎", "thumbsup": "👍", "trophy": "🏆", "unlock": "🔓",
        "upside_down_face": "🙃", "warning": "⚠️", "wave": "👋", "white_check_mark": "✅", "wink": "😉",
        "wrench": "🔧", "x": "❌", "yellow_heart": "💛", "zap": "⚡", "zzz": "💤",
    }
)  # fmt: skip

TONES: Final = MappingProxyType({"2": "🏻", "3": "🏼", "4": "🏽", "5": "🏾", "6": "🏿"})

NAME: Final = re.compile(r":([a-z0-9_+'\-]{1,100})(?:::skin-tone-([2-6]))?:")


def named(name: str, tone: str = "") -> Emoji | None:
    """The emoji of that name, in that skin tone (2 to 6); None where the table does not know it."""
    char = COMMON.get(name)
    return Emoji(name, char + TONES.get(tone, "")) if char else None


def from_codepoints(name: str, codepoints: str) -> Emoji:
    """The emoji that a block names with its code points, such as `1f44b-1f3fc`; the name alone where they make no sense."""
    try:
        return Emoji(name, "".join(chr(int(point, 16)) for point in codepoints.split("-")))
    except (ValueError, OverflowError):
        return named(name) or Emoji(name)
