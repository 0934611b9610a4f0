"""/healthz and /readyz, in the manner of Kubernetes' own: plain text, ``?verbose`` lists the checks."""

from collections.abc import Callable, Mapping, Sequence

from ..web.call import Reply, pieces

TEXT = {"Content-Type": "text/plain; charset=utf-8"}
Query = Mapping[str, Sequence[str]]
Checks = Callable[[], Mapping[str, bool]]
Page = Callable[[Query, str], Reply]


def probe(checks: Checks) -> Page:
    """A page that is 200 where every check holds, else 503 with the names of those that do not."""

    def page(query: Query, accept: str) -> Reply:
        found = checks()
        good = all(found.values())
        if good and "verbose" not in query:
            return Reply(pieces(b"ok"), 200, TEXT)
        lines = [f"[{'+' if holds else '-'}]{name} {'ok' if holds else 'failed'}" for name, holds in found.items()]
        lines.append("check passed" if good else "check failed")
        return Reply(pieces("".join(f"{line}\n" for line in lines).encode()), 200 if good else 503, TEXT)

    return page
