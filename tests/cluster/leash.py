"""Runs a program that cannot outlive whoever started it, not even when that one is killed with -9.

    python leash.py PARENT SECONDS PROGRAM ARGUMENT...

The kernel kills the program when PARENT, a process id, is gone. The program gets a session of its own, so that a
Ctrl-C reaches its starter alone, which then ends it. It rests for SECONDS before it begins.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, seconds, program, *rest = arguments
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"cannot tie {program} to its parent")
    if os.getppid() != int(parent):
        # The parent went before the tie was made, and nobody would ever send the signal.
        sys.exit(f"the parent of {program} is gone")
    os.setsid()
    time.sleep(float(seconds))
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
