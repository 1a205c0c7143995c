"""A real Dovecot, started in a folder of its own on a free port of loopback. No tests."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ADDRESS = "allhands@mailhost.example"
# One process per connection and no chroot, so that it runs for an ordinary user too.
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
{encryption}
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service anvil {{
  chroot =
}}
service auth {{
  inet_listener {{
    port = {sasl}
    address = 127.0.0.1
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


def binary() -> str:
    found = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Dovecot is missing; CI installs it (Debian: apt install dovecot-imapd)")
        pytest.skip("Dovecot is not installed (Debian: apt install dovecot-imapd)")
    return found


@dataclass
class Dovecot:
    """A mail server that can be stopped and started again with what it holds."""

    folder: Path
    port: int
    sasl: int
    """Where a mail server asks whether a password is right."""
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        self.process = subprocess.Popen([binary(), "-F", "-c", str(self.folder / "conf")], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                if connection.recv(4) == b"* OK":
                    return
            time.sleep(0.05)
        log = self.folder / "log"
        pytest.fail(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None

    def put(self, body: bytes) -> None:
        """Deliver a mail into INBOX."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            client.login(ADDRESS, "secret")
            assert client.append("INBOX", "", imaplib.Time2Internaldate(time.time()), body)[0] == "OK"

    def unread(self) -> int:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            client.login(ADDRESS, "secret")
            client.select("INBOX", readonly=True)
            return len(client.search(None, "UNSEEN")[1][0].split())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def configured(folder: Path, certificate: Path | None = None) -> Dovecot:
    """Any user has a mailbox there, under the password "secret"; with a `certificate` (and its key) nobody signs in in clear."""
    port, sasl = free_port(), free_port()
    root = os.getuid() == 0
    me = pwd.getpwuid(os.getuid()).pw_name
    owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    (folder / "mail").mkdir(exist_ok=True)
    if root:
        folder.chmod(0o755)
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    users = {"internal": "dovecot", "internal_group": "dovecot", "login": "dovenull"} if root else {
        "internal": me, "internal_group": grp.getgrgid(owner.pw_gid).gr_name, "login": me,
    }  # fmt: skip
    encryption = f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{certificate}" if certificate else "ssl = no"
    (folder / "conf").write_text(
        CONFIGURATION.format(
            folder=folder, port=port, sasl=sasl, uid=owner.pw_uid, gid=owner.pw_gid, encryption=encryption, **users
        )
    )
    return Dovecot(folder, port, sasl)


@contextmanager
def short_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dc") as name:  # sockets inside need a short path
        yield Path(name)
