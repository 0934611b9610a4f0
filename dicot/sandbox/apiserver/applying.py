"""Server-side apply: what an apply may change (apimachinery, pkg/util/managedfields).

What was there before the first apply is owned by "before-first-apply".
"""

from dataclasses import replace

import yaml
from msgspec import json

from dicot.kube.kind import Manifest

from .ownership import LAST_APPLIED, Owner, differing, note, own, owners
from .patching import applied, fieldset
from .patching.fieldset import Path
from .refusal import Cause, Refusal
from .refusals import MODIFIED, bad_options, bad_request, conflict, plain, required
from .structural.node import Node
from .writing import Write, Writer, Written, named, within

BEFORE = "before-first-apply"
_NOTES_WHAT_IT_APPLIES = "kubectl"
"""The manager whose applies are noted where those of clients were, so that both can be mixed."""


def apply(writer: Writer, write: Write, body: bytes) -> Written:
    """PATCH of type apply. What is absent is made. Raises Refusal."""
    if not write.query.manager:
        raise bad_options("PatchOptions", required("fieldManager", "is required for apply patch"))
    sent = _sent(write, body)
    node = writer.schemas.node(write.resource)
    sent, fields = _declared(writer, write, sent, node)
    within(write, sent)
    old = writer.read(write)
    mine = Owner(write.query.manager, "Apply", write.resource.api_version, writer.now(), fields, write.subresource)
    if old is None:
        own(sent, [mine])
        writer.schemas.fit(write.resource, sent)
        return writer.make(replace(write, applies=True), sent)
    _of_version(write, sent, old)
    new = _changed(write, sent, old, mine, node)
    if write.query.manager == _NOTES_WHAT_IT_APPLIES and note(old) is not None:
        new["metadata"]["annotations"][LAST_APPLIED] = _noted(sent)
    writer.schemas.fit(write.resource, new)
    return writer.change(replace(write, applies=True), new, old)


def _sent(write: Write, body: bytes) -> Manifest:
    """The object that is applied."""
    try:
        sent = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: error converting YAML to JSON: yaml: {_line(error)}") from error
    if not isinstance(sent, dict):
        raise bad_request("error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}")
    group, _, version = str(sent.get("apiVersion") or "").rpartition("/")
    kind = sent.get("kind") or ""
    if (sent.get("apiVersion"), kind) != (write.resource.api_version, write.resource.kind):
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
    metadata = sent.setdefault("metadata", {})
    if metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    metadata.setdefault("name", write.name)
    named(write, sent)
    return sent


def _declared(writer: Writer, write: Write, sent: Manifest, node: Node | None) -> tuple[Manifest, frozenset[Path]]:
    """What was sent of what is known, without defaults, and the fields that it sets."""
    fitted = json.decode(json.encode(sent))
    writer.fitted(write, fitted, lambda said: _undeclared(write, sent, said))
    asked, known = fieldset.owned(sent, node), fieldset.owned(fitted, node)
    return applied.without(sent, asked - known, known, node), asked & known


def _noted(sent: Manifest) -> str:
    """What is applied, as kubectl and the API server write it down."""
    metadata = dict(sent["metadata"])
    if "annotations" in metadata:
        metadata["annotations"] = {
            name: value for name, value in metadata["annotations"].items() if name != LAST_APPLIED
        }
    text = json.encode({**sent, "metadata": metadata}, order="sorted").decode()
    for sign in "&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text + "\n"


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: {getattr(error, 'problem', error)}" if mark else str(error)


def _undeclared(write: Write, sent: Manifest, said: list[str]) -> Refusal:
    """What a strict client is told of a field that nobody knows."""
    resource = write.resource
    kind = f"{resource.group}/{resource.version}, Kind={resource.kind}"
    field = said[0].partition('"')[2].rstrip('"')
    what = f"({sent['metadata'].get('namespace', '')}/{write.name}; {kind})"
    return plain(500, f"failed to create typed patch object {what}: .{field}: field not declared in schema")


def _of_version(write: Write, sent: Manifest, old: Manifest) -> None:
    metadata = sent["metadata"]
    version, uid = metadata.get("resourceVersion"), metadata.get("uid")
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(write.resource, write.name, MODIFIED)
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(write.resource, write.name, why)


def _changed(write: Write, sent: Manifest, old: Manifest, mine: Owner, node: Node | None) -> Manifest:
    """The object after an apply, with its owners."""
    everything = Owner(BEFORE, "Update", write.resource.api_version, mine.time, fieldset.owned(old, node))
    known = owners(old) or [everything]
    before = next((each for each in known if each.key == mine.key), replace(mine, fields=frozenset()))
    others = [each for each in known if each.key != mine.key]
    new: Manifest = applied.merged(old, sent, node, root=True)
    others = _yielded(write, others, mine, differing(old, new, node))
    kept = frozenset(path for each in (mine, *others) for path in each.fields)
    new = applied.without(new, before.fields - mine.fields, kept, node)
    new["metadata"] = {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
    if before.fields == mine.fields:
        mine = replace(mine, time=before.time)
    own(new, [mine, *others])
    return new


def _yielded(write: Write, others: list[Owner], mine: Owner, differing: frozenset[Path]) -> list[Owner]:
    """The others without what is taken from them. Raises Refusal where they do not yield."""
    wanted = mine.fields & differing
    taken = [(each, path) for each in others for path in sorted(each.fields & wanted)]
    if taken and not write.query.force:
        raise _contested(taken)
    return [replace(each, fields=each.fields - wanted) for each in others]


def _contested(taken: list[tuple[Owner, Path]]) -> Refusal:
    causes = tuple(
        Cause("FieldManagerConflict", f"conflict with {_said(each)}", fieldset.shown(path)) for each, path in taken
    )
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
        return Refusal(409, "Conflict", text, causes=causes)
    by_owner: dict[str, list[str]] = {}
    for each, path in taken:
        by_owner.setdefault(_said(each), []).append(fieldset.shown(path))
    lines = []
    for name, fields in sorted(by_owner.items()):
        lines += [f"conflicts with {name}:", *(f"- {field}" for field in fields)]
    listed = "\n".join(lines)
    return Refusal(409, "Conflict", f"Apply failed with {len(causes)} conflicts: {listed}", causes=causes)


def _said(owner: Owner) -> str:
    """An owner as messages have him."""
    text = f'"{owner.manager}"'
    if owner.subresource:
        text += f' with subresource "{owner.subresource}"'
    return text if owner.operation == "Apply" else f"{text} using {owner.api_version}"
