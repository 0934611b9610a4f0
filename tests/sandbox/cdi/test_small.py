"""Tokens, sizes, names and forms of claims."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.cdi import names, sizes
from dicot.sandbox.cdi.kinds.parts import Resources
from dicot.sandbox.cdi.kinds.volumes import Storage as Asked
from dicot.sandbox.cdi.storage import NOT_FOUND, Problem, Storage, rendered
from dicot.sandbox.cdi.tokens import API_SERVER, CONTROLLER, SHORT, Grant, Tokens, new_key

from .things import NOW, TOKENS, storage

GRANT = Grant("images", "cirros", "n", "v", "uid-v")


class TokenTests(SynchronousTestCase):
    def test_what_was_granted_is_read(self) -> None:
        token = TOKENS.grant(GRANT, CONTROLLER, NOW)
        self.assertEqual(TOKENS.read(token, CONTROLLER, NOW + 10), GRANT)

    def test_it_is_worth_nothing_late_elsewhere_changed_or_of_another_key(self) -> None:
        token = TOKENS.grant(GRANT, API_SERVER, NOW)
        self.assertIsNone(TOKENS.read(token, API_SERVER, NOW + SHORT + 1))
        self.assertIsNone(TOKENS.read(token, API_SERVER, NOW - 10))
        self.assertIsNone(TOKENS.read(token, CONTROLLER, NOW))
        header, body, signature = token.split(".")
        forged = f"{header}.{body[:-4]}AAAA.{signature}"
        for wrong in (forged, "", "x", "a.b.c", f"{header}.{body}"):
            self.assertIsNone(TOKENS.read(wrong, API_SERVER, NOW))
        self.assertIsNone(Tokens.load(new_key()).read(token, API_SERVER, NOW))

    def test_only_an_rsa_key_will_do(self) -> None:
        self.assertRaises(ValueError, Tokens.load, b"no key")


class SizeTests(SynchronousTestCase):
    def test_as_seen(self) -> None:
        """1 GiB and 128 MiB with 6 % overhead, and a scratch space beside the first."""
        self.assertEqual(sizes.required("0.06", 1 << 30), 1138166334)
        self.assertEqual(sizes.required("0.06", 128 << 20), 142270792)
        self.assertEqual(sizes.usable("0.06", 1138166334), 1 << 30)
        self.assertEqual(sizes.scratch("0.06", "0.06", 1138166334), 1138753536)

    def test_quantities_are_the_shortest(self) -> None:
        for number, text in ((1073741824, "1073741824"), (2_000_000, "2M"), (1500, "1500"), (0, "0")):
            self.assertEqual(sizes.quantity(number), text)


class NameTests(SynchronousTestCase):
    def test_long_names_are_cut_and_hashed(self) -> None:
        self.assertEqual(names.joined("importer", "v"), "importer-v")
        cut = names.joined("v" * 250, "scratch")
        self.assertEqual((len(cut), cut[-8:]), (253, "-scratch"))
        self.assertEqual(len(names.joined("importer", "v" * 253)), 17)

    def test_services_have_no_dots(self) -> None:
        self.assertEqual(names.service("cdi-upload-a.b"), "cdi-upload-a-b")
        self.assertLessEqual(len(names.service("cdi-upload-" + "v" * 100)), 63)


class FormTests(SynchronousTestCase):
    def form(self, held: Storage | None = None, content: str = "kubevirt", **asked: object) -> Manifest | Problem:
        size = Resources({"storage": "1Gi"})
        return rendered(Asked(resources=size, **asked), content, held or storage())  # type: ignore[arg-type]

    def test_what_is_not_asked_comes_from_the_profile(self) -> None:
        wanted = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1138166334"}},
            "storageClassName": "standard",
            "volumeMode": "Filesystem",
        }
        for asked in ({}, {"accessModes": ("ReadWriteOnce",)}, {"volumeMode": "Filesystem"}):
            self.assertEqual(self.form(**asked), wanted)

    def test_a_block_device_loses_nothing(self) -> None:
        found = self.form(volumeMode="Block", accessModes=("ReadWriteMany",))
        assert isinstance(found, dict)
        self.assertEqual(found["resources"], {"requests": {"storage": "1073741824"}})

    def test_what_cannot_be_known(self) -> None:
        bare = Storage(storage().classes)
        for problem, text in (
            (self.form(storageClassName="missing"), NOT_FOUND),
            (self.form(bare), "no accessMode specified in StorageProfile standard"),
            (self.form(volumeMode="Block"), "no matching accessMode specified in StorageProfile standard"),
            (self.form(content="archive", volumeMode="Block"), "ContentType Archive cannot have block volumeMode"),
        ):
            assert isinstance(problem, Problem)
            self.assertEqual(problem.text, text)
