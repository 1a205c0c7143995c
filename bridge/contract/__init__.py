"""The contract between the core and the platforms: adapters (`adapter`), sandboxes (`sandbox`), their front door (`manifest`)."""

from bridge.contract.adapter import (
    Absent,
    Adapter,
    Attempt,
    Bundler,
    Capabilities,
    Checked,
    Context,
    Excerpt,
    File,
    Finding,
    Found,
    Item,
    Level,
    Limits,
    Part,
    Thread,
    Unknown,
)
from bridge.contract.inbox import Inbox, Taker
from bridge.contract.limits import FileLimits
from bridge.contract.manifest import Manifest
from bridge.contract.offers import Commands, Directory, Follower, History, Page, People, Seen
from bridge.contract.sandbox import Act, Emitted, Fault, Sandbox, Standing

__all__ = [
    "Absent",
    "Act",
    "Adapter",
    "Attempt",
    "Bundler",
    "Capabilities",
    "Checked",
    "Commands",
    "Context",
    "Directory",
    "Emitted",
    "Excerpt",
    "Fault",
    "File",
    "FileLimits",
    "Finding",
    "Follower",
    "Found",
    "History",
    "Inbox",
    "Item",
    "Level",
    "Limits",
    "Manifest",
    "Page",
    "Part",
    "People",
    "Sandbox",
    "Seen",
    "Standing",
    "Taker",
    "Thread",
    "Unknown",
]
