"""The keys that tokens are sealed with: one watched Secret, staged, used, kept for a while, and gone."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...faults import Unavailable
from ...kube.address import place
from ...kube.client import Kube
from ...kube.errors import Conflict, Doubtful, Exists, Missing, Refused, Unreachable
from ...kube.kind import Kind, Manifest, Meta
from ...kube.store import Change, Store
from ...names import SYSTEM_NAMESPACE

SECRET_NAME = "dicot-token-keys"
STAGED = "staged"
PRIMARY = "primary"
SECONDARY = "secondary"

PERIOD = 86_400.0
"""Seconds for which one key seals."""
LEAD = 3_600.0
"""Seconds before its turn at which a key is staged, so that every replica has it by then."""
SETTLE = 60.0
"""Seconds for which a key is staged at least, and kept beyond the life of the last token it sealed."""
REFRESH = 10.0
"""Seconds between two live reads that unknown key ids may cause."""

_UNREADABLE = "The token keys cannot be read at the moment."
_log = Logger()


class KeySecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """The Secret of the keys: an entry by key id (8 hex digits), each a JSON object in base64."""

    metadata: Meta = Meta()
    data: dict[str, str] = {}


TOKEN_KEYS = Kind("", "v1", "secrets", "Secret", KeySecret, namespace=SYSTEM_NAMESPACE, name=SECRET_NAME)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: str
    since: float
    secret: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key of 32 bytes; ``since`` is when its state began, in seconds of Unix time."""

    id: bytes
    secret: bytes
    state: str
    since: float

    def __repr__(self) -> str:
        return f"<Key {self.id.hex()} {self.state} since {self.since:.0f}>"


def new_key(state: str, now: float, random: Callable[[int], bytes]) -> Key:
    """A key nobody has seen yet."""
    return Key(random(4), random(32), state, now)


