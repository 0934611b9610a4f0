"""Python reads this first where its folder is on the path: a process that is sent SIGUSR2 collects all its garbage.

A full collection comes by itself only when a quarter more is kept than at the last one, so none would be seen in a
short time; what it costs is known by asking for it.
"""

import gc
import signal

signal.signal(signal.SIGUSR2, lambda number, frame: gc.collect() and None)
