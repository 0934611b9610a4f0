"""The folder in which this user's tests keep what they have built or installed, and its locks."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where it is, by the XDG base directory rules."""
    root = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "dicot"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, so that of two who make the same one waits and then finds it done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
