"""Real clients, and Nova to ask, each in a virtual environment of its own in the user's cache: never dependencies."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.cache import cache_folder, locked

CLIENTS = {
    "openstack": ("python-openstackclient==10.5.0", "openstacksdk==4.22.0"),
    "functional": (
        *("python-openstackclient==10.5.0", "openstacksdk==4.22.0", "tempest==47.0.0"),
        *("oslotest==6.1.1", "requests-mock==1.12.1", "ddt==1.7.2"),
    ),
    "nova": ("nova==34.0.0", "tempest==47.0.0"),
    "bench": (
        *("aiohttp==3.14.5", "fastapi==0.165.0", "uvicorn==0.54.0", "httptools==0.9.0", "uvloop==0.23.0"),
        "py-spy==0.4.3",
    ),
}


def client(name: str) -> Path:
    """The folder of a client's programs, installed where it is not yet."""
    packages = CLIENTS[name]
    key = hashlib.sha256("\n".join((*packages, sys.version)).encode()).hexdigest()[:16]
    place = cache_folder() / "clients" / f"{name}-{key}"
    with locked(place.with_suffix(".lock")):
        if not (place / ".ready").exists():
            shutil.rmtree(place, ignore_errors=True)
            print(f"installing {', '.join(packages)}", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            # Isolated, or pip would see Dicot by PYTHONPATH, and say what that lacks in there.
            pip = [str(place / "bin" / "python"), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", *packages], check=True)
            (place / ".ready").touch()
    return place / "bin"


if __name__ == "__main__":
    print(client(sys.argv[1] if len(sys.argv) > 1 else "openstack"))
