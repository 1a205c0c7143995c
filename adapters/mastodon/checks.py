"""What an admin should know about the account, each with its cure. Pure: facts in, findings out."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract import Checked, Level, Limits

UNLOCKED = (
    "The account does not ask before it takes new followers, so anyone could read what is posted there: switch on "
    "“Approve follow requests” under Preferences → Public profile → Privacy and reach."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says about the account and itself."""

    acct: str
    locked: bool
    discoverable: bool
    privacy: str
    direct_messages_heard: bool | None
    """Whether the notification policy lets all direct messages through; None where the server has no such policy."""
    streaming: str
    """Empty where the stream answered, else what it said."""
    version: str
    limits: Limits


def findings(facts: Facts) -> tuple[Checked, ...]:
    """One finding per thing that can be well or not."""
    return (
        Checked(Level.OK, f"Signed in as @{facts.acct}; the server says it is {facts.version}."),
        _locked(facts),
        _discoverable(facts),
        _privacy(facts),
        _policy(facts),
        _streaming(facts),
        Checked(Level.OK, _limits(facts.limits)),
    )


def unwell(sentence: str) -> Checked:
    """The finding where the server did not even answer our questions."""
    return Checked(Level.ERROR, sentence, "Check `server` and `access_token`, and whether the server can be reached from here.")


def _limits(limits: Limits) -> str:
    links = f", links counting {limits.per_link}" if limits.per_link else ""
    return f"A post holds {limits.characters} characters{links}."


def _locked(facts: Facts) -> Checked:
    if facts.locked:
        return Checked(Level.OK, "Followers have to be approved.")
    return Checked(Level.ERROR, "The account is not locked.", UNLOCKED)


def _discoverable(facts: Facts) -> Checked:
    if not facts.discoverable:
        return Checked(Level.OK, "The account is not suggested to strangers.")
    cure = "Switch off “Feature profile and posts in discovery algorithms” under Public profile → Privacy and reach."
    return Checked(Level.WARNING, "The account is suggested to strangers.", cure)


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
