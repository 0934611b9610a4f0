"""Runs functional tests that the wheels of openstackclient and openstacksdk carry: each outcome is a line of JSON.

    python commands.py TEST...
    python commands.py --list PACKAGE...

openstackclient's tests run commands. Here each is a fork of this process, which has imported already what
``openstack`` imports; it sees the arguments and the environment that the command would see, and where clouds.yaml is.
"""

import os
import shlex
import sys
import tempfile
from typing import Any

import outcomes  # type: ignore[import-not-found]
from openstackclient import shell  # type: ignore[import-not-found]
from openstackclient.tests.functional import base  # type: ignore[import-not-found]
from tempest.lib import exceptions  # type: ignore[import-not-found]

CLOUDS = "OS_CLIENT_CONFIG_FILE"
PLACE = os.environ.get(CLOUDS, "")


def execute(command: str, *, fail_ok: bool = False) -> str:
    """What a command prints. Raises CommandFailed for any exit code but 0, unless it may fail."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        pid = os.fork()
        if pid == 0:
            os._exit(carried_out(shlex.split(command), output, errors))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said, complained = read(output), read(errors)
    if code and not fail_ok:
        raise exceptions.CommandFailed(code, command, said, complained)
    return said


def carried_out(words: list[str], output: Any, errors: Any) -> int:
    """The exit code of ``openstack``, in a process of its own."""
    for number, file in ((1, output), (2, errors)):
        os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    for name in [name for name in os.environ if name.startswith("OS_")]:
        del os.environ[name]
    os.environ[CLOUDS] = PLACE
    sys.argv = words
    try:
        code = shell.main(words[1:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


def read(file: Any) -> str:
    """All of a file that another process has written."""
    file.seek(0)
    text: str = file.read()
    return text


if __name__ == "__main__":
    base.execute = execute
    outcomes.main(sys.argv[1:])
