"""Coroutines that mostly have to wait for nothing: those cost no Deferred."""

import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def begun(work: Coroutine[Deferred[Any], Any, None]) -> Deferred[None] | None:
    """Runs a coroutine until it ends (None) or waits; it goes on as ``Deferred.fromCoroutine`` would let it then.

    What it raises at once is raised here.
    """
    try:
        waiting = work.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_rest(work, waiting))


@types.coroutine
def _rest(work: Coroutine[Deferred[Any], Any, T], waiting: Deferred[Any]) -> Generator[Deferred[Any], Any, T]:
    """What is left of a coroutine that waits."""
    try:
        while True:
            try:
                result = yield waiting
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:
                waiting = work.throw(error)
            else:
                waiting = work.send(result)
    except StopIteration as end:
        found: T = end.value
        return found
