"""The Common Expression Language, as the API server evaluates it in schemas and in admission policies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

import cel

from .admission.policies import Expression, Malformed, Undefined

_LAZY = re.compile(r"\b(\w+)\.(\w+)")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_RESERVED = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    )
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def escaped(name: str) -> str:
    """A property's name as expressions write it (apiserver, pkg/cel/escaping.go)."""
    if name in _RESERVED:
        return f"__{name}__"
    for mark, word in _ESCAPES:
        name = name.replace(mark, word)
    return name


def compiled(text: str) -> Expression:
    """An expression, ready. Raises Malformed."""
    try:
        program = cel.compile(text)
    except ValueError as error:
        raise Malformed(str(error)) from error
    names = frozenset(program.variables())
    members = _LAZY.findall(text)

    def evaluate(known: Mapping[str, Any]) -> object:
        context = cel.Context(variables={name: _given(name, known, members) for name in names if name in known})
        for name, function in _FUNCTIONS.items():
            context.add_function(name, function)
        try:
            return program.execute(context)
        except KeyError as error:
            raise Undefined(f"no such key: {error.args[0]}") from None
        except (RuntimeError, TypeError, ValueError, ArithmeticError) as error:
            raise Undefined(str(error)) from None

    return evaluate


def _given(name: str, known: Mapping[str, Any], members: list[tuple[str, str]]) -> Any:
    """A value; of a mapping that computes its values only those are asked for that the expression names."""
    value = known[name]
    if isinstance(value, Mapping) and not isinstance(value, dict):
        wanted = {member for holder, member in members if holder == name}
        return {member: value[member] for member in wanted if member in value}
    return value


def _is_address(text: str) -> bool:
    """As Go's netip reads one; a zone and an IPv4 address within IPv6 are no part of it."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and getattr(found, "ipv4_mapped", None) is None


def _is_prefix(text: str) -> bool:
    address, _, length = text.partition("/")
    if not _is_address(address) or not _LENGTH.fullmatch(length):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "isCIDR": _is_prefix,
    "isIP": _is_address,
    "join": lambda parts, between="": between.join(parts),
    "lowerAscii": lambda text: text.lower(),
    "replace": lambda text, one, other: text.replace(one, other),
    "split": lambda text, mark: text.split(mark) if mark else list(text),
    "substring": lambda text, begin, end=None: text[begin:end],
    "trim": lambda text: text.strip(),
    "upperAscii": lambda text: text.upper(),
}
"""What Kubernetes adds to the language, as far as anybody here says it (apiserver, pkg/cel/library)."""
