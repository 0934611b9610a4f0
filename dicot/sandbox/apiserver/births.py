"""What built-in objects have from the start (kubernetes, pkg/registry, PrepareForCreate of each strategy.go)."""

from base64 import b64encode
from collections.abc import Callable, Mapping

from dicot.kube.kind import Manifest

from .resource import Resource


def at_birth(resource: Resource, made: Manifest) -> None:
    """Give a new object what its kind has, in place."""
    change = _BIRTHS.get((resource.group, resource.plural))
    if change is not None and not resource.custom:
        change(made)


def _namespace(made: Manifest) -> None:
    made["status"] = {"phase": "Active"}


def _pending(made: Manifest) -> None:
    made["status"] = {"phase": "Pending"}


def _secret(made: Manifest) -> None:
    made.setdefault("type", "Opaque")
    plain = made.pop("stringData", None)
    if plain:
        data = made.setdefault("data", {})
        data.update({name: b64encode(text.encode()).decode() for name, text in plain.items()})


_BIRTHS: Mapping[tuple[str, str], Callable[[Manifest], None]] = {
    ("", "namespaces"): _namespace,
    ("", "persistentvolumeclaims"): _pending,
    ("", "persistentvolumes"): _pending,
    ("", "secrets"): _secret,
}