def read_keys(entries: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys of a Secret's ``data``. Raises ValueError for anything that ``write_keys`` would not write."""
    keys = []
    for name, text in entries.items():
        try:
            entry = msgspec.json.decode(base64.b64decode(text, validate=True), type=_Entry)
            key = Key(bytes.fromhex(name), bytes.fromhex(entry.secret), entry.state, entry.since)
        except (msgspec.DecodeError, binascii.Error) as error:
            raise ValueError(f"entry {name!r}") from error
        if len(key.id) != 4 or len(key.secret) != 32 or key.state not in (STAGED, PRIMARY, SECONDARY):
            raise ValueError(f"entry {name!r}")
        keys.append(key)
    return tuple(sorted(keys, key=lambda key: (key.since, key.id)))


def write_keys(keys: tuple[Key, ...]) -> dict[str, str]:
    """The ``data`` of the Secret."""
    return {
        key.id.hex(): base64.b64encode(msgspec.json.encode(_Entry(key.state, key.since, key.secret.hex()))).decode()
        for key in keys
    }


def newest(keys: tuple[Key, ...], state: str) -> Key | None:
    """The youngest key of a state."""
    return max((key for key in keys if key.state == state), key=lambda key: (key.since, key.id), default=None)


def rotated(keys: tuple[Key, ...], now: float, life: float, random: Callable[[int], bytes]) -> tuple[Key, ...]:
    """The keys as they should be now; the same ones where nothing is due.

    A staged key takes over after its time, the one before it opens tokens until the last that it sealed has expired.
    """
    primary, staged = newest(keys, PRIMARY), newest(keys, STAGED)
    if primary is None:
        first = replace(staged, state=PRIMARY, since=now) if staged else new_key(PRIMARY, now, random)
        return (*(key for key in keys if key is not staged and _kept(key, now, life)), first)
    due = now >= primary.since + PERIOD and staged is not None and now >= staged.since + SETTLE
    kept = []
    for key in keys:
        if due and key is staged:
            kept.append(replace(key, state=PRIMARY, since=now))
        elif key.state == PRIMARY and (due or key is not primary):
            kept.append(replace(key, state=SECONDARY, since=now))
        elif _kept(key, now, life):
            kept.append(key)
    if staged is None and now >= primary.since + PERIOD - LEAD:
        kept.append(new_key(STAGED, now, random))
    return tuple(kept)


def _kept(key: Key, now: float, life: float) -> bool:
    return key.state != SECONDARY or now < key.since + life + SETTLE


class Keyring:
    """The keys as this replica knows them, from the store of ``TOKEN_KEYS``.

    What the Secret holds counts only as a whole: one bad entry, and the last good keys stay in use. ``now`` is Unix
    time, ``clock`` is monotonic.
    """

    def __init__(
        self,
        store: Store[KeySecret],
        kube: Kube,
        now: Callable[[], float],
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._kube = kube
        self._now = now
        self._clock = clock
        self._random = random
        self._boxes: dict[bytes, AESGCM] = {}
        self._primary: bytes | None = None
        self._asked = float("-inf")
        self._unheard: Exception | None = None
        self._waiting: list[Deferred[None]] = []
        self._listeners: list[Callable[[], None]] = []
        store.listen(self._changed)
        self._load()

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever the keys are others."""
        self._listeners.append(listener)

    @property
    def ready(self) -> bool:
        """Whether tokens can be issued."""
        return self._primary is not None

    @property
    def sealing(self) -> tuple[bytes, AESGCM]:
        """Id and cipher of the primary key. Raises Unavailable where there is none."""
        if self._primary is None:
            raise Unavailable(_UNREADABLE)
        return self._primary, self._boxes[self._primary]

    def opening(self, id: bytes) -> AESGCM | None:
        """The cipher of a key, whatever its state."""
        return self._boxes.get(id)

    async def refresh(self) -> None:
        """Reads the Secret once, if that was not done within the last seconds; who asks meanwhile waits for the same
        answer. Raises Unavailable."""
        if self._waiting or self._clock() >= self._asked + REFRESH:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            if len(self._waiting) == 1:
                self._asked = self._clock()
                # Who asked first may leave; the others still wait.
                Deferred.fromCoroutine(self._read()).addBoth(self._answered)
            await waiting
        if self._unheard is not None:
            raise Unavailable(_UNREADABLE) from self._unheard

    async def _read(self) -> None:
        self._unheard = None
        try:
            self._store.learn(await self._kube.read(place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)))
        except Missing:
            pass
        except (Refused, Doubtful, Unreachable) as error:
            self._unheard = error

    def _answered(self, result: Failure | None) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(result)

    async def ensure(self) -> None:
        """Makes the Secret with a first key where there is none; whoever comes first makes it."""
        if self.ready:
            return
        at = place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)
        body: Manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET_NAME, "namespace": SYSTEM_NAMESPACE},
            "type": "dicot.io/token-keys",
            "data": write_keys((new_key(PRIMARY, self._now(), self._random),)),
        }
        try:
            answer = await self._kube.create(place(TOKEN_KEYS, SYSTEM_NAMESPACE), body)
        except Exists:
            answer = await self._kube.read(at)
        self._store.learn(answer)

    async def rotate(self, life: float) -> bool:
        """Writes the keys as ``rotated`` wants them; True where something changed. The steward's work.

        The Secret is read live and its version guards the write: of two who rotate at once, one does. A Secret that
        was deleted (which voids all tokens) is made again.
        """
        at = place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)
        try:
            secret: Manifest = msgspec.json.decode(await self._kube.read(at), type=dict)
        except Missing:
            self._forget()
            await self.ensure()
            return True
        try:
            keys = read_keys(secret.get("data") or {})
        except ValueError as error:
            _log.error("token keys cannot be rotated: {reason}", reason=str(error))
            return False
        wanted = rotated(keys, self._now(), life, self._random)
        if wanted == keys:
            return False
        try:
            self._store.learn(await self._kube.replace(at, {**secret, "data": write_keys(wanted)}))
        except (Conflict, Missing):
            return False
        return True

    def _changed(self, changes: tuple[Change, ...]) -> None:
        self._load()

    def _load(self) -> None:
        row = self._store.one(SYSTEM_NAMESPACE, SECRET_NAME)
        if row is None:
            self._forget()
            return
        try:
            keys = read_keys(self._store.read(row).data)
        except ValueError as error:
            _log.error("token keys are refused, the last good ones stay in use: {reason}", reason=str(error))
            return
        primary = newest(keys, PRIMARY)
        self._boxes = {key.id: AESGCM(key.secret) for key in keys}
        self._primary = primary.id if primary else None
        self._tell()

    def _forget(self) -> None:
        self._boxes = {}
        self._primary = None
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
