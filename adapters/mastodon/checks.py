"""What an admin should know about the account, each with its cure. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.contract import Checked, Level, Limits

UNLOCKED = (
    "The account does not ask before it takes new followers, so anyone could read what is posted there: switch on "
    "“Approve follow requests” under Preferences → Public profile → Privacy and reach."
)

_PROFILE: Final = "under Preferences → Public profile → Privacy and reach"
_NEW_TOKEN: Final = "Make a new token under Preferences → Development, with the scopes read and write."  # noqa: S105 - a sentence

# What each scope is needed for. A scope's first word (read, write) stands for all of its kind.
_SCOPES: Final = {
    "read:accounts": "know itself",
    "read:statuses": "hear its timeline",
    "read:notifications": "hear mentions and direct messages",
    "read:follows": "see who asks to follow",
    "write:statuses": "post",
    "write:media": "bring files",
    "write:follows": "let people follow",
    "write:notifications": "let direct messages through",
}
_ALSO: Final = {"follow": {"read:follows", "write:follows"}}  # the old scope for all about follows


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says about the account and itself; None where it does not say."""

    acct: str
    locked: bool
    discoverable: bool | None
    indexable: bool | None
    collections_hidden: bool | None
    privacy: str
    scopes: frozenset[str] | None
    requests_seen: bool
    """Whether the token may see who asks to follow: tried, as not every server tells a token's scopes."""
    direct_messages_heard: bool | None
    """Whether the notification policy lets all direct messages through; None where the server has no such policy."""
    streaming: str
    """Empty where the stream answered, else what it said."""
    version: str
    limits: Limits


def facts_of_account(me: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that stand in the account's own document, `verify_credentials`."""
    source = me.get("source") or {}

    def said(key: str) -> bool | None:
        value = me.get(key, source.get(key))
        return value if isinstance(value, bool) else None

    return {
        "acct": str(me["acct"]),
        "locked": bool(me.get("locked")),
        "discoverable": said("discoverable"),
        "indexable": said("indexable"),
        "collections_hidden": said("hide_collections"),
        "privacy": str(source.get("privacy") or ""),
    }


def scopes_of(application: Mapping[str, Any]) -> frozenset[str] | None:
    """The token's scopes out of `apps/verify_credentials`; None where the server does not name them (Mastodon before 4.3)."""
    scopes = application.get("scopes")
    if isinstance(scopes, str):
        scopes = scopes.split()
    return frozenset(map(str, scopes)) if isinstance(scopes, list | tuple) and scopes else None


def findings(facts: Facts) -> tuple[Checked, ...]:
    """One finding per thing that can be well or not."""
    return (
        Checked(Level.OK, f"Signed in as @{facts.acct}; the server says it is {facts.version}."),
        _scopes(facts),
        _locked(facts),
        _discoverable(facts),
        _indexable(facts),
        _collections(facts),
        _privacy(facts),
        _policy(facts),
        _streaming(facts),
        Checked(Level.OK, _limits(facts.limits)),
    )


def unwell(sentence: str) -> Checked:
    """The finding where the server did not even answer our questions."""
    return Checked(Level.ERROR, sentence, "Check `server` and `access_token`, and whether the server can be reached from here.")


def missing(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes that are needed and not among these."""
    have = {each for scope in scopes for each in (scope, *_ALSO.get(scope, ()))}
    return tuple(scope for scope in _SCOPES if scope not in have and scope.partition(":")[0] not in have)


def _scopes(facts: Facts) -> Checked:
    if facts.scopes is None:
        if not facts.requests_seen:
            return Checked(Level.ERROR, "The access token may not see who asks to follow.", _NEW_TOKEN)
        return Checked(Level.OK, "The server does not say what the access token may do; what was tried worked.")
    lacking = missing(facts.scopes)
    if not lacking:
        return Checked(Level.OK, "The access token may do everything that is needed.")
    without = ", ".join(f"{_SCOPES[scope]} ({scope})" for scope in lacking)
    return Checked(Level.ERROR, f"With this access token viabridge cannot {without}.", _NEW_TOKEN)


def _limits(limits: Limits) -> str:
    links = f", links counting {limits.per_link}" if limits.per_link else ""
    characters = f"A post holds {limits.characters} characters{links}"
    if limits.files is None:
        return f"{characters}."
    files = limits.files
    image, other = files.image_bytes / 1_000_000, files.other_bytes / 1_000_000
    return f"{characters}, and {files.count} files (images up to {image:.0f} MB, others up to {other:.0f} MB)."


def _locked(facts: Facts) -> Checked:
    if facts.locked:
        return Checked(Level.OK, "Followers have to be approved.")
    return Checked(Level.ERROR, "The account is not locked.", UNLOCKED)


def _switch(on: bool | None, well: str, unwell: str, unknown: str, cure: str) -> Checked:  # noqa: FBT001 - a fact, no flag
    """A setting that should be off."""
    if on is None:
        return Checked(Level.OK, unknown)
    return Checked(Level.WARNING, unwell, cure) if on else Checked(Level.OK, well)


def _discoverable(facts: Facts) -> Checked:
    return _switch(
        facts.discoverable,
        "The account is not suggested to strangers.",
        "The account is suggested to strangers.",
        "The server does not say whether the account is suggested to strangers.",
        f"Switch off “Feature profile and posts in discovery algorithms” {_PROFILE}.",
    )


def _indexable(facts: Facts) -> Checked:
    return _switch(
        facts.indexable,
        "Its public posts are left out of searches.",
        "Its public posts, if there are any, can be found by searching.",
        "The server does not say whether the account's public posts can be found by searching.",
        f"Switch off “Include public posts in search results” {_PROFILE}.",
    )


def _collections(facts: Facts) -> Checked:
    hidden = facts.collections_hidden
    return _switch(
        None if hidden is None else not hidden,
        "Who follows the account is not shown to strangers.",
        "Everybody can see who follows the account, and so who belongs to the group.",
        "The server does not say whether the list of followers is hidden; look at the account's profile without signing in.",
        f"Switch off “Show follows and followers on profile” {_PROFILE}.",
    )


def _privacy(facts: Facts) -> Checked:
    if facts.privacy in ("private", "direct"):
        return Checked(Level.OK, "What people post as the account goes to followers by default.")
    cure = "Set “Posting privacy” to “Followers only” under Preferences → Posting defaults."
    return Checked(Level.WARNING, "What people post as the account themselves is visible to everyone by default.", cure)


def _policy(facts: Facts) -> Checked:
    match facts.direct_messages_heard:
        case None:
            return Checked(Level.OK, "The server has no policy that hides direct messages.")
        case True:
            return Checked(Level.OK, "Direct messages from anyone are heard.")
        case False:
            cure = "Give the token the scope write:notifications, or accept unsolicited private mentions in its settings."
            return Checked(Level.WARNING, "Direct messages from people whom the account does not follow may be hidden.", cure)


def _streaming(facts: Facts) -> Checked:
    if not facts.streaming:
        return Checked(Level.OK, "The stream answers.")
    cure = "Set `streaming_url` to the server's streaming address, or ask its admin; until then posts are heard by looking."
    return Checked(Level.WARNING, f"The stream does not answer ({facts.streaming}).", cure)
