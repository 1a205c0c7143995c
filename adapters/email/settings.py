"""The account's entry in the mapping file: what may be written there, checked; nothing is connected here."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

IMAP_TLS: Final = 993
SMTP_TLS: Final = 465
LARGEST: Final = 26_214_400  # bytes of one mail: 25 MiB, what the large providers let through
DOMAIN_A_MINUTE: Final = 60  # providers defer who sends them many at once from a new address
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's name and port."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is this machine: only here may a password travel unencrypted."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(written: str, default: int | None = None) -> Endpoint:
    """`host:port` (or `host` where a default port is given; `[::1]:25` for IPv6). Raises `ValueError` with a cure."""
    literal = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?", written)
    host, port = literal.groups() if literal else (written.partition(":")[0], written.partition(":")[2] or None)
    if not literal and not _HOST.fullmatch(host):
        raise ValueError(f"`{written}` is no server: write host:port, such as smtp.example.org:587")
    if port is None and default is not None:
        return Endpoint(host, default)
    if port is None or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"`{written}` has no usable port: write host:port, such as smtp.example.org:587")
    return Endpoint(host, int(port))


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the listener waits for mail, and whether it speaks LMTP or SMTP."""

    protocol: Literal["lmtp", "smtp"]
    at: Endpoint


def listening(written: str) -> Listen:
    """`lmtp:host:port` or `smtp:host:port`. Raises `ValueError` with a cure."""
    protocol, _, rest = written.partition(":")
    if protocol == "lmtp":
        return Listen("lmtp", endpoint(rest))
    if protocol == "smtp":
        return Listen("smtp", endpoint(rest))
    raise ValueError(f"`{written}` must start with lmtp: or smtp:, such as lmtp:127.0.0.1:8024")


def _smtp(written: str) -> str:
    endpoint(written)
    return written


def _imap(written: str) -> str:
    endpoint(written, IMAP_TLS)
    return written


def _listen(written: str) -> str:
    listening(written)
    return written


def _address(written: str) -> str:
    if not _ADDRESS.fullmatch(written):
        raise ValueError(f"`{written}` is no mail address without a +: write name@host")
    return written.lower()


def _domain(written: str) -> str:
    if not _HOST.fullmatch(written):
        raise ValueError(f"`{written}` is no mail domain: write it like lists.example.org")
    return written.lower()


def _authserv(written: str) -> str:
    if not _HOST.fullmatch(written):
        raise ValueError(f"`{written}` is no authserv-id: write how its Authentication-Results begin, like mx.example.org")
    return written.lower()


class Settings(BaseModel):
    """A mailbox (`address`) or a mail domain (`domain`), the server that sends, and the way mail comes in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    platform: Literal["email"]
    address: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="One ordinary mailbox; the groups share it as name+group@host."
    )
    domain: Annotated[str, AfterValidator(_domain)] | None = Field(None, description="A mail domain; each group is group@domain.")
    smtp: Annotated[str, AfterValidator(_smtp)] = Field(description="The server that sends, as host:port.")
    imap: Annotated[str, AfterValidator(_imap)] | None = Field(
        None, description="The server that holds the mailbox, as host or host:port (993 if left out)."
    )
    login: SecretStr | None = Field(None, description="user:password for both servers, as {env: NAME} or {file: path}.")
    listen: Annotated[str, AfterValidator(_listen)] | None = Field(
        None, description="Where a mail server hands mail to us: lmtp:host:port or smtp:host:port."
    )
    trusted_authserv: Annotated[str, AfterValidator(_authserv)] | None = Field(
        None,
        description="The name (authserv-id) under which our own receiving server writes Authentication-Results; "
        "mail whose From line it disproved is held. If left out, the From line is believed.",
    )
    check_senders: bool = Field(
        default=True,
        description="Whether we look ourselves whether a mail is signed by its From line's domain (DKIM), where no "
        "`trusted_authserv` says so. Mail of which nothing proves its author is held, and the author asked.",
    )
    secret: SecretStr | None = Field(
        None,
        description="Signs answer addresses, return addresses and links to leave, as {env: NAME} or {file: path}; "
        "`login` does it if left out.",
    )
    plus_addresses: bool = Field(
        default=False,
        description="Whether the mailbox gets what is sent to name+anything@host: then each reader has their own answer address.",
    )
    token_command: str | None = Field(
        None,
        description="A program that prints an OAuth access token, for providers that take no passwords (XOAUTH2); "
        "`login` is then the user alone.",
    )
    dkim_key: SecretStr | None = Field(None, description="The private key (PEM) that signs what we send, as {file: path}.")
    dkim_selector: str = Field("viabridge", description="Under which name the domain publishes the public key.")
    certificate: str | None = Field(None, description="The certificate (PEM) for STARTTLS at `listen`: a path.")
    certificate_key: str | None = Field(None, description="Its private key, if it is not in the same file.")
    largest_attachment: int = Field(
        10_000_000, ge=0, le=25_000_000, description="Bytes of all files of a mail we send; what is over is named."
    )
    domain_a_minute: int | None = Field(
        None,
        ge=0,
        description="How many mails a minute one domain's readers get at most, together; 0 for any number. If left out, 60, "
        "and any number where `smtp` is this very machine, whose mail server has a pace of its own.",
    )
    timeout: float = Field(15.0, gt=0, le=300, strict=False, description="Seconds a request may take.")
    data_timeout: float = Field(
        600.0,  # RFC 5321 §4.5.3.2.6
        gt=0,
        le=3600,
        strict=False,
        description="Seconds the sending server may take to accept a mail that was handed over; some scan it meanwhile.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.address is None) == (self.domain is None):
            raise ValueError("write either `address` (one mailbox) or `domain` (a mail domain), exactly one of both")
        if self.imap is None and self.listen is None:
            raise ValueError("no way in: write `imap` (a mailbox we read) or `listen` (where a mail server hands us mail)")
        user, _, password = self.login.get_secret_value().partition(":") if self.login else ("", "", "")
        if self.login and not (user and (password or self.token_command)):
            raise ValueError("`login` must hold user:password")
        if self.token_command and not self.login:
            raise ValueError("`token_command` needs `login`, as {env: NAME} or {file: path} holding the user")
        if self.imap is not None and self.login is None:
            raise ValueError("`imap` needs `login`, as {env: NAME} or {file: path} holding user:password")
        return self

    @property
    def sender(self) -> Endpoint:
        return endpoint(self.smtp)

    @property
    def most_a_minute(self) -> int:
        """Mails a minute to one domain; 0 for any number."""
        if self.domain_a_minute is not None:
            return self.domain_a_minute
        return 0 if self.sender.loopback else DOMAIN_A_MINUTE

    @property
    def mailbox(self) -> Endpoint | None:
        return endpoint(self.imap, IMAP_TLS) if self.imap else None

    @property
    def listener(self) -> Listen | None:
        return listening(self.listen) if self.listen else None

    @property
    def signing_secret(self) -> str | None:
        """What signs addresses and links; None where nothing secret is known."""
        found = self.secret or self.login
        return found.get_secret_value() if found else None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What STARTTLS at our own port is done with. Raises `OSError` where the files can't be read."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.certificate_key)
        return context

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password; the password is empty where a token takes its place."""
        if self.login is None:
            return None
        user, _, password = self.login.get_secret_value().partition(":")
        return user, password
