"""viabridge: one conversation, kept in several tools. The core; it knows no platform by name."""

__version__ = "0.1.0"
