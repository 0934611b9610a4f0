"""aiohttp: joins the same fragments for a list, and finds one server's bytes by its id. It asks for no token."""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web

from . import answers


def application(folder: Path) -> web.Application:
    """The routes over what lies in a folder."""
    head, parts, tail = answers.fragments(answers.read_page(folder))
    each = answers.read_each(folder)

    async def detail(request: web.Request) -> web.Response:
        body = b"".join((head, b", ".join(parts), tail))
        return web.Response(body=body, content_type="application/json")

    async def show(request: web.Request) -> web.Response:
        found = each.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found, content_type="application/json")

    made = web.Application()
    made.router.add_get(answers.LIST, detail)
    made.router.add_get(answers.ONE + "{id}", show)
    return made


if __name__ == "__main__":
    web.run_app(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
