"""Kubeconfig files, read and merged as kubectl does (k8s.io/client-go tools/clientcmd)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LISTS = ("clusters", "contexts", "users")


@dataclass(frozen=True, slots=True)
class Named:
    """An entry of one of the lists, without its name. ``path`` is the file that says it."""

    body: Mapping[str, Any]
    path: str

    def beside(self, path: str) -> str:
        """A path of the entry: a relative one is relative to the file."""
        return str(Path(self.path).absolute().parent / Path(path).expanduser())


class Kubeconfig:
    """Several files as one: of what several of them say, the first counts."""

    def __init__(self) -> None:
        self.current = ""
        self._entries: dict[tuple[str, str], Named] = {}

    def add(self, told: Mapping[str, Any], path: str) -> None:
        """Merge a file. Raises KeyError, TypeError or AttributeError where it is none."""
        self.current = self.current or told.get("current-context") or ""
        for kind in LISTS:
            for entry in told.get(kind) or ():
                body = entry.get(kind[:-1]) or {}
                self._entries.setdefault((kind, entry["name"]), Named(body, path))

    def one(self, kind: str, name: str) -> Named:
        """An entry by name. Raises ValueError where there is none."""
        found = self._entries.get((kind, name))
        if found is None:
            raise ValueError(f"{kind}: there is none of the name {name!r}")
        return found


def read(files: str) -> Kubeconfig | None:
    """The files, as in $KUBECONFIG; those that do not exist are passed over. None where none of them does.

    Raises OSError, yaml.YAMLError, and as ``Kubeconfig.add`` does.
    """
    found = [path for name in files.split(os.pathsep) if name and (path := Path(name).expanduser()).exists()]
    merged = Kubeconfig()
    for path in found:
        merged.add(yaml.safe_load(path.read_text()), str(path))
    return merged if found else None
