"""The contract between the core and the platforms: adapters (`adapter`), sandboxes (`sandbox`), their front door (`manifest`)."""

from bridge.contract.adapter import (
    Absent,
    Adapter,
    Attempt,
    Capabilities,
    Checked,
    Context,
    Excerpt,
    Finding,
    Found,
    Inbox,
    Level,
    Limits,
    Part,
    Thread,
    Unknown,
)
from bridge.contract.manifest import Manifest
from bridge.contract.sandbox import Act, Emitted, Fault, Sandbox, Standing

__all__ = [
    "Absent",
    "Act",
    "Adapter",
    "Attempt",
    "Capabilities",
    "Checked",
    "Context",
    "Emitted",
    "Excerpt",
    "Fault",
    "Finding",
    "Found",
    "Inbox",
    "Level",
    "Limits",
    "Manifest",
    "Part",
    "Sandbox",
    "Standing",
    "Thread",
    "Unknown",
]
