"""When a connection to a mail server counts as safe."""

from __future__ import annotations

import ssl


class NoEncryption(Exception):
    """The server offers no encryption, and a password would travel in clear."""


def tls_context(*, loopback: bool) -> ssl.SSLContext:
    """Certificates are checked, except on this machine itself, where nobody stands between."""
    context = ssl.create_default_context()
    if loopback:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def allow_clear(*, loopback: bool) -> None:
    """Let a password travel unencrypted, on this machine only. Raises `NoEncryption` elsewhere."""
    if not loopback:
        raise NoEncryption
