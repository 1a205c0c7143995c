"""What the page shows: the journals and the ledger put together as columns of cards. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.contract import Act, Standing
from bridge.demo.cast import Kind, Role, display
from bridge.demo.look import Look, delay, duration, usual, waited
from bridge.demo.tally import Tally
from bridge.post import DIRECT, AccountId
from bridge.reasons import Reason
from bridge.store.lineage import Family
from bridge.store.tables import DeliveryState


@dataclass(frozen=True, slots=True)
class Arrival:
    """One copy's way: to whom (empty where all see the same copy), how many ms after it was written or changed.

    `waited`: it was held up while its own or its destination's account was unplugged.
    """

    who: str
    ms: float | None
    waited: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody who can answer the card: the form's value, and their name."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Card:
    """One message as its column shows it. `quoted` is what a mail program put below a reply; `at` is a local time of day.

    `told` is who alone sees a notice.
    """

    key: str
    account: AccountId
    native: str
    kind: str  # original, copy, notice
    who: str
    direct: bool
    told: str
    via: str
    text: str
    quoted: str
    answers: str
    at: str
    arrivals: tuple[Arrival, ...]
    note: str
    trouble: bool
    edited: bool
    typed: str
    can_edit: bool
    can_delete: bool
    replies: tuple[Reply, ...]


def cards(look: Look) -> Mapping[AccountId, tuple[Card, ...]]:
    """Each column's cards, oldest first; copies of one post in several inboxes are one card."""
    behind = {(c.ref.place.account, str(c.ref.id)): family for family in look.seen.families for c in family.copies}
    known = {(family.ref.place.account, str(family.ref.id)): family for family in look.seen.families}
    by_id = {family.id: family for family in look.seen.families}
    columns: dict[AccountId, tuple[Card, ...]] = {}
    for role in look.roles:
        groups: dict[str, list[Standing]] = {}
        for one in look.seen.after[role.account]:
            if one.place not in (look.seen.places.get(role.account), DIRECT):
                continue
            groups.setdefault(_key(role, one, behind.get((role.account, str(one.id)))), []).append(one)
        made = []
        for key, group in groups.items():
            native = (role.account, str(group[0].id))
            family = behind.get(native) if group[0].by_bridge else known.get(native)
            parent = by_id.get(family.parent) if family and family.parent else None
            made.append(_card(look, role, key, group, family, parent))
        columns[role.account] = tuple(made)
    return columns


def _key(role: Role, one: Standing, family: Family | None) -> str:
    if one.by_bridge and one.reader and family:
        numbers = [str(copy.ref.id) for copy in family.copies if copy.destination.reader == one.reader]
        number = numbers.index(str(one.id)) if str(one.id) in numbers else one.id
        return f"{role.account}-post{family.id}-{number}"
    return f"{role.account}-{one.id}"


def _card(look: Look, role: Role, key: str, group: Sequence[Standing], family: Family | None, parent: Family | None) -> Card:
    one = group[0]
    mine = not one.by_bridge
    notice = one.by_bridge and one.place == DIRECT
    text, quoted = _unquoted(role, one)
    via, said = ("", text) if mine else _attributed(text)
    written = look.typed.get((role.account, str(one.id)))
    return Card(
        key="".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in key),
        account=role.account,
        native=str(one.id),
        kind="notice" if notice else "copy" if one.by_bridge else "original",
        who="viabridge" if notice else family.author if one.by_bridge and family else _writer(role, one),
        direct=one.place == DIRECT,
        told=(role.name(one.reader) if one.reader else "the writer") if notice else "",
        via=via,
        text=said,
        quoted=quoted,
        answers=_parent_line(look, parent) if parent and not notice else "",
        at=datetime.fromtimestamp(one.at).astimezone().strftime("%H:%M:%S"),
        arrivals=tuple(_arrivals(look, role, group, family)) if one.by_bridge and not notice else (),
        note=_note(look, role, family) if mine else "",
        trouble=mine and family is not None and (family.verdict != "relayed" or _not_delivered(family) > 0),
        edited=one.edited,
        typed=written.text if written else _bare(role, one.text),
        can_edit=mine and Act.EDIT in role.sandbox.can,
        can_delete=mine and Act.DELETE in role.sandbox.can,
        replies=tuple(_replies(role, group)),
    )


def _writer(role: Role, one: Standing) -> str:
    return f"@{role.group_account}" if role.person(one.user) == role.group_account != "" else role.name(one.user)


def _bare(role: Role, text: str) -> str:
    """A direct message without the account's name that the platform puts first."""
    return text.removeprefix(f"@{role.group_account} ") if role.group_account else text


