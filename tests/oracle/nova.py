"""Nova's own schemas and Tempest's, asked of a process that has both installed."""

from __future__ import annotations

import atexit
import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.clients.venv import client

PROGRAM, CLOUD = (Path(__file__).with_name(name) for name in ("program.py", "cloud.py"))
Version = tuple[int, int]


class Unknown(LookupError):
    """Nova has no such operation."""


def spelled(version: Version) -> str:
    """A microversion as headers say it."""
    return f"{version[0]}.{version[1]}"


class Beside:
    """A program that has Nova and answers each line by one, until this process ends. It takes seconds to begin, so
    that all tests of a run ask the same. ``errors`` is where it writes anything else, as subprocess has it."""

    program: Path
    errors: int | None = None

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(client("nova") / "python"), "-I", str(self.program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._writing, self._reading = self._process.stdin, self._process.stdout
        atexit.register(self._close)

    def _close(self) -> None:
        with self._process:
            self._writing.close()


class Asked(Beside):
    """A program that answers questions, a line of JSON each."""

    def ask(self, question: str, **more: Any) -> Any:
        """The answer to a question. Raises Unknown."""
        self._writing.write(json.dumps({"question": question, **more}) + "\n")
        self._writing.flush()
        answer = json.loads(self._reading.readline() or '{"unknown": "the oracle has died"}')
        if "unknown" in answer:
            raise Unknown(answer["unknown"])
        return answer["said"]


class Oracle(Asked):
    """What Nova's schemas and Tempest's clients say.

    ``path`` is always one below ``/v2.1``, with real ids or any others in it.
    """

    program = PROGRAM

    def versions(self) -> list[Version]:
        """All microversions that Nova has."""
        least, most = (tuple(map(int, each.split("."))) for each in self.ask("versions"))
        return [(least[0], minor) for minor in range(least[1], most[1] + 1)]

    def accepts(
        self,
        method: str,
        path: str,
        version: Version,
        *,
        body: Any = None,
        query: Mapping[str, Sequence[str]] | None = None,
        action: str = "",
    ) -> dict[str, Any]:
        """``served`` at the version, ``refused`` with Nova's words or None, ``query`` as the operation would see it.

        A ``body`` of None is none; the body of an action is whole, as clients send it.
        """
        more = {} if body is None else {"body": body}
        found: dict[str, Any] = self._of("accepts", method, path, version, query=query or {}, action=action, **more)
        return found

    def answers(self, method: str, path: str, version: Version, answer: Any, *, action: str = "") -> dict[str, Any]:
        """``served`` at the version, the ``code`` of success, and what is ``wrong`` with a body (None for none).

        ``declared`` tells whether Nova says anything of the body at all.
        """
        found: dict[str, Any] = self._of("answers", method, path, version, answer=answer, action=action)
        return found

    def schema(self, part: str, method: str, path: str, version: Version, *, action: str = "") -> Any:
        """The schema of ``request_body``, ``request_query`` or ``response_body``, None where there is none."""
        return self._of("schema", method, path, version, part=part, action=action)

    def tempest(
        self,
        call: str,
        version: Version,
        status: int,
        headers: Mapping[str, str],
        answer: bytes,
        *arguments: Any,
        **named: Any,
    ) -> dict[str, Any]:
        """What a client of Tempest's (``ServersClient.show_server``) finds ``wrong``, and what it had ``asked``."""
        name, _, method = call.partition(".")
        found: dict[str, Any] = self.ask(
            "tempest",
            client=name,
            call=method,
            arguments=arguments,
            named=named,
            version=spelled(version),
            status=status,
            headers=dict(headers),
            answer=answer.decode(),
        )
        return found

    def _of(self, question: str, method: str, path: str, version: Version, **more: Any) -> Any:
        return self.ask(question, method=method, path=path, version=spelled(version), **more)


class NovaLists(Asked):
    """Nova's own lists of ``servers``, ``flavors`` and ``keypairs``, over rows that it is given."""

    program = CLOUD

    def empty(self) -> None:
        """There are no rows any more."""
        self.ask("empty")

    def furnish(self, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """More rows, by Nova's columns; a server's have ``tags``, a flavor's ``projects``."""
        self.ask("furnish", kind=kind, rows=rows)

    def listed(
        self, path: str, version: Version, who: Mapping[str, Any], query: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """``code`` and ``message`` of a refusal, or ``ids`` and the queries of the ``next`` pages.

        ``who`` is a user, a project, and roles.
        """
        found: dict[str, Any] = self.ask("listed", path=path, version=spelled(version), who=who, query=query)
        return found


@cache
def lists() -> NovaLists:
    """The one that all tests of a run ask. Each begins with what it has ``empty``."""
    return NovaLists()


@cache
def oracle() -> Oracle:
    """The one that all tests of a run ask, installed where it is not yet."""
    return Oracle()
