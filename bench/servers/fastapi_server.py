"""FastAPI on uvicorn with httptools and uvloop. It asks for no token."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from . import answers


def application(folder: Path) -> FastAPI:
    """The routes over what lies in a folder."""
    page = answers.read_page(folder)
    head, parts, tail = answers.fragments(page)
    document = json.loads(page)

    async def dicts() -> dict[str, Any]:
        return {**document}

    async def joined() -> Response:
        return Response(b"".join((head, b", ".join(parts), tail)), media_type="application/json")

    made = FastAPI()
    # Without a type of the answer, which would be checked against it as well.
    made.add_api_route(answers.DICTS, dicts, response_model=None)
    made.add_api_route(answers.JOINED, joined)
    return made


if __name__ == "__main__":
    uvicorn.run(
        application(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        access_log=False,
        log_level="warning",
        # By a loaded machine's clock it would close connections whose next request it has only not read yet.
        timeout_keep_alive=3600,
        http="httptools",
        loop="uvloop",
    )