def _unquoted(role: Role, one: Standing) -> tuple[str, str]:
    """A mail program's reply as what was said and what it quotes below; elsewhere people write no quotes."""
    lines = one.text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith(">")), None)
    if role.kind is not Kind.INBOX or one.by_bridge or not first:
        return one.text, ""
    while first and (not lines[first - 1].strip() or lines[first - 1].rstrip().endswith(":")):
        first -= 1
    return "\n".join(lines[:first]).strip(), "\n".join(lines[first:]).strip()


def _attributed(text: str) -> tuple[str, str]:
    """The attribution and the rest; a quoted parent or a correction's mark before it is left out, as the card shows both."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        shown = line.removeprefix("Correction: ")
        name, colon, rest = shown.partition(": ")
        if shown.startswith("via ") and colon:
            mark = "correction" if shown != line else ""
            return f"{name} · {mark}" if mark else name, "\n".join([rest, *lines[number + 1 :]])
        if line and not line.startswith("↪"):
            break
    return "", text


def _parent_line(look: Look, parent: Family) -> str:
    account = parent.ref.place.account
    standing = next((one for one in look.seen.after.get(account, ()) if str(one.id) == str(parent.ref.id)), None)
    if standing is None:
        return f"{parent.author or 'a post'} (deleted)"
    said = _unquoted(look.role(account), standing)[0]
    line = _bare(look.role(account), said).strip().partition("\n")[0]
    return f"{parent.author}: {line if len(line) <= 60 else line[:59].rstrip() + '…'}"


def _arrivals(look: Look, role: Role, group: Sequence[Standing], family: Family | None) -> Iterator[Arrival]:
    for one in sorted(group, key=lambda one: one.reader or ""):
        ms = delay(look, one, family)
        yield Arrival(role.name(one.reader) if one.reader else "", ms, waited(look, role.account, one, family))


def _note(look: Look, role: Role, family: Family | None) -> str:
    """How far an original came."""
    if family is None:
        return "waits to leave" if role.account in look.seen.away else "on its way"
    if family.verdict != "relayed":
        return _sentence(family.reason)
    waiting = {o.destination.account for o in family.outcomes if o.state == DeliveryState.WAITING}
    if waiting:
        return "waiting for " + " and ".join(look.role(account).title for account in sorted(waiting))
    if failed := _not_delivered(family):
        return f"not delivered to {failed} of {len(family.outcomes)} places"
    if not any(copy.standing for copy in family.copies):
        return "stands nowhere else"
    slowest = max((delay(look, copy, family) or 0.0 for copy in _standing_copies(look, family)), default=0.0)
    return f"elsewhere after {duration(slowest)}" if slowest else "elsewhere"


def _standing_copies(look: Look, family: Family) -> Iterator[Standing]:
    ours = {(copy.ref.place.account, str(copy.ref.id)) for copy in family.copies if copy.standing}
    for account, all_of_them in look.seen.after.items():
        yield from (one for one in all_of_them if (account, str(one.id)) in ours)


def _not_delivered(family: Family) -> int:
    return sum(outcome.state == DeliveryState.NOT_DELIVERED for outcome in family.outcomes)


def _sentence(code: str) -> str:
    return next((reason.sentence for reason in Reason if reason == code), "not relayed")


def _replies(role: Role, group: Sequence[Standing]) -> Iterator[Reply]:
    """Who can answer, and which copy they have: their own in inboxes; a timeline is answered by its followers."""
    one = group[0]
    if one.place == DIRECT:
        return
    if role.kind is Kind.INBOX:
        theirs = {role.person(each.reader): each.id for each in group if each.reader}
        for voice in role.voices:
            if voice.person in theirs:
                yield Reply(f"{voice.person}:{theirs[voice.person]}", voice.label)
        return
    for person, _ in role.handles if role.kind is Kind.CHANNEL else reversed(role.handles):
        yield Reply(f"{person}:{one.id}", display(person))


@dataclass(frozen=True, slots=True)
class Column:
    """One account's column."""

    role: Role
    plugged: bool
    waiting: int
    leaving: int
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page's changing part."""

    columns: tuple[Column, ...]
    tally: Tally
    usual: str


def board(look: Look, counted: Tally) -> Board:
    """The page as of this look."""
    made = cards(look)
    columns = tuple(
        Column(
            role,
            role.account not in look.seen.away,
            counted.waiting.get(role.account, 0),
            counted.leaving.get(role.account, 0),
            made[role.account],
        )
        for role in look.roles
    )
    return Board(columns, counted, usual(look))
