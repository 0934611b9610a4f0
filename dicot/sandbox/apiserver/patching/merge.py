"""JSON merge patches (RFC 7386)."""

from typing import Any

from dicot.kube.kind import Manifest


def merged(document: Any, patch: Any) -> Any:
    """The document patched; the patch may be held on to. Nulls of members that are new are left out."""
    if not isinstance(patch, dict):
        return patch
    found: Manifest = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found
