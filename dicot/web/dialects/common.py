"""What the services say alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...faults import Fault, NotFound
from ..dialect import UNVERSIONED, Version, Words
from . import envelopes


@dataclass(frozen=True, slots=True)
class Common:
    """A service without versions; each fills in its name, its words and its ``envelope``."""

    service: ClassVar[str]
    words: ClassVar[Words]
    id_headers: ClassVar[tuple[str, ...]] = ("x-openstack-request-id",)

    public_url: str

    @property
    def challenge(self) -> str:
        return envelopes.challenge(self.public_url)

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        return UNVERSIONED

    def stamp(self, version: Version) -> Mapping[str, str]:
        return {}

    def unversioned(self, version: Version) -> Fault:
        return NotFound(self.words.missing)
