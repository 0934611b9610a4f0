"""The one place that decodes and encodes: a Klein application whose routes share identity, versions and errors."""

from .call import Gate
from .dialect import Dialect


class Api:
    """The routes of one service (fulfils ``call.Routes``), and the resource that is mounted at its prefix."""

    def __init__(self, dialect: Dialect, gate: Gate) -> None: ...
