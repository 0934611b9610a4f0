"""GET /projects: which of them are listed (K-08; keystone/api/projects.py and keystone/server/flask/common.py)."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from ..caller import Caller
from ..cloud.callers.directory import DomainFacts
from ..cloud.resource import Bench
from ..faults import BadRequest
from ..spellings import FALSE
from ..web.call import Call, Reply
from . import facts, words
from .desk import TOOL, Desk

POLICY = "identity:list_projects"
MOST = 1000
"""Keystone's ``max_db_limit``."""
_BOOLEANS = frozenset((*("true", "false", "on", "off", "yes", "no", "y", "n"), "1", "0", ""))
_TEXTS = ("name", "domain_id", "parent_id")
_TRUTHS = ("enabled", "is_domain")
_PARTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_TAGS: Mapping[str, Callable[[set[str], set[str]], bool]] = {
    "tags": lambda asked, held: asked <= held,
    "tags-any": lambda asked, held: bool(asked & held),
    "not-tags": lambda asked, held: not asked <= held,
    "not-tags-any": lambda asked, held: not asked & held,
}
Asked = Mapping[str, str]
Shown = facts.Answer


def register(bench: Bench) -> None:
    """The list."""
    desk: Desk = bench.tools[TOOL]

    @bench.routes.get("/projects", POLICY)
    def index(call: Call[None]) -> Reply:
        asked = {key: values[0] for key, values in call.query.items() if values}
        check(asked)
        desk.policy.decide(call.caller, POLICY, _relations(call.caller))
        known = [facts.project(each, desk.url) for each in desk.directory.projects()]
        known += [as_project(each, desk.url) for each in desk.directory.domains()]
        known.sort(key=lambda each: str(each["id"]))
        found = [each for each in known if _reached(call.caller, each) and wanted(each, asked)]
        page = paged(found, {each["id"] for each in known}, asked)
        return Reply(_answer(page, f"{desk.url}/projects", call.query))


def _relations(caller: Caller) -> frozenset[str]:
    """A reader of a domain asks for its projects."""
    return frozenset(("domain_reader_of",) if caller.domain and "domain_reader" in caller.personas else ())


def _reached(caller: Caller, shown: Shown) -> bool:
    return not caller.domain or shown["domain_id"] == caller.domain


def as_project(domain: DomainFacts, url: str) -> Shown:
    """A domain, which to Keystone is a project too."""
    shown = facts.domain(domain, url)
    own = {"domain_id": None, "parent_id": None, "is_domain": True, "links": {"self": f"{url}/projects/{domain.id}"}}
    return {**shown, **own}


def check(asked: Asked) -> None:
    """Raises BadRequest for what Keystone's schema of the query refuses."""
    for key in _TRUTHS:
        if asked.get(key, "").lower() not in _BOOLEANS:
            raise BadRequest(f"Invalid input for query parameters {key}. Value: {asked[key]}.")
    if "name" in asked and not (asked["name"].strip() and len(asked["name"]) <= 64):
        raise BadRequest(f"Invalid input for query parameters name. Value: {asked['name']}.")
    limit = asked.get("limit", "")
    if limit and not (limit.isascii() and limit.isdigit()):
        raise BadRequest(f"Invalid input for query parameters limit. Value: {limit}.")


def wanted(shown: Shown, asked: Asked) -> bool:
    """Whether a project is one of those that are asked for. What Keystone does not know is no filter."""
    asked = {"is_domain": "0", **asked}
    truths = all(shown[key] == (asked[key].lower() not in FALSE) for key in _TRUTHS if key in asked)
    texts = all(shown[key] == asked[key] for key in _TEXTS if key in asked)
    tags = all(fits(set(asked[key].split(",")), set(shown["tags"])) for key, fits in _TAGS.items() if key in asked)
    return truths and texts and tags and all(_alike(shown, key, value) for key, value in asked.items())


def _alike(shown: Shown, key: str, value: str) -> bool:
    """``name__icontains`` and the like; any other key, and any other comparison, is no filter."""
    name, split, comparison = key.partition("__")
    if not split or name not in _TEXTS:
        return True
    text = shown[name] or ""
    if comparison.startswith("i"):
        text, value, comparison = text.lower(), value.lower(), comparison[1:]
    return comparison not in _PARTS or _PARTS[comparison](text, value)


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a list; ``limit`` is 0 where none was asked for, ``full`` that more may follow."""

    items: Sequence[Shown]
    limit: int
    full: bool


def paged(found: Sequence[Shown], known: Container[str], asked: Asked) -> Page:
    """The page that is asked for. Raises NotFound for a marker that is no project at all."""
    marker, limit = asked.get("marker", ""), min(int(asked.get("limit") or 0), MOST)
    if marker and marker not in known:
        raise words.no_such_marker(marker)
    rest = [each for each in found if str(each["id"]) > marker]
    return Page(rest[:limit] if limit else rest, limit, 0 < limit <= len(rest))


def _answer(page: Page, address: str, query: Mapping[str, Sequence[str]]) -> facts.Answer:
    answer = facts.collection("projects", page.items, address, query)
    if not page.full:
        return answer
    further = {**query, "marker": [page.items[-1]["id"]], "limit": [str(page.limit)]}
    following = facts.collection("projects", (), address, further)["links"]["self"]
    return answer | {"links": {**answer["links"], "next": following}, "truncated": True}
