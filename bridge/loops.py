"""Loops through bots we don't control: how a post is known to be another one come back, and when its author is stopped. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from bridge import text
from bridge.mappings import Loops
from bridge.post import Post
from bridge.reasons import Reason, reason_of

LONG_WORDS, LONG_SIGNS = 6, 30
"""From so many words and characters on nobody writes the same by chance; below, only a prefix that names an author tells."""
_COMPARED_WORDS = 40
"""Of longer posts the beginning is compared: relays cut them, each where its platform ends."""
_MOST_PREFIXES = 24

_URL = re.compile(r"https?://\S+")
_WORDS = re.compile(r"\w+")
_QUOTES = re.compile(r"^(?:>|↪).*$", re.MULTILINE)
_PREFIX = re.compile(
    r"""\s*(?:
        \[[^\]\n]{1,60}\] | <[^>\n]{1,60}> | \([^)\n]{1,60}\) | «[^»\n]{1,60}»   # [bridge], <Lynn>
      | (?:re|fwd?|rt|via|from|by)\b:?(?=\s)                                     # via Lynn: RT @lynn:
      | @[\w.@-]{1,80}:?(?=\s)
      | [^\s:?!;,\[(<«@][^:?!;,\n]{0,59}:(?=[\s*_]|$)                               # Lynn: Lynn on IRC:
      | [^\w\s@\[(<«]+                                                            # arrows, stars, emoji
    )""",
    re.VERBOSE,
)
_SUFFIX = re.compile(r"\s*(?:\(via [^)\n]{1,60}\)|[\u2013\u2014-]{1,2} ?[^\n\u2013\u2014-]{1,40}|\^\w{1,4})\s*$")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a post is known by again. `key` is empty where there are no words; `names` are the words of what was put before."""

    key: str
    names: frozenset[str]
    is_long: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """A post of the same group, not long ago, with the same key. `hops` counts how often it had come back by then."""

    author: str
    names: frozenset[str]
    hops: int


def mark(post: Post) -> Mark:
    """The words of a post without what relays put around them: tags, author names, quotes, signatures, links."""
    whole = unicodedata.normalize("NFKC", _QUOTES.sub("", text.plain(post.text))).casefold().strip()
    rest = _without_prefixes(whole)
    core = _words(_SUFFIX.sub("", rest) or rest)
    if not core:  # all of it looks like a prefix: then it is the message
        core, rest = _words(whole), whole
    names = frozenset(_WORDS.findall(whole[: len(whole) - len(rest)]))
    told = " ".join(core[:_COMPARED_WORDS])
    key = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:24] if told else ""
    return Mark(key, names, len(core) >= LONG_WORDS and len(told) >= LONG_SIGNS)


def _without_prefixes(words: str) -> str:
    for _ in range(_MOST_PREFIXES):
        found = _PREFIX.match(words)
        if found is None or not found.group().strip() or _numbers(found.group()):
            break
        words = words[found.end() :]
    return words.strip()


def _numbers(prefix: str) -> bool:
    """Whether it counts instead of naming anybody: "17:", "[3]", "Ticket 4711:"; a relay's "Relay 1:" or "[14:02]" names."""
    found = _WORDS.findall(prefix)
    return any(each.isdecimal() and (len(each) > 2 or len(found) == 1) for each in found)


def _words(words: str) -> list[str]:
    return _WORDS.findall(_URL.sub(" ", words))


def hops(new: Mark, author: str, earlier: Iterable[Earlier]) -> int:
    """How often the post has come back by now, as far as the earlier ones with its words tell; 0 for one that is new."""
    return max((each.hops + 1 for each in earlier if _came_back(new, author, each)), default=0)


def _came_back(new: Mark, author: str, each: Earlier) -> bool:
    grew = bool(each.names) and new.names > each.names
    if author == each.author and each.hops == 0 and not grew:
        return False  # whoever says something twice is no relay
    named = frozenset(_WORDS.findall(each.author.casefold()))
    return new.is_long or grew or (bool(named) and named <= new.names) or (each.hops > 0 and each.names <= new.names)


def obstacle(limits: Loops, *, hops: int, posts: int, stopped: str) -> Reason | None:
    """Why what an author posts is not to go on to a group; None where it is. `posts` are theirs in the running period."""
    if stopped:
        return reason_of(stopped)
    if hops >= limits.hops:
        return Reason.LOOP
    return Reason.FLOOD if limits.budget is not None and posts > limits.budget else None
