"""A real Postfix in front of the bridge and a real Dovecot behind it, on loopback, in a folder of their own. No tests."""

from __future__ import annotations

import asyncio
import imaplib
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.email.dovecot import Dovecot, configured, free_port, short_folder
from tests.email.dovecot import binary as dovecot_binary

DOMAIN = "bridge.example"
MAILBOX = "allhands@mailhost.example"
BOXES = ("chair@board.example", "lee@gmail.example", "nina@elsewhere.example", MAILBOX)
"""Who has a mailbox here; the password of each is "secret"."""
GONE = "gone.example"
"""A domain that has no mailbox any more: another Postfix refuses what ours takes, so that it comes back as ours says it."""
PATIENCE = 60.0

_MAIN = """
compatibility_level = 3.6
maillog_file = /dev/stdout
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = mx.live.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/certificate
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
lmtp_tls_security_level = encrypt
alias_maps =
local_recipient_maps =
local_transport = error:nobody here
relay_domains = {domain}
virtual_mailbox_domains = {boxes}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/boxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = inline:{{ {{{domain} = lmtp:inet:127.0.0.1:{lmtp}}}, {{{gone} = smtp:[127.0.0.1]:{away}}} }}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{away} inet n - n - - smtpd
    -o myhostname=mx.{gone}
    -o {{ smtpd_relay_restrictions = check_recipient_access static:{{550 5.1.1 no such mailbox}}, reject }}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
relay unix - - n - - smtp
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def program(name: str, package: str) -> str:
    """Where it is; else the test is skipped with the reason, or fails where it must be there."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing; CI installs it (Debian: apt install {package})")
        pytest.skip(f"{name} is not installed (Debian: apt install {package})")
    return found


@dataclass
class Postfix:
    """The mail server that people's programs, and the bridge, hand their mail to. `lmtp` is where the bridge listens."""

    folder: Path
    port: int
    lmtp: int
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with (self.folder / "maillog").open("ab") as log:
            command = [program("postfix", "postfix"), "-c", str(self.folder / "postfix"), "start-fg"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                if connection.recv(3) == b"220":
                    return
            time.sleep(0.05)
        pytest.fail(f"Postfix did not start: {self.log()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def log(self) -> str:
        return (self.folder / "maillog").read_text("utf-8", "replace")

    def submit(self, sender: str, *recipients: str, body: bytes) -> None:
        """A mail program presses Send."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
            client.starttls(context=_anybody())
            client.sendmail(sender, recipients, body)


@dataclass
class MailServers:
    """Both, and the certificate that they share with the bridge."""

    postfix: Postfix
    dovecot: Dovecot
    certificate: Path

    def mails(self, address: str) -> list[bytes]:
        """What stands in the mailbox, oldest first."""
        with imaplib.IMAP4("127.0.0.1", self.dovecot.port, timeout=10) as client:
            client.starttls(ssl_context=_anybody())
            client.login(address, "secret")
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            return [_body(client.fetch(number, "(BODY.PEEK[])")[1]) for number in numbers]

    async def gets(self, address: str, words: str, beside: frozenset[bytes] = frozenset()) -> bytes:
        """The mail with these words, once it is there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for each in await asyncio.to_thread(self.mails, address):
                if words.encode() in each and each not in beside:
                    return each
            await asyncio.sleep(0.1)
        pytest.fail(f"{address} never got a mail with {words!r}; Postfix says:\n{self.postfix.log()[-3000:]}")


def _body(fetched: list[object]) -> bytes:
    [(_, body), *_] = [each for each in fetched if isinstance(each, tuple)]
    assert isinstance(body, bytes)
    return body


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextmanager
def mail_servers() -> Iterator[MailServers]:
    """Both running, anew. Postfix starts only for root, as its parts run as different users."""
    program("postfix", "postfix")
    dovecot_binary()
    if os.getuid() != 0:
        pytest.skip("Postfix starts only for root")
    with short_folder() as folder:
        owner = pwd.getpwnam("nobody")
        folder.chmod(0o755)
        certificate = _certificate(folder)
        dovecot = configured(folder, certificate)
        postfix = _postfix(folder, owner.pw_uid, owner.pw_gid, dovecot.sasl)
        dovecot.start()
        try:
            postfix.start()
            try:
                yield MailServers(postfix, dovecot, certificate)
            finally:
                postfix.stop()
        finally:
            dovecot.stop()


def _certificate(folder: Path) -> Path:
    key, found = folder / "key", folder / "certificate"
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {found}"
    subprocess.run([program("openssl", "openssl"), *words.split()[1:]], check=True, capture_output=True, timeout=60)
    found.write_text(key.read_text() + found.read_text())  # both in one file, the key first, as Postfix wants it
    return found


def _postfix(folder: Path, uid: int, gid: int, sasl: int) -> Postfix:
    made = Postfix(folder, free_port(), free_port())
    (folder / "postfix").mkdir()
    for name in ("queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    domains = " ".join(each.partition("@")[2] for each in BOXES)
    values = {
        "folder": folder,
        "domain": DOMAIN,
        "boxes": domains,
        "gone": GONE,
        "uid": uid,
        "gid": gid,
        "away": free_port(),
        "sasl": sasl,
    }
    (folder / "postfix/main.cf").write_text(_MAIN.format(**values, lmtp=made.lmtp))
    (folder / "postfix/master.cf").write_text(_SERVICES.format(**values, port=made.port))
    (folder / "boxes").write_text("".join(f"{each} {each}/\n" for each in BOXES))
    return made
