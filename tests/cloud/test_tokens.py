"""T8 and T10 of the threat table: one spelling for each token, and nothing grows by rescoping."""

import base64
import itertools
import random
from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.keys import PRIMARY, SECRET_NAME, TOKEN_KEYS, Key, Keyring, write_keys
from dicot.cloud.callers.tokens import (
    LENGTH,
    DomainScope,
    ProjectScope,
    Scope,
    SystemScope,
    Token,
    Tokens,
    UnknownKey,
    Unreadable,
    Unscoped,
    audit_id,
    derive,
)
from dicot.faults import Unavailable
from dicot.kube.address import place
from dicot.kube.store import Store
from dicot.names import SYSTEM_NAMESPACE

from ..kube.fake import FakeKube
from .town import NOW, Dice, hex_id, now_of

SCOPES: tuple[Scope, ...] = (
    Unscoped(),
    SystemScope(),
    ProjectScope(hex_id("project")),
    DomainScope(hex_id("domain")),
    DomainScope("default"),
)


def secret(*keys: Key) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET_NAME, "namespace": SYSTEM_NAMESPACE},
        "data": write_keys(keys),
    }


def made(seed: str, *keys: Key, life: int = 3600) -> Tokens:
    """Tokens sealed with these keys."""
    kube = FakeKube()
    store = Store(TOKEN_KEYS)
    kube.watch(store)
    ring = Keyring(store, kube, Clock().seconds, Clock().seconds, Dice(seed))
    now_of(kube.create(place(TOKEN_KEYS, SYSTEM_NAMESPACE), secret(*keys)))
    return Tokens(ring, Dice(seed), life)


KEY = Key(b"\1\2\3\4", bytes(range(32)), PRIMARY, NOW)


class FormatTests(SynchronousTestCase):
    """What is written is read, and nothing else is."""

    def setUp(self) -> None:
        self.tokens = made("format", KEY)

    def token(self, scope: Scope = SCOPES[2], parent: bool = False) -> Token:
        fresh = self.tokens.fresh(hex_id("user"), scope, frozenset(("password",)), 7, NOW + 0.25)
        first = self.tokens.fresh(hex_id("user"), Unscoped(), frozenset(("token",)), 7, NOW)
        return derive(fresh, first if parent else None)

    def refused(self, text: str) -> None:
        self.assertRaises(Unreadable, self.tokens.read, text)

    def test_every_shape_is_read_as_it_was_written(self) -> None:
        for scope, parent in itertools.product(SCOPES, (False, True)):
            token = self.token(scope, parent)
            self.assertEqual(self.tokens.read(self.tokens.write(token)), token)

    def test_a_read_that_is_remembered_is_the_same(self) -> None:
        text = self.tokens.write(self.token())
        self.assertEqual(self.tokens.read(text), self.tokens.read(text))

    def test_length(self) -> None:
        self.assertEqual({len(self.tokens.write(self.token(scope))) for scope in SCOPES}, {LENGTH})
        self.assertEqual(LENGTH, 159)

    def test_two_writes_of_one_token_differ(self) -> None:
        token = self.token()
        self.assertNotEqual(self.tokens.write(token), self.tokens.write(token))

    def test_expiry_is_life_from_issue_to_the_second(self) -> None:
        token = self.token()
        self.assertEqual(token.issued, int((NOW + 0.25) * 1e6))
        self.assertEqual(token.expires, int(NOW + 3600) * 1_000_000)

    def test_nothing_of_it_can_be_read_without_the_key(self) -> None:
        raw = base64.urlsafe_b64decode(self.tokens.write(self.token()) + "=")
        for secret in (bytes.fromhex(hex_id("user")), bytes.fromhex(hex_id("project"))):
            self.assertNotIn(secret, raw)

    def test_audit_ids_are_22_characters(self) -> None:
        self.assertEqual(audit_id(b"\xff" * 16), "_" * 21 + "w")

    def test_a_key_does_not_show_itself(self) -> None:
        self.assertNotIn(KEY.secret.hex()[:8], repr(KEY))


