"""Posts as Slack messages: rich_text blocks for people, an escaped text beside them. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from adapters.slack.mentions import with_people
from adapters.slack.write_mrkdwn import clean, escape, write_mrkdwn
from adapters.slack.write_rich_text import write_blocks
from bridge.contract import Context, File, FileLimits, Part
from bridge.post import Destination, Media, Post
from bridge.text import Inlines, Paragraph, Str, Text, attribute, is_blank, plain, split

LIMIT: Final = 3_900
"""Characters of the escaped text in one message: Slack cuts at 4,000 in edits, and silently at 40,000 elsewhere."""

BLOCKS_LIMIT: Final = 12_000
"""Characters of a message's blocks as JSON: Slack refuses a message from about 13,200."""

NAME_LIMIT: Final = 80
"""Characters of the name that a message may bear."""


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message to be: what `chat.postMessage` and `chat.update` take. It bears `username` and `icon` where it can."""

    text: str
    blocks: list[dict[str, Any]]
    username: str = ""
    icon: str = ""

    def to_part(self, files: tuple[File, ...] = ()) -> Part:
        said = {key: value for key, value in asdict(self).items() if value or key in ("text", "blocks")}
        return Part(json.dumps(said, ensure_ascii=False, separators=(",", ":")), files)

    def attributed(self) -> Message:
        """The same with its author in the words instead of above them."""
        said = {"type": "rich_text_section", "elements": [{"type": "text", "text": f"{self.username}:"}]}
        blocks = [{**block} for block in self.blocks]
        if blocks:
            blocks[0]["elements"] = [said, *blocks[0]["elements"]]
        return Message(f"{escape(self.username)}: {self.text}", blocks)

    def naming(self, files: Sequence[Media]) -> Message:
        """The same with the names of files that could not go along."""
        lines = [_file(file, "added later, and not copied") for file in files]
        elements = [{"type": "text", "text": "".join(f"\n{clean(line)}" for line in lines)}]
        more = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
        return replace(self, text="\n".join([self.text, *map(escape, lines)]), blocks=[*self.blocks, more]) if lines else self

    @classmethod
    def of(cls, part: Part) -> Message:
        return cls(**json.loads(part.body))


def write_text(text: Text) -> str:
    """A tree as escaped mrkdwn."""
    return write_mrkdwn(text)


def render(post: Post, _: Destination, context: Context, *, shows_authors: bool = False) -> tuple[Part, ...]:
    """The post as one or more messages of at most `context.limits.characters` each; never none.

    Files go with the first one. With `shows_authors` the messages bear their author's name instead of saying it; beside
    files they can't.
    """
    limit = min(context.limits.characters, LIMIT)
    chosen, named = _attached(post.media, context.limits.files)
    username = _username(post, context) if shows_authors and not chosen else ""
    text = _whole(post, replace(context, via="") if username else context, named, has_files=bool(chosen))
    parts = split(text, lambda _, part: len(write_text(part)) <= limit and _blocks_fit(part))
    files = tuple(map(File, chosen))
    icon = post.author.avatar if username and post.author.avatar.startswith("https://") else ""
    messages = (replace(_message(part), username=username, icon=icon) for part in parts)
    return tuple(message.to_part(() if number else files) for number, message in enumerate(messages))


def _blocks_fit(text: Text) -> bool:
    return len(json.dumps(write_blocks(text), ensure_ascii=False)) <= BLOCKS_LIMIT


def _username(post: Post, context: Context) -> str:
    """What the group's template says of the author, without the words; empty where it says nothing that is a name."""
    if not context.via or "{author}" not in context.via:
        return ""
    said = plain(attribute((Paragraph(()),), context.via, post.author.name))
    name = " ".join(clean(said).replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}").split())
    return name.strip(" :\N{EN DASH}\N{EM DASH}-")[:NAME_LIMIT]


def _message(text: Text) -> Message:
    # what can't be cut to fit stands alone (a huge address); Slack would refuse or cut it in silence
    return Message(_shortened(write_text(text)), write_blocks(text))


def _shortened(text: str) -> str:
    return text if len(text) <= LIMIT else escape("… (see the message)")


def _attached(media: Sequence[Media], limits: FileLimits | None) -> tuple[tuple[Media, ...], tuple[str, ...]]:
    """The files that go along, and a line for each that does not."""
    chosen: list[Media] = []
    named: list[str] = []
    for file in media:
        why = _why_not(file, len(chosen), limits)
        if limits is not None and file.blob and not why:
            chosen.append(file)
        else:
            named.append(_file(file, why))
    return tuple(chosen), tuple(named)


def _why_not(file: Media, chosen: int, limits: FileLimits | None) -> str:
    """Why the file cannot go along; empty where it can, or where nobody has looked."""
    if file.missing or limits is None:
        return file.missing
    if not limits.take(file):
        return "too large for here"
    return f"only {limits.count} fit" if chosen >= limits.count else ""


def _whole(post: Post, context: Context, named: Sequence[str], *, has_files: bool) -> Text:
    """Warning and quoted parent first, then the attributed words, then the names of files that do not go along."""
    body: Text = (*with_people(post.text, context.mentions), *map(_paragraph, named))
    if is_blank(body):
        words = "" if has_files and context.via else "(see the file)" if has_files else "(no text)"
        body = (_paragraph(words),) if words else ()
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


def _file(media: Media, why: str) -> str:
    return f"📎 {media.name}" + (f" ({media.alt})" if media.alt else "") + (f" \N{EN DASH} {why}" if why else "")


def _paragraph(words: str) -> Paragraph:
    children: Inlines = (Str(" ".join(words.split())),)
    return Paragraph(children)
