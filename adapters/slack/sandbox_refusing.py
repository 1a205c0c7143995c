"""What the sandbox refuses of a message, as Slack does: layouts, lengths, metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.slack.sandbox_values import Json, Refused

LONGEST_BLOCKS: Final = 13_200

Args = Mapping[str, Any]


def json_of(args: Args, name: str, refusal: str) -> Any:
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise Refused(refusal) from None


def metadata_of(args: Args) -> Json | None:
    metadata = json_of(args, "metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    shaped = isinstance(metadata, dict) and isinstance(metadata.get("event_type"), str)
    if not shaped or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    return dict(metadata)


def content_of(args: Args) -> tuple[str, tuple[Json, ...]]:
    """Text and blocks, refused as Slack refuses them."""
    text, blocks = str(args.get("text") or ""), json_of(args, "blocks", "invalid_blocks_format") or []
    if not text and not blocks and not args.get("attachments"):
        raise Refused("no_text")
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(map(_is_block, blocks)):
        raise Refused("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False)) > LONGEST_BLOCKS:
        raise Refused("msg_blocks_too_long")
    return text, tuple(blocks)


def _is_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    if block.get("type") == "rich_text":
        elements = block.get("elements")
        return isinstance(elements, list) and bool(elements) and all(map(_is_element, elements))
    if block.get("type") == "section":
        text = block.get("text")
        return not isinstance(text, dict) or 0 < len(str(text.get("text") or "")) <= 3_000
    return block.get("type") in ("divider", "header", "context", "image", "actions", "markdown")


def _is_element(element: object) -> bool:
    if not isinstance(element, dict) or not isinstance(element.get("elements"), list) or not element["elements"]:
        return False
    if element.get("type") == "rich_text_list":
        return element.get("style") in ("bullet", "ordered") and all(map(_is_element, element["elements"]))
    sorts = ("rich_text_section", "rich_text_quote", "rich_text_preformatted")
    return element.get("type") in sorts and all(map(_is_leaf, element["elements"]))


def _is_leaf(leaf: object) -> bool:
    if not isinstance(leaf, dict):
        return False
    keys = {"text": "text", "link": "url", "emoji": "name", "user": "user_id", "channel": "channel_id", "broadcast": "range"}
    key = keys.get(str(leaf.get("type")), "")
    return bool(key) and isinstance(leaf.get(key), str) and bool(leaf[key])
