"""Patches, function by function; what the whole server makes of them is in tests.contract_kubernetes."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.patching import applied, fieldset, steps, strategic
from dicot.sandbox.apiserver.patching.merge import merged
from dicot.sandbox.apiserver.structural.node import compiled

LISTS = compiled(
    {
        "type": "object",
        "properties": {
            "ports": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "port": {"type": "integer"},
                        "protocol": {"type": "string", "default": "TCP"},
                        "name": {"type": "string"},
                    },
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["port", "protocol"],
                "x-kubernetes-patch-strategy": "merge",
                "x-kubernetes-patch-merge-key": "port",
            },
            "words": {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "set",
                "x-kubernetes-patch-strategy": "merge",
            },
            "order": {"type": "array", "items": {"type": "string"}},
            "either": {"type": "object", "x-kubernetes-patch-strategy": "retainKeys"},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic"},
        },
    }
)


class MergeTests(SynchronousTestCase):
    def test_rfc_7386(self) -> None:
        cases: list[tuple[Any, Any, Any]] = [
            ({"a": "b"}, {"a": "c"}, {"a": "c"}),
            ({"a": "b"}, {"a": None}, {}),
            ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
            ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
            ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
            (["a"], {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ]
        for document, patch, expected in cases:
            self.assertEqual(merged(document, patch), expected)


class StepTests(SynchronousTestCase):
    def test_each_operation(self) -> None:
        cases: list[tuple[Any, list[Manifest], Any]] = [
            ({"a": [1, 2]}, [{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
            ({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
            ({"a": [1, 2]}, [{"op": "replace", "path": "/a/-1", "value": 9}], {"a": [1, 9]}),
            ({"a": {"b/c": 1}}, [{"op": "remove", "path": "/a/b~1c"}], {"a": {}}),
            ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
            ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
            ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
        ]
        for document, patch, expected in cases:
            self.assertEqual(steps.patched(document, patch), expected)

    def test_what_does_not_apply(self) -> None:
        cases: list[Manifest] = [
            {"op": "test", "path": "/a", "value": True},
            {"op": "test", "path": "/x/y", "value": None},
            {"op": "remove", "path": "/x"},
            {"op": "add", "path": "/x/y", "value": 1},
            {"op": "add", "path": "/l/3", "value": 1},
            {"op": "add", "path": "a", "value": 1},
            {"op": "nothing", "path": "/a"},
        ]
        for step in cases:
            self.assertRaises(steps.Unfit, steps.patched, {"a": 1, "l": [1]}, [step])


class StrategicTests(SynchronousTestCase):
    def check(self, document: Manifest, patch: Manifest, expected: Manifest) -> None:
        self.assertEqual(strategic.merged(document, patch, LISTS), expected)

    def test_lists_with_keys(self) -> None:
        old = {"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}
        one, two = old["ports"]
        self.check(old, {"ports": [{"port": 2, "name": "c"}]}, {"ports": [one, {"port": 2, "name": "c"}]})
        self.check(old, {"ports": [{"port": 1, "$patch": "delete"}]}, {"ports": [two]})
        self.check(old, {"ports": [{"port": 3}]}, {"ports": [{"port": 3}, one, two]})
        self.check(old, {"ports": [{"$patch": "replace"}, {"port": 3}]}, {"ports": [{"port": 3}]})
        order = [{"port": 2}, {"port": 3}, {"port": 1}]
        patch = {"$setElementOrder/ports": order, "ports": [{"port": 3}]}
        self.check(old, patch, {"ports": [two, {"port": 3}, one]})
        self.assertRaises(strategic.Unfit, strategic.merged, old, {"ports": [{"name": "x"}]}, LISTS)

    def test_lists_of_words(self) -> None:
        old = {"words": ["a", "b"]}
        self.check(old, {"words": ["c", "a"]}, {"words": ["c", "a", "b"]})
        self.check(old, {"$deleteFromPrimitiveList/words": ["a"]}, {"words": ["b"]})
        self.check(old, {"$setElementOrder/words": ["b", "a"]}, {"words": ["b", "a"]})
        self.check({"order": ["a"]}, {"order": ["b"]}, {"order": ["b"]})

    def test_objects(self) -> None:
        self.check({"either": {"a": 1, "b": 2}}, {"either": {"$retainKeys": ["b"], "b": 3}}, {"either": {"b": 3}})
        self.check({"whole": {"a": 1}}, {"whole": {"$patch": "replace", "b": 2}}, {"whole": {"b": 2}})
        self.check({"whole": {"a": 1}}, {"whole": {"$patch": "delete"}}, {"whole": {}})
        self.check({"x": 1}, {"y": {"a": None, "b": 1}}, {"x": 1, "y": {"b": 1}})
        self.assertRaises(strategic.Unfit, strategic.merged, {}, {"$patch": "other"}, LISTS)


class FieldTests(SynchronousTestCase):
    OBJECT: Manifest = {
        "kind": "K",
        "metadata": {"name": "n", "labels": {"a": "b"}, "finalizers": ["x/y"]},
        "ports": [{"port": 1, "name": "a"}],
        "words": ["w"],
        "order": ["o"],
        "whole": {"a": {"b": 1}},
    }
    WRITTEN: Manifest = {
        "f:metadata": {"f:finalizers": {'v:"x/y"': {}}, "f:labels": {"f:a": {}}},
        "f:order": {},
        "f:ports": {'k:{"port":1,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}},
        "f:whole": {},
        "f:words": {'v:"w"': {}},
    }

    def test_the_fields_of_an_object(self) -> None:
        found = fieldset.owned(self.OBJECT, LISTS)
        self.assertEqual(fieldset.written(found), self.WRITTEN)
        self.assertEqual(frozenset(fieldset.read(self.WRITTEN)), found)

    def test_fields_as_messages_have_them(self) -> None:
        shown = sorted(map(fieldset.shown, fieldset.owned(self.OBJECT, LISTS)))
        item = '.ports[port=1,protocol="TCP"]'
        expected = [".metadata.labels.a", ".order", item, f"{item}.name", f"{item}.port", ".whole", '.words[="w"]']
        self.assertEqual(shown, sorted([*expected, '.metadata.finalizers[="x/y"]']))

    def test_what_is_applied_is_merged(self) -> None:
        other = {"ports": [{"port": 2}], "words": ["v"], "whole": {"c": 1}, "order": ["p"]}
        found = applied.merged(self.OBJECT, other, LISTS, root=True)
        self.assertEqual(found["ports"], [{"port": 1, "name": "a"}, {"port": 2}])
        self.assertEqual((found["words"], found["whole"], found["order"]), (["w", "v"], {"c": 1}, ["p"]))

    def test_what_nobody_owns_any_more_goes(self) -> None:
        all_ = fieldset.owned(self.OBJECT, LISTS)
        kept = frozenset(path for path in all_ if path[0] == "f:metadata")
        found = applied.without(self.OBJECT, all_, kept, LISTS)
        self.assertEqual(found, {"kind": "K", "metadata": self.OBJECT["metadata"]})
