"""Which address belongs to which group of the account, both ways. Pure values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from adapters.email.tokens import KINDS, LENGTH, Kind, Signer, Ticket
from bridge.post import AccountId, Place, PlaceId

BRIDGE: Final = "viabridge"
"""The local part from which a mail domain's own notices come."""
_GROUP = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]@]{1,128}@[^\s<>,;:\"()\[\]@]{1,253}")


def group_name(name: str) -> str | None:
    """The group's local part for a name in the mapping file, None where it can be none.

    At most 40 characters, so that the whole local part stays under SMTP's limit of 64 beside a mailbox's own name.
    """
    lowered = name.strip().lower()
    return lowered if _GROUP.fullmatch(lowered) and ".." not in lowered else None


def addresses_in(value: str) -> tuple[str, ...]:
    """Every bare address in a header's value, lower-case, in order; a broken value gives what can be found."""
    return tuple(match.group().lower() for match in _ADDRESS.finditer(value[:20_000]))


def is_address(value: str) -> bool:
    """Whether the value is one bare address and nothing else."""
    return _ADDRESS.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Home:
    """Who we are: the account, its mailbox or domain, its groups, and the name our receiving server signs its findings with."""

    account: AccountId
    address: str | None = None
    domain: str | None = None
    groups: frozenset[str] = field(default=frozenset())
    authserv: str | None = None
    check_senders: bool = False
    signer: Signer | None = None
    plus: bool = False
    """Whether the mailbox gets what is sent to its name with a plus; a mail domain does."""

    def with_group(self, group: str) -> Home:
        return replace(self, groups=self.groups | {group})

    @property
    def host(self) -> str:
        """The domain our Message-IDs and List-Ids end in."""
        return self.domain or (self.address or "").rpartition("@")[2]

    @property
    def own_address(self) -> str:
        """Where notices to one person come from."""
        return self.address or f"{BRIDGE}@{self.domain}"

    def address_of(self, group: str) -> str:
        """The group's address. A mailbox's only group has its plain address, as not every provider knows plus-addresses."""
        if self.address is None:
            return f"{group}@{self.domain}"
        if self.groups <= {group}:
            return self.address
        local, _, host = self.address.rpartition("@")
        return f"{local}+{group}@{host}"

    def own_for(self, kind: Kind, group: str, name: str, made: datetime) -> str | None:
        """An address made for the reader of the copy with this id, to answer or to return; None where there can't be one."""
        base, _, host = self.address_of(group).rpartition("@")
        if self.signer is None or not (self.domain or self.plus) or len(name) != 20:
            return None
        local = f"{base}{'.' if '+' in base else '+'}{self.signer.ticket(kind, name, made)}"
        return f"{local}@{host}" if len(local) <= 64 else None

    def ticket_in(self, kind: Kind, address: str, now: datetime) -> Ticket | None:
        """What an address was made for; None where it is no such address, or we never made it."""
        local = address.strip().lower().rpartition("@")[0]
        return (
            self.signer.read(kind, local[-LENGTH:], now) if self.signer and local[-LENGTH - 1 : -LENGTH] in ("+", ".") else None
        )

    def _without_ticket(self, address: str) -> str:
        """The group's address in one made for a reader; as it is where it is none, or a false one."""
        local, _, host = address.strip().lower().rpartition("@")
        now = datetime.now(UTC)
        if any(self.ticket_in(kind, address, now) for kind in KINDS):
            return f"{local[: -LENGTH - 1]}@{host}"
        return address

    def group_of(self, address: str) -> str | None:
        """The group that an address belongs to; None where it is none of ours or several share it."""
        local, _, host = self._without_ticket(address).strip().lower().rpartition("@")
        if self.domain is not None:
            return local if host == self.domain and local in self.groups else None
        ours, _, our_host = (self.address or "").rpartition("@")
        name, plus, tag = local.partition("+")
        if host != our_host or name != ours:
            return None
        if plus:
            return tag if tag in self.groups else None
        return next(iter(self.groups)) if len(self.groups) == 1 else None

    def is_ours(self, address: str) -> bool:
        """Whether the address is one of this account's, known group or not."""
        local, _, host = address.strip().lower().rpartition("@")
        if self.domain is not None:
            return host == self.domain
        ours, _, our_host = (self.address or "").rpartition("@")
        return host == our_host and local.partition("+")[0] == ours

    def groups_in(self, values: Iterable[str]) -> tuple[str, ...]:
        """The groups addressed by headers' values, each once, in order."""
        found = (self.group_of(address) for value in values for address in addresses_in(value))
        return tuple(dict.fromkeys(group for group in found if group))

    def place(self, group: str) -> Place:
        return Place(self.account, PlaceId(group))

    def list_id(self, group: str) -> str:
        """What stands between the angle brackets of List-Id."""
        return f"{group}.{self.host}"
