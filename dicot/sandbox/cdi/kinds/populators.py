"""What claims may name as the source of their content, and what CDI's populators keep of it."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta

from ..names import GROUP, VERSION
from .volumes import VolumeSource

IMPORT, UPLOAD = "VolumeImportSource", "VolumeUploadSource"


class FillSpec(msgspec.Struct, frozen=True):
    """The spec of a source; ``targetClaim`` is the one claim that it is for."""

    source: VolumeSource | None = None
    contentType: str = ""
    preallocation: bool | None = None
    targetClaim: str | None = None


class Filling(msgspec.Struct, frozen=True):
    """A VolumeImportSource or VolumeUploadSource."""

    metadata: Meta
    spec: FillSpec = FillSpec()


def _kind(plural: str) -> Kind[Any]:
    return Kind(GROUP, VERSION, plural, plural.removesuffix("s"), Filling, optional=True)


IMPORT_SOURCES, UPLOAD_SOURCES = _kind("volumeimportsources"), _kind("volumeuploadsources")
