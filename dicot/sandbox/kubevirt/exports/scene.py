"""What virt-controller looks at when it gives volumes back."""

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ...certificates import Authority
from ...steps import Step
from ..machines.objects import meta
from .names import volume_name

_LETTERS = string.digits + string.ascii_letters
_LENGTH = 20
Condition = tuple[str, str, str, str]
"""Type, status, reason and message."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A claim that is given back; whether it holds an image, and not files of any kind."""

    claim: Manifest
    is_image: bool

    @property
    def name(self) -> str:
        """What it is called in the Pod."""
        return volume_name(meta(self.claim)["name"])

    @property
    def is_device(self) -> bool:
        """Whether it is no file system."""
        return bool(self.claim["spec"].get("volumeMode") == "Block")

    @property
    def path(self) -> str:
        """Where the Pod has it."""
        return f"/dev/export-volumes/{self.name}" if self.is_device else f"/export-volumes/{self.name}"

    @property
    def formats(self) -> tuple[tuple[str, str, str], ...]:
        """How it is given back: format, end of the setting that says so, and path."""
        at = f"/volumes/{meta(self.claim)['name']}"
        if self.is_image:
            return ("raw", "RAW", f"{at}/disk.img"), ("gzip", "RAW_GZIP", f"{at}/disk.img.gz")
        return ("dir", "DIR", f"{at}/dir/"), ("tar.gz", "ARCHIVE", f"{at}/disk.tar.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """What an export is of. ``why`` it cannot be given back (reason and message), ``shown`` a condition of it,
    ``machine`` the name that the status says, ``again`` when to look again where nothing tells of a change, ``steps``
    what is to be made first."""

    volumes: Sequence[Volume] = ()
    in_use: bool = False
    populated: bool = False
    why: tuple[str, str] = ("Initializing", "")
    shown: Condition | None = None
    machine: str | None = None
    skipped: bool = False
    again: float | None = None
    steps: Sequence[Step] = ()

    @property
    def is_there(self) -> bool:
        """Whether its volumes may be read."""
        return self.populated and not self.in_use

    @property
    def is_given(self) -> bool:
        """Whether there is something to give back now."""
        return self.is_there and bool(self.volumes)


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs the certificates of exports, and where new tokens come from."""

    authority: Authority
    new_token: Callable[[], str]

    @classmethod
    def by(cls, authority: Authority) -> "Signing":
        """With tokens that nobody can guess (GenerateVMExportToken)."""
        return cls(authority, lambda: "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))


@dataclass(frozen=True)
class Exporting:
    """A VirtualMachineExport and what belongs to it. ``source``: None where it cannot be told yet. ``described`` is
    the ConfigMap that tells of the machine, None where there is none. ``now``: seconds since 1970."""

    export: Manifest
    source: Source | None
    service: Manifest | None
    pod: Manifest | None
    described: Manifest | None
    signing: Signing
    now: float
