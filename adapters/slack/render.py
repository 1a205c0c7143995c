"""Posts as Slack messages: rich_text blocks for people, an escaped text beside them. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from adapters.slack.write_mrkdwn import escape, write_mrkdwn
from adapters.slack.write_rich_text import write_blocks
from bridge.contract import Context, Part
from bridge.post import Destination, Media, Post
from bridge.text import Inlines, Paragraph, Str, Text, attribute, is_blank, split

LIMIT: Final = 3_900
"""Characters of the escaped text in one message: Slack cuts at 4,000 in edits, and silently at 40,000 elsewhere."""


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message to be: what `chat.postMessage` and `chat.update` take."""

    text: str
    blocks: list[dict[str, Any]]

    def to_part(self) -> Part:
        return Part(json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def of(cls, part: Part) -> Message:
        return cls(**json.loads(part.body))


def write_text(text: Text) -> str:
    """A tree as escaped mrkdwn."""
    return write_mrkdwn(text)


def render(post: Post, _: Destination, context: Context) -> tuple[Part, ...]:
    """The post as one or more messages of at most `context.limits.characters` each; never none."""
    limit = min(context.limits.characters, LIMIT)
    parts = split(_whole(post, context), lambda _, text: len(write_text(text)) <= limit)
    return tuple(_message(text).to_part() for text in parts)


def _message(text: Text) -> Message:
    # what can't be cut to fit stands alone (a huge address); Slack would refuse or cut it in silence
    return Message(_shortened(write_text(text)), write_blocks(text))


def _shortened(text: str) -> str:
    return text if len(text) <= LIMIT else escape("… (see the message)")


def _whole(post: Post, context: Context) -> Text:
    """Warning and quoted parent first, then the attributed words, then the names of files."""
    body: Text = (*post.text, *(_paragraph(_file(media)) for media in post.media))
    if is_blank(body):
        body = (_paragraph("(no text)"),)
    if context.via:
        body = attribute(body, context.via, post.author.name)
    return (*_lead(post, context), *body)


def _lead(post: Post, context: Context) -> Text:
    lines = [
        "(corrected)" if context.corrected else "",
        f"CW: {post.warning}" if post.warning else "",
        f"↪ {context.parent.author}: {context.parent.line}" if context.parent and not context.threaded else "",
    ]
    return tuple(_paragraph(line) for line in lines if line)


def _file(media: Media) -> str:
    return f"📎 {media.name}" + (f" ({media.alt})" if media.alt else "")


def _paragraph(words: str) -> Paragraph:
    children: Inlines = (Str(" ".join(words.split())),)
    return Paragraph(children)
