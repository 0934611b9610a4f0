"""Servers whose requests carry images: a body goes into a file at once, whatever its length."""

import tempfile
from pathlib import Path
from typing import Any

from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site


class Spooled(Request):
    """A request whose body is a file of its own."""

    def gotLength(self, length: int | None) -> None:
        """See twisted.web.http.Request."""
        channel: Any = self.channel
        self.content = tempfile.NamedTemporaryFile(dir=channel.site.folder, prefix=".upload-")  # noqa: SIM115


class _Channel(HTTPChannel):
    # An upload takes as long as it takes.
    timeOut = None


class SpoolSite(Site):
    """A server that keeps bodies in ``folder`` until they are answered."""

    protocol = _Channel  # type: ignore[assignment]
    noisy = False

    def __init__(self, resource: IResource, folder: Path) -> None:
        self.folder = folder
        super().__init__(resource, Spooled, parsePOSTFormSubmission=False)

    def log(self, request: Any) -> None:
        """See HTTPFactory."""
