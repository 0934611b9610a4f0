"""How long tests take: ``DICOT_LONG`` asks them to try more of what they try."""

import os

IS_LONG = bool(os.environ.get("DICOT_LONG"))
TIMEOUT = 36_000.0 if IS_LONG else 2400.0
"""Seconds after which whatever still runs is ended, so that one that hangs is told of. The first that needs a cluster
may have to build its programs."""
