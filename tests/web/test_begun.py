from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.web.begun import begun


class BegunTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.seen: list[object] = []

    async def work(self, *waits: Deferred[Any]) -> None:
        """Waits for each in turn, and tells what came of it."""
        for wait in waits:
            try:
                self.seen.append(await wait)
            except (KeyError, CancelledError) as error:
                self.seen.append(type(error))

    async def broken(self, wait: Deferred[Any] | None = None) -> None:
        if wait is not None:
            await wait
        raise KeyError("a")

    def test_what_need_not_wait_costs_no_deferred(self) -> None:
        ready: Deferred[int] = Deferred()
        ready.callback(1)
        self.assertIsNone(begun(self.work(ready)))
        self.assertEqual(self.seen, [1])

    def test_what_waits_goes_on(self) -> None:
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        waiting = begun(self.work(first, second))
        assert waiting is not None
        first.callback(1)
        self.assertNoResult(waiting)
        second.callback(2)
        self.assertIsNone(self.successResultOf(waiting))
        self.assertEqual(self.seen, [1, 2])

    def test_a_failure_is_raised_where_it_is_waited_for(self) -> None:
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        waiting = begun(self.work(first, second))
        assert waiting is not None
        first.errback(KeyError("a"))
        second.callback(2)
        self.successResultOf(waiting)
        self.assertEqual(self.seen, [KeyError, 2])

    def test_what_is_raised_at_once(self) -> None:
        self.assertRaises(KeyError, begun, self.broken())

    def test_what_is_raised_later(self) -> None:
        first: Deferred[int] = Deferred()
        waiting = begun(self.broken(first))
        assert waiting is not None
        first.callback(1)
        self.failureResultOf(waiting, KeyError)

    def test_to_cancel_is_to_cancel_what_is_waited_for(self) -> None:
        cancelled: list[object] = []
        waiting = begun(self.work(Deferred(cancelled.append)))
        assert waiting is not None
        waiting.cancel()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.seen, [CancelledError])
