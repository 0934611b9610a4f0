"""Values that the fields of compute's request bodies are tried with: fitting ones, near misses, and the quite odd."""

import base64
from collections.abc import Mapping
from typing import Any

A, B, C = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "abc")
VOLUME, VOLUME_EMPTY, VOLUME_USED, VOLUME_SHARED, SNAPSHOT, SNAPSHOT_EMPTY = (
    f"{n * 8}-{n * 4}-4{n * 3}-8{n * 3}-{n * 12}" for n in "123456"
)
HIDDEN_IMAGE, PORT_FREE, PORT_USED = (f"{n * 8}-{n * 4}-4{n * 3}-8{n * 3}-{n * 12}" for n in "789")
NETWORK = "df959c7b-4caf-583f-a795-a4cba6bded9d"
UUIDS = (A, B, C, A.upper(), A.replace("-", ""), f"{{{A}}}", f"urn:uuid:{A}")
NO_UUIDS = ("", A[:-1], f"{A}\n", f" {A}", A.replace("a", "g"), f"{{{A}", A[:8], "a-" * 16, f"uuid:{A}", f"{A}}}")
TEXT = base64.b64encode(b"#!/bin/sh\n").decode()
LONG = "0123456789abcdef" * 16

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpm98uUGNDQWob7UliFAYLjw9928qVsqul00yJzweuk"
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDTdPHXbNn7prEPY1WALUf5n4wDXX7TjIt2DO3l7"
    "nGpJ2mhUJIRmOwA0CEebWVrWYNZMTNHMAAZU8wv+6rsvWN0="
)
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUMadWuxyC3qn/eM5mMiQsEw1mqa8wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjYwNzI2NDdaGA8yMTI2MTEwMjA3MjY0N1ow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJCu2/0ZYqDc
qAxmiieTDvGjYuV5B/SBgjb4qL18ZjBdFm650U8MQ1yP+mejFcYllCqW3rp5gIFb
gr86UOUG0D+jUzBRMB0GA1UdDgQWBBSYgr3hNrpF1iilCAHkOtA72rCdBDAfBgNV
HSMEGDAWgBSYgr3hNrpF1iilCAHkOtA72rCdBDAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0cAMEQCID5NZOE31hb4VBoUYity4cnKOLNaAet23Bh2VfVBZ/+R
AiBHmay6bW7Kfvbfd1Si/hdUTRNWyoAiE4iCgcn5QzwR2A==
-----END CERTIFICATE-----
"""

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 256, 2**31 - 1, 2**31, 2**63, 10**19, 0.0, 1.0, 1.5, -0.5, 1e30),
    *("", " ", "a", "ab", " a", "a ", "a b", "A", "0", "1", "-1", "00", "1.5", "1e3", "null", "True", "none", "auto"),
    *(LONG[:63], LONG[:64], LONG[:255], LONG, f"{LONG}a", "\n", "a\n", "a\nb", "\t", "a\tb", "\x00", "\x7f", "a\x85"),
    *("\u00e9", "\u4e16\u754c", "\u0661", "\uff11", "\u00b2", "\u00a0a", "a\u2028", "\u200b", "\ufeff", "\ufffd"),
    *("e\u0301", "\U0001f600", "\u00df", "\u0130", "\u3000", "%s", "{0}", "'", '"', "\\", "<a>", "a,b", "a/b", "a:b"),
    *([], {}, [None], [""], ["a"], ["a", "a"], [[]], [{}], [A], {"a": 1}, {"": ""}, {"name": "a"}, {"a": {"b": []}}),
)
"""Values for a field of any kind."""

NAMES = ("web1", "a", "\u4e16\u754c", "a b", "a.b_c-d", LONG[:255], "caf\u00e9", "R&D", "'", "web-1.example.org")
GOOD: Mapping[str, tuple[Any, ...]] = {
    "name": NAMES,
    "uuid": UUIDS,
    "image": (*(A,) * 8, B, B, C, C, A.upper(), HIDDEN_IMAGE, *UUIDS, ""),
    "network": (*(NETWORK,) * 12, NETWORK.upper(), *UUIDS),
    "port": (*(None,) * 8, *(PORT_FREE,) * 8, PORT_USED, PORT_FREE.upper(), *UUIDS),
    "key": ("web1", "a", "web1", "web1", "a", "web1", "a", "web1", "a", "Web1", "a b"),
    "flavor": (
        "1",
        1,
        "1",
        "42",
        "7",
        "1",
        "42",
        "7",
        "1",
        "42",
        "1",
        "42",
        "http://cloud/flavors/42?a=b",
        "flavors/7/",
        "?",
        "a#b",
        "http://[::1",
        -3,
    ),
    "text": ("", "a", "p\u00e4ss", LONG, "\n", "\x00"),
    "metadata": ({}, {"a": "b"}, {"a b:c-d_e.f": ""}, {LONG[:255]: LONG[:255]}, {"k": "\u4e16\n", "l\n": ""}),
    "ipv4": ("10.0.0.1", "255.255.255.255", "0.0.0.0"),
    "ipv6": (
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "2001:db8:0:0:0:0:0:1",
        "2001:DB8::1",
        "::10.0.0.1",
        "1:0:0:2:0:0:0:3",
    ),
    "ip": ("10.0.0.1", "fd00::2"),
    "disk": ("AUTO", "MANUAL"),
    "flag": (True, False, "True", "FALSE", "on", "Off", "yes", "No", "0", "1"),
    "count": (1, 2, "1", "2", 3, "03", "+1"[1:]),
    "content": ("", TEXT, "YQ==", f"{TEXT}\n", "Y Q = =", "YQ==YQ==", "A" * 65532),
    "tag": ("a", "\u4e16", LONG[:60], "a b", "\n", "a:b"),
    "tags": ([], ["a"], ["a", "b", "a"], [str(number) for number in range(50)]),
    "certs": (None, ["a"], ["a", "b"], [str(number) for number in range(50)]),
    "host": (
        "node-1",
        "node-2",
        "node-1",
        "node-1",
        "node-2",
        "node-1",
        "node_1.example.org",
        "a",
        "-",
        LONG[:255],
        "node-1\n",
    ),
    "hostname": ("web1", "WEB-1", "a1", "a" * 63, "web1\n"),
    "description": (None, "", "words", "a" * 255, "\u4e16 ", " a", "a\n"),
    "zone": (
        "nova",
        "az-1",
        "nova",
        "az-1",
        "nova",
        "az-1",
        "az-1:node-2",
        "nova:node-1",
        "nova",
        "az-1",
        "nova",
        "az-1:node-1",
        "az-1:node-2",
        "nova:node-1",
        "az-1::node-1",
        "nova::node-2",
        "az-1:node-1:node-1",
        "az-1:a:b",
        ":",
        "a:",
        "::",
        ":node-1",
        "nova:x",
        "moon",
    ),
    "zone or none": (None, "az-1", "az-1", "nova", " ", "\n", LONG[:255]),
    "source": ("volume", "image", "snapshot", "blank"),
    "target": ("local", "volume"),
    "size": (1, "1", 20, "2147483647"),
    "index": (0, "0", 1, "-1", None, -1),
    "path": ("/a", ""),
    "groups": (
        [],
        [{"name": "default"}],
        [{}],
        [{"name": A}, {"name": "b"}, {"name": "b"}],
        [{"name": "web"}],
        [{"name": "c"}],
    ),
    "key name": ("k", "my key_1-2", LONG[:255]),
    "wide name": ("k", "a@b.c"),
    "public key": (ED25519, f"{ED25519} a b", ECDSA, f"{ECDSA}\n", CERTIFICATE, CERTIFICATE.replace("\n", "\r\n")),
    "type": ("ssh", "x509"),
    "how": ("HARD", "Hard", "hard", "SOFT", "Soft", "soft"),
}
NEAR: Mapping[str, tuple[Any, ...]] = {
    "name": (f"{LONG[:255]}b", "\u2009a", "a\u2009", "a\u2029b", "\uffff", "\ufffe", "\ue000", "\ud7ff"),
    "uuid": NO_UUIDS,
    "image": NO_UUIDS,
    "network": NO_UUIDS,
    "port": NO_UUIDS,
    "flavor": ("", 1.5, True, "/", "a/", "http://a/b/c#d?e"),
    "metadata": (
        {"": "a"},
        {"a": 1},
        {"a": None},
        {"a/b": ""},
        {f"{LONG}": ""},
        {"a": LONG},
        {"\u00e9": ""},
        {"a\n\n": ""},
    ),
    "ipv4": ("", "10.0.0", "10.0.0.256", "010.0.0.1", "::1", "10.0.0.1\n", " 10.0.0.1", "10.0.0.1/8", "1"),
    "ipv6": ("", "10.0.0.1", "::g", "fe80::1%eth0", "::1/64", ":::", "[::1]", "::1 "),
    "ip": ("", "10.0.0.300", "::1%1", "a"),
    "disk": ("auto", "Auto", "", "MANUAL "),
    "flag": (1, 0, 2, "tRue", "y", "n", "t", "f", "2", "", "TRUE ", 1.0),
    "count": (0, -1, "0", "-1", "", "1.0", 1.0, "1e1", " 1", "1_0", "1\n", 2**40, "9" * 20, "9" * 4300, "9" * 4301),
    "content": ("a", "YQ", "YQ=", "=", "A" * 65535, "A" * 65536, "\u00e9\u00e9", "Y!Q==", "YQ==\x00", "\u00e9YQ=="),
    "tag": ("", "a,b", "a/b", f"{LONG[:60]}b", ","),
    "tags": ([""], ["a/b"], [1], [str(number) for number in range(51)], "a", [None]),
    "certs": ([], ["a", "a"], [""], [1], [str(number) for number in range(51)], [None], "a"),
    "host": ("", "a b", "\u00e9", LONG, "a/b", "node-1\n\n"),
    "hostname": ("a", "", "-a", "a-", "a.b", "a" * 64, "a_b", "\u00e9a", "web1\n\n"),
    "description": ("a" * 256, "a\nb", "\x07", "\u200b", "\U0001f600", "a\n\n"),
    "zone": (
        "nova",
        "az-1",
        "nova",
        "az-1",
        "nova",
        "az-1",
        "az-1:node-2",
        "nova:node-1",
        "a:b:c:d",
        ":::",
        "",
        "a :b",
        " a",
        LONG,
    ),
    "zone or none": ("", LONG, f"{LONG}a"),
    "source": ("Volume", "", "network"),
    "target": ("remote", "", "LOCAL"),
    "size": (0, "0", -1, "", 2**31, "2147483648", 1.0, "1.0", "01", "1" * 30, "-1", True),
    "index": ("", "a", 1.0, "1.5", "--1", "9" * 4301, "1\n", True),
    "groups": ([{"name": ""}], [{"id": A}], ["a"], [None], [{"name": None}], {"name": "a"}, [{"name": " a"}]),
    "key name": ("", "a@b", "a.b", "\u00e9", " a", "a ", "a\n", "a/b", f"{LONG}"),
    "wide name": ("", "a+b", "\u00e9", ".", "@", " a", "a/b"),
    "public key": (
        "",
        f" {ED25519}",
        ED25519.replace(" ", "  "),
        ED25519[:-8],
        CERTIFICATE[:99],
        "ssh-rsa",
        "ssh-rsa ",
        "ssh-rsa AAAA",
        "a b c",
        "-----BEGIN CERTIFICATE-----\n",
        "\u00e9 YQ== ",
    ),
    "type": ("SSH", "", "x.509"),
    "how": ("Hard ", "", "HArd", "COLD"),
}
