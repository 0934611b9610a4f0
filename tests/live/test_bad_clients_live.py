"""Clients that send half of a request, or slowly, or leave before they hear the answer."""

from __future__ import annotations

import json

from twisted.internet import reactor

from tests.cluster.control import SOON
from tests.live.case import BASES, LiveCase, image_id, new_server
from tests.live.estate import survey
from tests.live.wire import by_password, drip, leave, side_by_side, speak

SERVERS = "/compute/v2.1/servers"
LIVE = "cirros-live"
USER_DATA = "I2Nsb3VkLWNvbmZpZwo="


class SlowTests(LiveCase):
    """A request must arrive within its time: 10 s for the head, and as long again for each 10 kB of the body."""

    async def test_half_a_request_and_one_byte_a_second(self) -> None:
        body = json.dumps(new_server("slow", "x")).encode()
        whole = self.demo.bytes_of("POST", SERVERS, body)
        head, _, _ = whole.partition(b"\r\n\r\n")
        chunked = self.demo.bytes_of("POST", SERVERS, headers={"Transfer-Encoding": "chunked"})
        began = reactor.seconds()
        answers = await side_by_side(
            speak(reactor, self.demo.url, whole[:-20]),
            speak(reactor, self.demo.url, head[:-20]),
            drip(reactor, self.demo.url, head + b"\r\n\r\n", body),
            drip(reactor, self.demo.url, head[:30], head[30:]),
            drip(reactor, self.demo.url, chunked, b"1\r\na\r\n" * 20),
        )
        self.assertLess(reactor.seconds() - began, 20)
        for answer in answers:
            self.refused("compute", answer, 408)
        listed = await self.demo.ask("GET", f"{SERVERS}?name=slow")
        self.assertEqual(listed.document, {"servers": []})


class LeavingTests(LiveCase):
    """A client that is gone: what it asked for is done wholly or not at all."""

    async def test_reads_and_logins(self) -> None:
        """They are given up without a word in the log."""
        passwords = self.daemon.ground.passwords
        login = json.dumps(by_password("demo", passwords["demo"], "demo")).encode()
        for data in (
            self.demo.bytes_of("GET", f"{SERVERS}/detail"),
            self.demo.bytes_of("GET", f"{BASES['compute']}/servers/00000000-0000-4000-8000-000000000001"),
            self.demo.bytes_of("POST", f"{BASES['identity']}/auth/tokens", login),
        ):
            await side_by_side(
                *(leave(reactor, self.demo.url, data, cut, 0.01) for cut in range(0, len(data) + 1, 40))
            )
            await side_by_side(
                *(leave(reactor, self.demo.url, data, len(data), rest) for rest in (0.0, 0.002, 0.005, 0.01, 0.02))
            )

    async def test_a_create_cut_at_any_byte(self) -> None:
        """Before its last byte it is no request: nothing is made."""
        image = await image_id(self.demo, LIVE)
        data = self.demo.bytes_of("POST", SERVERS, new_server("cut", image, user_data=USER_DATA))
        cuts = sorted({*range(0, len(data), 50), *range(len(data) - 5, len(data))})
        await side_by_side(*(leave(reactor, self.demo.url, data, cut, 0.05) for cut in cuts))
        answer = await self.demo.ask("GET", f"{SERVERS}?name=cut")
        self.assertEqual(answer.document, {"servers": []})
        self.assertEqual((await survey(self.cluster, "demo")).named("cut"), [])

    async def test_a_create_that_nobody_waits_for(self) -> None:
        """It goes on to its end: a server with all its parts, which goes with all of them."""
        image = await image_id(self.demo, LIVE)
        rests = {f"gone-{place}": rest for place, rest in enumerate((0.0, 0.005, 0.02, 0.05, 0.1, 0.2))}
        requests = {
            name: self.demo.bytes_of("POST", SERVERS, new_server(name, image, user_data=USER_DATA)) for name in rests
        }
        await side_by_side(
            *(leave(reactor, self.demo.url, data, len(data), rests[name]) for name, data in requests.items())
        )

        late = [name for name, rest in rests.items() if rest >= 0.05]

        async def finished() -> bool:
            estate = await survey(self.cluster, "demo")
            estate.check_whole()
            return all(estate.named(name) for name in late)

        await self.cluster.until(SOON, "the servers to be whole", finished)
        estate = await survey(self.cluster, "demo")
        # What left at once took its bytes along, where the kernel had not handed them over.
        made = [id for name in rests for id in estate.named(name)]
        self.assertLessEqual(len(made), len(rests))
        for id in made:
            self.assertEqual({part.kind for part in estate.of(id)}, {"secrets", "ports"})
            answer = await self.demo.ask("DELETE", f"{SERVERS}/{id}")
            self.assertEqual(answer.code, 204, str(answer))

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            estate.check_whole()
            return not any(id in estate.machines or estate.of(id) for id in made)

        await self.cluster.until(90, "nothing to be left", gone)