class ForgeryTests(SynchronousTestCase):
    """Nothing but the very text that was written is a token."""

    def setUp(self) -> None:
        self.tokens = made("forgery", KEY)
        self.texts = [
            self.tokens.write(self.tokens.fresh(hex_id("user"), scope, frozenset(("password",)), 0, NOW))
            for scope in SCOPES
        ]

    def refused(self, text: str) -> None:
        self.assertRaises(Unreadable, self.tokens.read, text)

    def test_every_bit_counts(self) -> None:
        for text in self.texts:
            raw = bytearray(base64.urlsafe_b64decode(text + "="))
            for bit in range(len(raw) * 8):
                raw[bit // 8] ^= 1 << bit % 8
                self.refused(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
                raw[bit // 8] ^= 1 << bit % 8

    def test_every_character_counts(self) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        text = self.texts[2]
        for at in range(LENGTH):
            for letter in alphabet:
                if letter != text[at]:
                    self.refused(text[:at] + letter + text[at + 1 :])

    def test_every_prefix_and_suffix_is_refused(self) -> None:
        for text in self.texts:
            for at in range(LENGTH):
                self.refused(text[:at])
                self.refused(text[at + 1 :])

    def test_other_spellings_of_the_same_bytes_are_refused(self) -> None:
        for text in self.texts:
            raw = base64.urlsafe_b64decode(text + "=")
            spellings = {
                text + "=",
                text + "==",
                text + "\n",
                text + " ",
                " " + text,
                "\t" + text,
                text + "\0",
                text + "A",
                text[:40] + "!" + text[40:],
                text[:40] + "\n" + text[40:],
                text[:40] + "=" + text[40:],
                text[:-1] + "\u0661",
                text.swapcase(),
                raw.hex(),
                base64.b64encode(raw).decode(),
                base64.b64encode(raw).decode().rstrip("="),
                base64.b32encode(raw).decode(),
                text.replace(text[9], chr(ord(text[9]) + 0xFEE0)),
            } - {text}
            for spelling in spellings:
                self.refused(spelling)

    def test_stray_bits_at_the_end_are_refused(self) -> None:
        text = self.texts[0]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet.index(text[-1])
        self.assertEqual(last % 4, 0)
        for stray in (1, 2, 3):
            spelling = text[:-1] + alphabet[last + stray]
            self.assertEqual(base64.urlsafe_b64decode(spelling + "="), base64.urlsafe_b64decode(text + "="))
            self.refused(spelling)

    def test_halves_of_two_tokens_make_none(self) -> None:
        for one, other in itertools.permutations(self.texts, 2):
            for at in (8, 24, 40, 100, LENGTH - 22):
                self.refused(one[:at] + other[at:])

    def test_random_changes_make_none(self) -> None:
        dice = random.Random(8)
        for _ in range(5_000):
            raw = bytearray(base64.urlsafe_b64decode(dice.choice(self.texts) + "="))
            for _ in range(dice.randint(1, 8)):
                raw[dice.randrange(len(raw))] = dice.randrange(256)
            text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
            if text not in self.texts:
                self.refused(text)

    def test_nothing_and_much_are_refused(self) -> None:
        for text in ("", "A", "A" * LENGTH, "A" * 1_000_000, "\ud800" * LENGTH, "é" * LENGTH):
            self.refused(text)


class KeyTests(SynchronousTestCase):
    """Which key opens what."""

    def setUp(self) -> None:
        self.other = Key(b"\5\6\7\10", bytes(reversed(range(32))), PRIMARY, NOW)
        self.twin = replace(self.other, id=KEY.id)

    def text(self, tokens: Tokens) -> str:
        return tokens.write(tokens.fresh(hex_id("user"), Unscoped(), frozenset(("password",)), 0, NOW))

    def test_an_unknown_key_is_told_apart(self) -> None:
        self.assertRaises(UnknownKey, made("b", self.other).read, self.text(made("a", KEY)))

    def test_another_key_under_the_same_id_does_not_open(self) -> None:
        error = self.assertRaises(Unreadable, made("b", self.twin).read, self.text(made("a", KEY)))
        self.assertNotIsInstance(error, UnknownKey)

    def test_key_ids_cannot_be_swapped(self) -> None:
        tokens = made("a", KEY, replace(self.other, state="secondary"))
        raw = bytearray(base64.urlsafe_b64decode(self.text(tokens) + "="))
        self.assertEqual(bytes(raw[1:5]), KEY.id)
        raw[1:5] = self.other.id
        self.assertRaises(Unreadable, tokens.read, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())

    def test_another_version_is_refused_before_any_key_is_looked_for(self) -> None:
        tokens = made("a", KEY)
        raw = bytearray(base64.urlsafe_b64decode(self.text(tokens) + "="))
        raw[0] = 2
        raw[1:5] = b"none"
        error = self.assertRaises(Unreadable, tokens.read, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
        self.assertNotIsInstance(error, UnknownKey)

    def test_without_a_key_none_is_written(self) -> None:
        tokens = made("a")
        token = tokens.fresh(hex_id("user"), Unscoped(), frozenset(("password",)), 0, NOW)
        self.assertRaises(Unavailable, tokens.write, token)


class ChainTests(SynchronousTestCase):
    """T10: however tokens are made of tokens."""

    def test_expiry_never_grows_and_the_chain_is_kept(self) -> None:
        dice = random.Random(10)
        for _ in range(300):
            tokens = made("chain", KEY, life=dice.choice((1, 60, 3600, 10_000)))
            now = NOW
            first = token = tokens.fresh(hex_id("user"), Unscoped(), frozenset(("password",)), 0, now)
            for _ in range(6):
                now += dice.random() * 1000
                fresh = tokens.fresh(hex_id("user"), dice.choice(SCOPES), frozenset(("token",)), 0, now)
                following = derive(fresh, token)
                self.assertLessEqual(following.expires, token.expires)
                self.assertGreaterEqual(following.methods, token.methods)
                self.assertEqual(following.audit_ids, [fresh.audit, first.audit])
                self.assertEqual(following.scope, fresh.scope)
                token = tokens.read(tokens.write(following))

    def test_audit_ids_never_come_twice(self) -> None:
        tokens = made("audit", KEY)
        made_ = [
            tokens.fresh(hex_id("user"), Unscoped(), frozenset(("password",)), 0, NOW).audit for _ in range(1000)
        ]
        self.assertEqual(len(set(made_)), 1000)
