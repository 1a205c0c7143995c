"""The demo: the real bridge beside the sandboxes of all its platforms, on loopback, with a page to try it."""
