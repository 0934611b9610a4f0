"""Runs Python programs one after the other or side by side, each a process of its own that need not import anew.

    python forks.py LISTENER PROGRAM IMPORTED...

As that program would, it imports once the modules that are given as ``module=NAME``, and what the entry points of all
groups name whose names begin so (``console_scripts:openstack`` is one of a group). They may name Twisted's reactor,
but not use it: each fork has its own. Then it accepts connections of a listening socket, given as a descriptor.

A connection is for one run: its first line says as JSON what to run, the answers are the process id and the exit code
(negative: the signal that ended it), and whoever breaks off kills the program. The program runs in a fork of this
process as if its interpreter had just started: with arguments, environment, folder and files of its own, and with
nothing of those that ran before.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib.metadata import distributions
from types import ModuleType
from typing import Any

PR_SET_PDEATHSIG = 1
MODULE = "module="
REACTOR = "twisted.internet.reactor"


class NoReactor(ModuleType):
    """Stands where the reactor is not yet: what only names it when it is imported, as Klein does, may."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} is asked of a reactor that all forks would have, with the same descriptors")


def main(listener: str, program: str, *imported: str) -> None:
    """Forks for each connection, and never touches what a command says: what a fork does is its own."""
    # Modules may keep the program's name, and stevedore's cache has the path in its key.
    begin([program])
    sys.modules[REACTOR] = NoReactor(REACTOR)
    groups = tuple(name for name in imported if not name.startswith(MODULE))
    for name in imported:
        if name not in groups:
            importlib.import_module(name.removeprefix(MODULE))
    for entry in (each for found in distributions() for each in found.entry_points):
        if f"{entry.group}:{entry.name}".startswith(groups):
            # Plug-ins of which something is not installed fail in many ways. The programs say what they think of it.
            with suppress(Exception):
                entry.load()
    del sys.modules[REACTOR]
    # What is there now is never freed: no fork shall copy it by looking at it.
    gc.collect()
    gc.freeze()
    become(accepted(socket.socket(fileno=int(listener))))


def accepted(listener: socket.socket) -> dict[str, Any]:
    """Returns only in the process that shall become a program."""
    # Nobody waits for the watchers.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return watched(connection)
        connection.close()


def watched(connection: socket.socket) -> dict[str, Any]:
    """The process of one connection: tells how its program ends, and ends it when the other side is gone."""
    with connection.makefile() as lines:
        line = lines.readline()
    if not line:
        os._exit(1)
    watcher = os.getpid()
    pid = os.fork()
    if pid == 0:
        connection.close()
        tie(watcher)
        command: dict[str, Any] = json.loads(line)
        return command
    connection.sendall(b"%d\n" % pid)
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def tie(parent: int) -> None:
    """This process shall not outlive that one."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def become(command: dict[str, Any]) -> None:
    """Run the program to its end, with what its interpreter would have set up for it."""
    os.chdir(command["folder"])
    for descriptor, path in enumerate(command["outputs"], 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(command["environment"])
    begin(command["arguments"])
    runpy.run_path(sys.argv[0], run_name="__main__")


def begin(arguments: list[str]) -> None:
    """What an interpreter knows of its program before it runs."""
    sys.argv = arguments
    sys.path[0] = os.path.dirname(arguments[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
