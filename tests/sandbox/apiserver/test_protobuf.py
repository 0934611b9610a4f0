"""Objects in protobuf, byte by byte."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.protobuf import Undecodable, decoded


def field(number: int, value: bytes | int) -> bytes:
    """A field, of an integer or of bytes that are shorter than 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def sent(api_version: bytes, kind: bytes, raw: bytes) -> bytes:
    """An object as clients wrap it."""
    type_ = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, type_) + field(2, raw) + field(3, b"") + field(4, b"")


class ProtobufTests(SynchronousTestCase):
    def test_an_object(self) -> None:
        entry = field(1, b"a") + field(2, b"b")
        metadata = field(1, b"s") + field(2, b"") + field(7, 0) + field(8, b"") + field(11, entry)
        raw = field(1, metadata) + field(2, field(1, b"k") + field(2, b"v")) + field(3, b"Opaque") + field(5, 1)
        self.assertEqual(
            decoded(sent(b"v1", b"Secret", raw)),
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "s", "labels": {"a": "b"}},
                "data": {"k": "dg=="},
                "type": "Opaque",
                "immutable": True,
            },
        )

    def test_parts_that_json_has_in_their_place(self) -> None:
        volume = field(1, b"v") + field(2, field(2, b""))
        raw = field(2, field(1, volume) + field(2, field(1, b"c")))
        found = decoded(sent(b"v1", b"Pod", raw))
        self.assertEqual(found["spec"], {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c"}]})

    def test_what_is_none(self) -> None:
        for body in (b"", b"{}", sent(b"v1", b"Nothing", b""), sent(b"v1", b"Secret", b"\x0a\x7f")):
            self.assertRaises(Undecodable, decoded, body)
