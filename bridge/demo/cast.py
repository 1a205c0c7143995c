"""Who may say what where: each platform's column of the demo, told by what its sandbox can do and never by its name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.contract import Act, Manifest, Sandbox
from bridge.demo.town import Town
from bridge.post import AccountId, NativeId


class Kind(StrEnum):
    """What a place is like for the people in it, in the order of the page's columns."""

    CHANNEL = "channel"  # everybody there writes
    TIMELINE = "timeline"  # the account itself writes; followers write to it directly
    INBOX = "inbox"  # each reader has a copy of their own


@dataclass(frozen=True, slots=True)
class Voice:
    """A way to say something: who, and whether directly to the account. `id` names it in forms."""

    person: str
    label: str
    direct: bool = False

    @property
    def id(self) -> str:
        return f"{'direct' if self.direct else 'write'}:{self.person}"


@dataclass(frozen=True, slots=True)
class Role:
    """One account in the demo."""

    account: AccountId
    kind: Kind
    title: str
    about: str
    sandbox: Sandbox
    voices: tuple[Voice, ...]
    handles: tuple[tuple[str, str], ...]
    """Persons and how the platform may call them."""

    def person(self, user: str) -> str:
        """The person behind a journal's `user`, else the user as it is."""
        return next((person for person, handle in self.handles if _same(user, person, handle)), user)

    def name(self, user: str) -> str:
        """How the page calls them."""
        return display(self.person(user))

    @property
    def group_account(self) -> str:
        """Who writes on a timeline as the account itself; empty elsewhere."""
        return self.sandbox.native_writer

    async def say(self, voice: Voice, text: str, reply_to: NativeId | None = None) -> NativeId:
        """Let a person write; its id. Raises whatever the sandbox refuses it with."""
        if voice.direct:
            return await self.sandbox.write_direct(voice.person, text, reply_to)
        return await self.sandbox.write(voice.person, text, None, reply_to)


def _same(user: str, person: str, handle: str) -> bool:
    bare = handle.lstrip("@")
    return user.lower().lstrip("@") in {person.lower(), bare.lower(), bare.partition("@")[0].lower()}


def display(person: str) -> str:
    """A key as a name."""
    return person.replace("-", " ").capitalize() if person.islower() else person


def roles(town: Town) -> tuple[Role, ...]:
    """The town's accounts, channels first, inboxes last."""
    found = [_role(town, account, sandbox, town.manifests[account]) for account, sandbox in town.sandboxes.items()]
    return tuple(sorted(found, key=lambda role: list(Kind).index(role.kind)))


def _role(town: Town, account: AccountId, sandbox: Sandbox, manifest: Manifest) -> Role:
    kind = _kind(sandbox, manifest)
    writer = sandbox.native_writer
    handles = tuple(sandbox.people.items())
    about = f"#{sandbox.places[0]}"
    voices = tuple(Voice(person, display(person)) for person in sandbox.people)
    match kind:
        case Kind.CHANNEL:
            pass
        case Kind.TIMELINE:
            about = f"@{writer}, protected"
            members = sorted(sandbox.people)  # Karl first: Lynn speaks in the first column
            voices = tuple(Voice(person, f"{display(person)}, directly to @{writer}", direct=True) for person in members)
            voices += (Voice(writer, f"@{writer}, as the account"),)
        case Kind.INBOX:
            about = f"the inboxes of {' and '.join(display(person) for person in town.readers)}"
            voices = tuple(Voice(person, display(person)) for person in town.readers)
    return Role(account, kind, manifest.title, about, sandbox, voices, handles)


def _kind(sandbox: Sandbox, manifest: Manifest) -> Kind:
    if manifest.by_reader:
        return Kind.INBOX
    can_address = Act.DIRECT in sandbox.can and bool(sandbox.native_writer)
    return Kind.TIMELINE if can_address else Kind.CHANNEL
