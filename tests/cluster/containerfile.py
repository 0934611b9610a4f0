"""The steps of a Containerfile, done without a container engine: in folders that debootstrap has made."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SUITE = "bookworm"
HOST = Path("/var/tmp/host")
"""In a root: files of this machine by which pip reaches its registry."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOUNT = "mount --no-mtab"
"""Nothing of it is written down under this machine's /run."""
DEVICES = f"{MOUNT} --rbind /dev {{0}}/dev && {MOUNT} -t proc proc {{0}}/proc"
WRITABLE = ("tmp",)


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction and what it is given."""

    word: str
    text: str


@dataclass
class Image:
    """What comes of the steps: a root, who runs in it, and what."""

    root: Path
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    """The instructions of a Containerfile, lines put together that belong together."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [Step(*line.split(maxsplit=1)) for line in whole]


def inside(root: Path, path: str) -> Path:
    """Where a root has a path. Raises ValueError for one that a link is part of: it would lead out, to this machine's
    own files, as ``/var/run`` does."""
    place = root
    for part in Path(os.path.normpath(f"/{path}")).parts[1:]:
        place = place / part
        if place.is_symlink():
            raise ValueError(f"{place} is a link to {place.readlink()}")
    return place


def remove(folder: Path) -> None:
    """Deletes roots. Raises RuntimeError where something is mounted in one: that would be emptied, not unmounted."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    if found := [place for place in mounted if Path(place).is_relative_to(folder.resolve())]:
        raise RuntimeError(f"left because of what is mounted in it: {', '.join(found)}")
    shutil.rmtree(folder)


class Builder:
    """Does the steps of a file. Every stage begins as a copy of one fresh root."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._fresh = folder / "fresh"
        self._stages: dict[str, Path] = {}

    def build(self, text: str) -> Image:
        """The last stage. Raises CalledProcessError with what a step said."""
        # In a mount namespace of its own: what it mounts goes with it, whatever happens.
        _run(["unshare", "--mount", "debootstrap", "--variant=minbase", SUITE, str(self._fresh)])
        self._borrow()
        image = Image(self._fresh)
        for step in steps(text):
            match step.word:
                case "FROM":
                    image = self._from(step.text.split())
                case "RUN":
                    self._inside(image.root, step.text)
                case "COPY":
                    self._copy(image.root, step.text.split())
                case "USER":
                    image.user = step.text
                case "ENTRYPOINT":
                    image.entry = json.loads(step.text)
                case "CMD":
                    image.command = json.loads(step.text)
                case "EXPOSE":
                    pass
                case other:
                    raise NotImplementedError(other)
        return image

    def _from(self, words: Sequence[str]) -> Image:
        assert words[0].startswith("docker.io/library/debian:" + SUITE), words
        root = self._folder / f"stage-{len(self._stages)}"
        _run(["cp", "-a", str(self._fresh), str(root)])
        self._stages[words[2] if len(words) == 3 else ""] = root
        return Image(root)

    def _copy(self, root: Path, words: list[str]) -> None:
        """Files into a folder, or a folder's content to a folder."""
        source = self._source
        if words[0].startswith("--from="):
            source = self._stages[words.pop(0).partition("=")[2]]
        *names, target = words
        into = inside(root, target)
        (into if target.endswith("/") else into.parent).mkdir(parents=True, exist_ok=True)
        for name in names:
            given = inside(source, name)
            if given.is_dir():
                shutil.copytree(given, into, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(given, into)

    def _inside(self, root: Path, command: str) -> None:
        script = f"{DEVICES.format(shlex.quote(str(root)))} && exec chroot {shlex.quote(str(root))} /bin/sh -c {{}}"
        environment = {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive", **self._pip()}
        _run(["unshare", "--mount", "sh", "-c", script.format(shlex.quote(command))], environment)

    def _pip(self) -> Mapping[str, str]:
        """What this machine tells pip, its files being in the root."""
        told = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {name: str(HOST / Path(value).name) if Path(value).exists() else value for name, value in told.items()}

    def _borrow(self) -> None:
        host = inside(self._fresh, str(HOST))
        host.mkdir(parents=True)
        for name, value in os.environ.items():
            path = Path(value)
            if name.startswith("PIP_") and path.is_absolute() and path.exists():
                target = host / path.name
                shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
        resolver = self._fresh / "etc" / "resolv.conf"
        resolver.unlink(missing_ok=True)
        shutil.copy2("/etc/resolv.conf", resolver)


def launcher(image: Image, environment: Mapping[str, str], folder: Path) -> Path:
    """A program that runs the image: as its user, on a root that nobody can write to but for /tmp."""
    root = shlex.quote(str(image.root))
    words = " ".join(shlex.quote(word) for word in (*image.entry, *image.command))
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in {"PATH": PATH, **environment}.items())
    lines = (
        "#!/bin/sh -e",
        f"{MOUNT} --bind {root} {root}",
        f"{MOUNT} -t tmpfs tmpfs {root}/tmp",
        DEVICES.format(root),
        f"{MOUNT} -o remount,ro,bind {root}",
        f"exec env -i {given} chroot --userspec={image.user} {root} {words}",
    )
    script = folder / "run"
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    return script


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}\n{done.stdout[-4000:]}")
