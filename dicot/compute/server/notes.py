"""What Dicot keeps of a server in annotations of its VirtualMachine.

Whoever may edit the VM may edit these: what does not fit its form counts as not said, and nothing is authorised by
them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from ...cloud.kinds.kubevirt import Vm
from ...kube.deep import shallow
from ...names import DESCRIPTION, IMAGE, KEY_NAME, LOCK, METADATA, NAME, SERVER, TAGS, USER_ID, is_uuid
from ..facts import LONGEST_ALIKE, MOST_ALIKE
from ..parameters import LONGEST_TAG, LONGEST_VALUE, METADATA_KEY

T = TypeVar("T")
_KEY = re.compile(METADATA_KEY)
NO_USER = "0" * 32
"""The user of what kubectl made."""


class ServerNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/server``: fields that only Nova has. ``zone`` is the one that was asked for.

    ``deletes`` names the volumes, as the VirtualMachine does, that existed before it and are to go with it.
    """

    accessIPv4: str = ""
    accessIPv6: str = ""
    diskConfig: str = "MANUAL"
    zone: str | None = None
    hostname: str = ""
    hints: dict[str, Any] = {}
    launchIndex: int = 0
    deletes: tuple[str, ...] = ()


class ImageNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/image``: the image's id, and its properties as they were."""

    id: str = ""
    properties: dict[str, str] = {}


class LockNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/lock``: who locked it, and why."""

    by: str = ""
    reason: str | None = None


def noted(vm: Vm, key: str, form: type[T], otherwise: T) -> T:
    """An annotation's JSON in a form."""
    return _read(vm.metadata.annotations, key, form, otherwise)


def _read(annotations: Mapping[str, str], key: str, form: type[T], otherwise: T) -> T:
    text = annotations.get(key)
    if not text:
        return otherwise
    try:
        return shallow(text, form)
    except msgspec.MsgspecError:
        return otherwise


def as_note(value: object) -> str:
    """A value as an annotation's text."""
    return msgspec.json.encode(value).decode()


def server_note(vm: Vm) -> ServerNote:
    """The fields that only Nova has."""
    return note_in(vm.metadata.annotations)


def note_in(annotations: Mapping[str, str]) -> ServerNote:
    """The same of annotations that no VM may have yet."""
    return _read(annotations, SERVER, ServerNote, ServerNote())


def image_note(vm: Vm) -> ImageNote:
    """The image it was made of; without an id where none is known."""
    text = vm.metadata.annotations.get(IMAGE, "")
    return _known_image(text) if len(text) <= LONGEST_ALIKE else _image(text)


def _image(text: str) -> ImageNote:
    found = _read({IMAGE: text}, IMAGE, ImageNote, ImageNote())
    return found if is_uuid(found.id) else ImageNote()


_known_image = lru_cache(MOST_ALIKE)(_image)


def lock_note(vm: Vm) -> LockNote | None:
    """The lock, None where there is none; one that cannot be read still locks."""
    return noted(vm, LOCK, LockNote, LockNote()) if LOCK in vm.metadata.annotations else None


def display_name(vm: Vm) -> str:
    """Nova's name; that of the object where kubectl made it."""
    return vm.metadata.annotations.get(NAME) or vm.metadata.name


def description(vm: Vm) -> str | None:
    """The description, None where there is none."""
    return vm.metadata.annotations.get(DESCRIPTION)


def metadata(vm: Vm) -> dict[str, str]:
    """The server's metadata."""
    found = noted(vm, METADATA, dict[str, str], {})
    return {key: value for key, value in found.items() if _KEY.search(key) and len(value) <= LONGEST_VALUE}


def tags(vm: Vm) -> list[str]:
    """The server's tags."""
    found = dict.fromkeys(noted(vm, TAGS, list[str], []))
    return [tag for tag in found if 0 < len(tag) <= LONGEST_TAG and "," not in tag and "/" not in tag]


def key_name(vm: Vm) -> str | None:
    """The name of the keypair it was made with."""
    return vm.metadata.annotations.get(KEY_NAME)


def user_id(vm: Vm) -> str:
    """Who made it, as far as is known."""
    return vm.metadata.annotations.get(USER_ID) or NO_USER


def hostname(vm: Vm, note: ServerNote | None = None) -> str:
    """The guest's host name: KubeVirt's own default is the name of the VM. ``note`` is its note where it was read."""
    return (note or server_note(vm)).hostname or vm.spec.template.spec.hostname or vm.metadata.name


def has_config_drive(vm: Vm) -> bool:
    """Whether a drive with user data, keys and metadata is attached."""
    return any(volume.cloudInitConfigDrive is not None for volume in vm.spec.template.spec.volumes)
