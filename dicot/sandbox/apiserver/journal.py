"""The file that objects survive in."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from .storage import Key, Where

MARK = 0x0D1C07
"""What tells our files from other SQLite databases (application_id)."""
FORMAT = 1
PATIENCE = 5.0
"""Seconds to wait for a process that had the file before."""
_TABLES = """
CREATE TABLE objects ("group" TEXT, plural TEXT, key TEXT, body BLOB, PRIMARY KEY ("group", plural, key));
CREATE TABLE counter (version INTEGER);
INSERT INTO counter VALUES (0);
"""
_KEEP = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)"


class Unreadable(Exception):
    """A state file cannot be used; the text says which and why."""


class Nowhere:
    """A journal of what need not survive."""

    def begin(self) -> int:
        """See Journal."""
        return 0

    def objects(self) -> Iterable[tuple[Where, Key, bytes]]:
        """See Journal."""
        return ()

    def write(self, version: int, where: Where, key: Key, body: bytes | None) -> None:
        """See Journal."""

    def fill(self, version: int, objects: Iterable[tuple[Where, Key, bytes]]) -> None:
        """See Journal."""
        for _ in objects:
            pass

    def close(self) -> None:
        """See Journal."""


class File:
    """A journal in SQLite. What is written survives the death of the process, as the kernel has it; a power cut may
    take the last moments."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path = path
        try:
            self._database = sqlite3.connect(path, patience, isolation_level=None)
            self._open()
        except sqlite3.Error as error:
            raise Unreadable(f"{path}: {error}") from error

    def begin(self) -> int:
        """See Journal."""
        [version] = self._database.execute("SELECT version FROM counter").fetchone()
        return int(version)

    def objects(self) -> Iterator[tuple[Where, Key, bytes]]:
        """See Journal."""
        for group, plural, key, body in self._database.execute("SELECT * FROM objects"):
            yield (group, plural), key, body

    def write(self, version: int, where: Where, key: Key, body: bytes | None) -> None:
        """See Journal."""
        run = self._database.execute
        run("BEGIN")
        if body is None:
            run('DELETE FROM objects WHERE "group" = ? AND plural = ? AND key = ?', (*where, key))
        else:
            run(_KEEP, (*where, key, body))
        run("UPDATE counter SET version = ?", (version,))
        run("COMMIT")

    def fill(self, version: int, objects: Iterable[tuple[Where, Key, bytes]]) -> None:
        """See Journal. The counter goes on by one with each object."""
        count = 0

        def rows() -> Iterator[tuple[str, str, str, bytes]]:
            nonlocal count
            for where, key, body in objects:
                count += 1
                yield (*where, key, body)

        self._database.execute("BEGIN")
        self._database.executemany(_KEEP, rows())
        self._database.execute("UPDATE counter SET version = ?", (version + count,))
        self._database.execute("COMMIT")

    def close(self) -> None:
        """See Journal."""
        self._database.close()

    def _open(self) -> None:
        run = self._database.execute
        # One process at a time, from the first look on.
        run("PRAGMA locking_mode = EXCLUSIVE")
        [mark], [form] = run("PRAGMA application_id").fetchone(), run("PRAGMA user_version").fetchone()
        [tables] = run("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0 and mark == 0:
            run("PRAGMA journal_mode = WAL")
            self._database.executescript(_TABLES)
            run(f"PRAGMA application_id = {MARK}")
            run(f"PRAGMA user_version = {FORMAT}")
        elif mark != MARK:
            raise Unreadable(f"{self._path}: a database of another program")
        elif form != FORMAT:
            raise Unreadable(f"{self._path}: made by another version (format {form}, this one reads {FORMAT})")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        # Takes the lock.
        run("BEGIN IMMEDIATE")
        run("COMMIT")
