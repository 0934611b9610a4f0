"""Storage classes, their profiles and CDI's configuration, and what its controllers keep of them."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta

from ..names import CONFIG, CONFIG_AUTHORITY, GROUP, VERSION
from .parts import ALL, Condition, Resources


class StorageClass(msgspec.Struct, frozen=True):
    """A StorageClass."""

    metadata: Meta
    provisioner: str = ""


class ClaimProperties(msgspec.Struct, frozen=True):
    """How claims of a class may be."""

    accessModes: tuple[str, ...] = ()
    volumeMode: str | None = None


class ProfileSpec(msgspec.Struct, frozen=True):
    """What an administrator says about a class."""

    snapshotClass: str | None = None
    claimPropertySets: tuple[ClaimProperties, ...] = ()
    cloneStrategy: str | None = None
    dataImportCronSourceFormat: str | None = None


class ProfileStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for a class."""

    storageClass: str = ""
    provisioner: str = ""
    cloneStrategy: str = ""
    dataImportCronSourceFormat: str = ""
    snapshotClass: str = ""
    claimPropertySets: tuple[ClaimProperties, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """A StorageProfile."""

    metadata: Meta
    spec: ProfileSpec = ProfileSpec()
    status: ProfileStatus = ProfileStatus()


class Overhead(msgspec.Struct, frozen=True):
    """Which part of a file system its own records take."""

    # "global" is a word of Python's own.
    globally: str = msgspec.field(default="", name="global")
    storageClass: dict[str, str] = {}


class ConfigSpec(msgspec.Struct, frozen=True):
    """What is kept of a CDIConfig's spec."""

    filesystemOverhead: Overhead | None = None
    podResourceRequirements: Resources = Resources()
    preallocation: bool = False
    uploadProxyURLOverride: str | None = None


class CdiSpec(msgspec.Struct, frozen=True):
    """What is kept of the spec of CDI's own object: what the spec of its configuration shall be."""

    config: dict[str, Any] = {}


class Cdi(msgspec.Struct, frozen=True):
    """CDI's own object."""

    metadata: Meta
    spec: CdiSpec = CdiSpec()


class ConfigStatus(msgspec.Struct, frozen=True):
    """What is kept of a CDIConfig's status."""

    filesystemOverhead: Overhead | None = None
    defaultPodResourceRequirements: Resources | None = None
    preallocation: bool = False
    uploadProxyURL: str | None = None


class Config(msgspec.Struct, frozen=True):
    """The CDIConfig."""

    metadata: Meta
    spec: dict[str, Any] = {}
    status: ConfigStatus = ConfigStatus()

    @property
    def asked(self) -> ConfigSpec:
        """What counts of its spec."""
        return msgspec.convert(self.spec, ConfigSpec)


CLASSES = Kind(
    "storage.k8s.io", "v1", "storageclasses", "storageclass", StorageClass, namespaced=False, annotations=ALL
)
PROFILES = Kind(GROUP, VERSION, "storageprofiles", "storageprofile", Profile, namespaced=False, annotations=ALL)
CONFIGS = Kind(GROUP, VERSION, "cdiconfigs", "cdiconfig", Config, namespaced=False, name=CONFIG)
CDIS = Kind(GROUP, VERSION, "cdis", "cdi", Cdi, namespaced=False, annotations=frozenset({CONFIG_AUTHORITY}))
