"""What Nova and Tempest themselves say of requests and answers, run with the interpreter that has both.

Each line in is a question in JSON, each line out its answer. Nova's schemas hang at the methods of its controllers
(nova.api.validation), which are found by its own table of routes; Tempest's clients are called, and given the answer
in question as if a cloud had sent it.
"""

import json
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

warnings.simplefilter("ignore")

from nova import exception  # type: ignore[import-not-found]  # noqa: E402
from nova.api import validation  # type: ignore[import-not-found]  # noqa: E402
from nova.api.openstack import api_version_request, wsgi  # type: ignore[import-not-found]  # noqa: E402
from nova.api.openstack.compute.routes import ROUTE_LIST  # type: ignore[import-not-found]  # noqa: E402
from nova.api.validation.validators import _SchemaValidator  # type: ignore[import-not-found]  # noqa: E402
from tempest.lib import exceptions  # type: ignore[import-not-found]  # noqa: E402
from tempest.lib.common import rest_client  # type: ignore[import-not-found]  # noqa: E402
from tempest.lib.services import compute  # type: ignore[import-not-found]  # noqa: E402
from tempest.lib.services.compute import base_compute_client  # type: ignore[import-not-found]  # noqa: E402

# Tempest checks its schemas themselves anew with each answer, which takes most of the time.
rest_client.JSONSCHEMA_VALIDATOR.check_schema = lambda *_, **__: None
Question = Mapping[str, Any]
CODE = 200
"""The code of an answer where a method says none."""


class Unknown(Exception):
    """Nothing in Nova answers this method of this path."""


def routes(path: str) -> list[Any]:
    """What Nova has at a path: the most literal of its patterns that match."""
    found = []
    for pattern, methods in ROUTE_LIST:
        expression = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(pattern))
        if isinstance(methods, dict) and re.fullmatch(expression, path):
            found.append((pattern.count("{"), methods))
    return [methods for _, methods in sorted(found, key=lambda each: each[0])]


def operation(question: Question) -> Any:
    """The controller's method, found as nova.api.openstack.wsgi.Resource finds it."""
    for methods in routes(question["path"]):
        if question["method"] not in methods:
            continue
        resource, name = methods[question["method"]]
        controller, others = resource.args
        if name != "action":
            return getattr(controller, name)
        wanted = question.get("action") or next(iter(question["body"]))
        for each in (controller, *others):
            if wanted in each.wsgi_actions:
                return getattr(each, each.wsgi_actions[wanted])
    raise Unknown(f"{question['method']} {question['path']} {question.get('action', '')}")


def request(question: Question) -> Any:
    """A request of that version with that query."""
    made = wsgi.Request.blank(f"/?{urlencode(question.get('query') or {}, doseq=True)}")
    made.api_version_request = api_version_request.APIVersionRequest(question["version"])
    return made


def serves(method: Any, asked: Any) -> bool:
    """Whether a method is there at the version, and not removed from all."""
    least, most = (
        api_version_request.APIVersionRequest(getattr(method, name, None)) for name in ("min_version", "max_version")
    )
    return bool(asked.api_version_request.matches(least, most)) and not getattr(method, "removed", False)


def schema_of(method: Any, part: str, asked: Any) -> Any:
    """The schema that a method declares of a part, None where it has none at the version."""
    declared = getattr(method, f"{part}_schemas", None)
    return declared and declared(asked)


def fault(schema: Any, value: Any, *, is_body: bool = True) -> str | None:
    """Nova's words for what does not fit."""
    if schema is None:
        return None
    try:
        _SchemaValidator(schema, False, is_body).validate(value)
    except exception.ValidationError as error:
        return str(error.format_message())
    return None


def accepts(question: Question) -> dict[str, Any]:
    """Whether Nova's schemas take a request, and which parameters of its query reach the operation."""
    method, asked = operation(question), request(question)
    found: dict[str, Any] = {"operation": method.__qualname__, "served": serves(method, asked)}
    query = schema_of(method, "request_query", asked)
    refused = fault(query, asked.GET.dict_of_lists(), is_body=False)
    if query is not None and refused is None:
        validation._strip_additional_query_parameters(query, asked)
    if refused is None and "body" in question:
        refused = fault(schema_of(method, "request_body", asked), question["body"])
    return found | {"refused": refused, "query": asked.GET.dict_of_lists()}


def answers(question: Question) -> dict[str, Any]:
    """What Nova's schema finds wrong with an answer's body, and the code that Nova would have sent."""
    method, asked = operation(question), request(question)
    schema = schema_of(method, "response_body", asked)
    codes = getattr(method, "wsgi_codes", None)
    return {
        "operation": method.__qualname__,
        "served": serves(method, asked),
        "declared": schema is not None,
        "code": codes(asked) if codes else CODE,
        "wrong": fault(schema, question["answer"]),
    }


def schema(question: Question) -> Any:
    """A schema itself: of ``request_body``, ``request_query`` or ``response_body``."""
    return schema_of(operation(question), question["part"], request(question))


class Provider:
    """Stands where Tempest has who asks: the address is nobody's."""

    def auth_request(self, method: str, url: str, headers: Any, body: Any, filters: Any) -> tuple[str, Any, Any]:
        return f"http://cloud/{url}", headers, body

    def base_url(self, *_: object, **__: object) -> str:
        return "http://cloud"

    def get_token(self) -> str:
        return "token"


class Response(dict[str, str]):
    """An answer's headers and code, as Tempest's transport gives them."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})
        self.status = status
        self["status"] = str(status)


def tempest(question: Question) -> dict[str, Any]:
    """What a client of Tempest's says to an answer, and what it had asked for."""
    client = getattr(compute, question["client"])(Provider(), "compute", "RegionOne")
    base_compute_client.COMPUTE_MICROVERSION = question["version"]
    asked: list[str] = []

    def raw_request(url: str, method: str, *_: object, **__: object) -> tuple[Any, bytes]:
        asked[:] = [method, url]
        return Response(question["status"], question["headers"]), question["answer"].encode()

    client.raw_request = raw_request
    wrong = None
    try:
        getattr(client, question["call"])(*question.get("arguments", ()), **question.get("named", {}))
    except (exceptions.TempestException, exceptions.RestClientException) as error:
        wrong = f"{type(error).__name__}: {error}"
    return {"wrong": wrong, "asked": asked}


def versions(question: Question) -> list[str]:
    """The first and the last microversion."""
    ends = (api_version_request.min_api_version(), api_version_request.max_api_version())
    return [each.get_string() for each in ends]


QUESTIONS: Mapping[str, Callable[[Question], Any]] = {
    each.__name__: each for each in (accepts, answers, schema, tempest, versions)
}


def told(question: Question) -> dict[str, Any]:
    """The answer to a question, or that there is none."""
    try:
        return {"said": QUESTIONS[question["question"]](question)}
    except Unknown as error:
        return {"unknown": str(error)}


def main() -> None:
    """Answers until there are no more questions."""
    for line in sys.stdin:
        print(json.dumps(told(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
