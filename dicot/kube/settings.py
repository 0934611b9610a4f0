"""What the ``kubernetes`` package reads of kubeconfigs and of Pods, read in a process of its own.

The package, with all that it imports, takes 18 MB and 0.3 s, and nobody needs it again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Reading = Callable[[Mapping[str, Any]], bytes]
"""Answers a ``Wish``, decoded from JSON, by a ``Found`` or a ``Problem`` in JSON."""
_LONGEST = 60.0
"""Seconds after which the process is given up. A machine that starts many programs at once is slow."""
_PROGRAM = "import sys; sys.path[:] = {path!r}; from dicot.kube.settings import main; main()"


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """Either ``files``, kubeconfigs as KUBECONFIG names them, and a context in them, or what a Pod has."""

    files: str = ""
    context: str = ""
    token_file: str = ""
    authority_file: str = ""
    environ: dict[str, str] = {}


class Entry(msgspec.Struct, frozen=True):
    """A cluster or a user of a kubeconfig, and the file that says it."""

    content: dict[str, Any] = {}
    path: str = ""


class Found(msgspec.Struct, frozen=True, tag=True):
    """The cluster and the user of a context; of a Pod the ``host`` alone."""

    cluster: Entry = Entry()
    user: Entry = Entry()
    host: str = ""


class Problem(msgspec.Struct, frozen=True, tag=True):
    """Why nothing was found."""

    text: str


class Unreadable(Exception):
    """There is nothing, or it is not as it should be."""


def found(wish: Wish, reading: Reading) -> Found:
    """What is asked for. Raises Unreadable."""
    answer = msgspec.json.decode(reading(msgspec.to_builtins(wish)), type=Found | Problem)
    if isinstance(answer, Problem):
        raise Unreadable(answer.text)
    return answer


def apart(wish: Mapping[str, Any]) -> bytes:
    """Reads in a process of its own, with the same modules to choose from."""
    command = [sys.executable, "-c", _PROGRAM.format(path=sys.path)]
    try:
        done = subprocess.run(command, input=json.dumps(wish).encode(), capture_output=True, timeout=_LONGEST)
    except (OSError, subprocess.TimeoutExpired) as reason:
        return msgspec.json.encode(Problem(f"it could not be read: {reason}"))
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return msgspec.json.encode(Problem(f"it could not be read: {lines[-1] if lines else done.returncode}"))
    return done.stdout


def here(wish: Mapping[str, Any]) -> bytes:
    """Reads in this process."""
    import yaml
    from kubernetes.config import ConfigException

    asked = msgspec.convert(wish, Wish)
    unfit = (ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError)
    try:
        return msgspec.json.encode(_kubeconfig(asked) if asked.files else _pod(asked))
    except unfit as reason:
        return msgspec.json.encode(Problem(str(reason)))


def main() -> None:
    """The process: a wish comes in, an answer goes out."""
    sys.stdout.buffer.write(here(json.load(sys.stdin)))


def _pod(wish: Wish) -> Found:
    from kubernetes.client import Configuration
    from kubernetes.config.incluster_config import InClusterConfigLoader

    settings = Configuration()
    loader = InClusterConfigLoader(wish.token_file, wish.authority_file, environ=wish.environ)
    loader.load_and_set(settings)
    return Found(host=settings.host)


def _kubeconfig(wish: Wish) -> Found:
    """The entries of a context of the merged kubeconfigs."""
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger

    merged = KubeConfigMerger(wish.files).config
    if merged is None:
        raise ConfigException("no such kubeconfig")
    chosen = merged["contexts"].get_with_name(wish.context or merged["current-context"])["context"]
    cluster = merged["clusters"].get_with_name(chosen["cluster"])
    named = chosen.safe_get("user")
    if not named:
        return Found(Entry(cluster["cluster"].value, cluster.path or ""))
    user = merged["users"].get_with_name(named)
    return Found(
        Entry(cluster["cluster"].value, cluster.path or ""), Entry(user["user"].value or {}, user.path or "")
    )
