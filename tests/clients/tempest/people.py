"""Makes users with roles on projects, as ``dicot demo`` makes its own: they come as JSON on standard input.

python people.py KUBECONFIG < people.json
"""

import argparse
import json
import sys

from dicot.assembly import Parts
from dicot.command import _run
from dicot.identity.seed import Person, seed


def main(kubeconfig: str) -> int:
    """The exit code."""
    people = [Person(**each) for each in json.load(sys.stdin)]

    async def made(parts: Parts) -> None:
        await seed(parts.founding, people)

    return _run(argparse.Namespace(config="", kubeconfig=kubeconfig), made)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
