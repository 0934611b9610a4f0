"""Programs that Debian has."""

import os
import shutil
import subprocess

from tests.cluster.cache import cache_folder, locked

_FOLDERS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
_INSTALL = ("install", "-qq", "-y", "--no-install-recommends")


def program(name: str) -> str:
    """A program's path, "" where there is none. Where it is missing and we are root, its package is installed, which
    has the same name."""
    with locked(cache_folder() / "debian.lock"):
        found = shutil.which(name, path=_FOLDERS)
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            # At run level 1 Debian's scripts start no service.
            surroundings = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
            for step in (("update", "-qq"), (*_INSTALL, name)):
                subprocess.run(["apt-get", *step], env=surroundings, stdout=subprocess.DEVNULL, check=False)
            found = shutil.which(name, path=_FOLDERS)
    return found or ""
