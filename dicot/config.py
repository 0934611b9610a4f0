"""The frozen configuration, read from TOML. A leaf: views read public_url and the like from it."""

import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

QUOTA_DEFAULTS: Mapping[str, int] = MappingProxyType(
    {
        "instances": 10,
        "cores": 20,
        "ram": 51200,
        "metadata_items": 128,
        "key_pairs": 100,
        "server_groups": 10,
        "server_group_members": 10,
    }
)
"""Nova's defaults (nova/conf/quota.py); ram in MiB; -1 is unlimited."""


class ConfigError(Exception):
    """Every mistake of a configuration, one a line, each naming its key."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and whether over TLS."""

    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """What ``etc/dicot.toml`` says, checked; each option is explained there."""

    listen: tuple[Address, ...] = (Address("127.0.0.1", 5000),)
    tls_certificate: str = ""
    tls_key: str = ""
    public_url: str = "http://127.0.0.1:5000"
    region: str = "RegionOne"
    access_log: str = "-"
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    leave_seconds: float = 0.0
    kubeconfig: str = ""
    context: str = ""
    allow_insecure: bool = False
    status_listen: tuple[Address, ...] = (Address("127.0.0.1", 5001),)
    status_public: bool = False
    token_life: int = 3600
    admin_secret: str = "dicot-admin"
    network_driver: str = "pod"
    network_name: str = "private"
    network_cidrs: tuple[str, ...] = ()
    storage_class: str = ""
    quota: Mapping[str, int] = field(default_factory=lambda: QUOTA_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Option:
    """One key of the file: its field of Config, and what makes a value of it (or raises ValueError)."""

    field: str
    read: Callable[[object], object]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _word(value: object) -> str:
    if not _text(value):
        raise ValueError("must not be empty")
    return _text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be an http:// or https:// URL")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of strings, with at least one")
    return tuple(_word(item) for item in value)


def _addresses(value: object) -> tuple[Address, ...]:
    return tuple(_address(text) for text in _texts(value))


def _maybe_addresses(value: object) -> tuple[Address, ...]:
    return () if value == [] else _addresses(value)


def _address(text: str) -> Address:
    parts = urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or port is None or parts.path not in ("", "/"):
        raise ValueError(f'"{text}" is not like "http://127.0.0.1:5000" or "https://[::]:5000"')
    return Address(host, port, parts.scheme == "https")


def _networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    return () if value == [] else tuple(ipaddress.ip_network(text) for text in _texts(value))


def _prefixes(value: object) -> tuple[str, ...]:
    return tuple(str(network) for network in _networks(value))


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 60 <= value <= 86400:
        raise ValueError("must be a number of seconds from 60 to 86400")
    return value


def _pause(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 60:
        raise ValueError("must be a number of seconds from 0 to 60")
    return float(value)


def _driver(value: object) -> str:
    if value != "pod":
        raise ValueError('must be "pod", the only driver of this release')
    return "pod"


def _amount(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < -1:
        raise ValueError("must be a whole number, -1 for no limit")
    return value


OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "api": {
        "listen": Option("listen", _addresses),
        "tls_certificate": Option("tls_certificate", _text),
        "tls_key": Option("tls_key", _text),
        "public_url": Option("public_url", _url),
        "region": Option("region", _word),
        "access_log": Option("access_log", _text),
        "proxies": Option("proxies", _networks),
        "leave_seconds": Option("leave_seconds", _pause),
    },
    "kubernetes": {
        "kubeconfig": Option("kubeconfig", _text),
        "context": Option("context", _text),
        "allow_insecure": Option("allow_insecure", _flag),
    },
    "status": {"listen": Option("status_listen", _maybe_addresses), "public": Option("status_public", _flag)},
    "identity": {"token_life": Option("token_life", _seconds), "admin_secret": Option("admin_secret", _word)},
    "network": {
        "driver": Option("network_driver", _driver),
        "name": Option("network_name", _word),
        "cidrs": Option("network_cidrs", _prefixes),
    },
    "image": {"storage_class": Option("storage_class", _text)},
}


def _quota(section: Mapping[str, object], wrong: list[str]) -> Mapping[str, int]:
    amounts = dict(QUOTA_DEFAULTS)
    for key, value in section.items():
        if key not in QUOTA_DEFAULTS:
            wrong.append(f"quota.{key}: unknown option")
            continue
        try:
            amounts[key] = _amount(value)
        except ValueError as error:
            wrong.append(f"quota.{key}: {error}")
    return MappingProxyType(amounts)


def parse(text: str) -> Config:
    """The configuration of a TOML text. Raises ConfigError with every mistake in it."""
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}") from None
    wrong: list[str] = []
    found: dict[str, Any] = {}
    for section, options in content.items():
        if not isinstance(options, dict) or (section not in OPTIONS and section != "quota"):
            wrong.append(f"{section}: unknown section")
        elif section == "quota":
            found["quota"] = _quota(options, wrong)
        else:
            _section(section, options, found, wrong)
    config = replace(Config(), **found)
    if any(address.tls for address in config.listen) and not (config.tls_certificate and config.tls_key):
        wrong.append("api.tls_certificate, api.tls_key: both are needed to listen on https")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return config


def _section(section: str, options: Mapping[str, object], found: dict[str, Any], wrong: list[str]) -> None:
    for key, value in options.items():
        option = OPTIONS[section].get(key)
        if option is None:
            wrong.append(f"{section}.{key}: unknown option")
            continue
        try:
            found[option.field] = option.read(value)
        except ValueError as error:
            wrong.append(f"{section}.{key}: {error}")


def read(path: str) -> Config:
    """The configuration in a file. Raises ConfigError, also where the file cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
