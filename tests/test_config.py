"""The configuration file."""

from ipaddress import ip_network
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.config import OPTIONS, Address, Config, ConfigError, parse, read

SHIPPED = Path(__file__).parent.parent / "etc" / "dicot.toml"


class ConfigTests(SynchronousTestCase):
    """Reading TOML into Config."""

    def test_shipped_file_says_the_defaults(self) -> None:
        self.assertEqual(read(str(SHIPPED)), Config())

    def test_shipped_file_shows_every_option(self) -> None:
        text = SHIPPED.read_text()
        for section, options in OPTIONS.items():
            for key in options:
                self.assertIn(f"\n{key} = ", text.split(f"[{section}]")[1].split("\n[")[0], section)

    def test_names_every_mistake_at_once(self) -> None:
        error = self.assertRaises(
            ConfigError, parse, '[api]\nlisten = 3\nlisteen = "x"\n[qouta]\n[quota]\nram = "a"\n'
        )
        self.assertEqual(
            str(error).splitlines(),
            [
                "api.listen: must be a list of strings, with at least one",
                "api.listeen: unknown option",
                "qouta: unknown section",
                "quota.ram: must be a whole number, -1 for no limit",
            ],
        )

    def test_what_is_no_toml_is_said(self) -> None:
        self.assertIn("not TOML", str(self.assertRaises(ConfigError, parse, "[api")))

    def test_missing_file_is_named(self) -> None:
        self.assertIn("/nowhere", str(self.assertRaises(ConfigError, read, "/nowhere")))

    def test_addresses_are_urls(self) -> None:
        config = parse('[api]\nlisten = ["http://[::1]:80"]\n[status]\nlisten = []\n')
        self.assertEqual((config.listen, config.status_listen), ((Address("::1", 80),), ()))
        for wrong in ("127.0.0.1:5000", "http://127.0.0.1", "ftp://a:1", "http://a:99999"):
            error = self.assertRaises(ConfigError, parse, f'[api]\nlisten = ["{wrong}"]')
            self.assertIn("api.listen:", str(error))

    def test_proxies_are_networks(self) -> None:
        config = parse('[api]\nproxies = ["10.0.0.0/8", "2001:db8::1"]')
        self.assertEqual(config.proxies, (ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128")))
        self.assertIn("api.proxies:", str(self.assertRaises(ConfigError, parse, '[api]\nproxies = ["10.0.0.1/8"]')))

    def test_leaving_takes_a_minute_at_most(self) -> None:
        self.assertEqual(parse("[api]\nleave_seconds = 2").leave_seconds, 2.0)
        for wrong in ("-1", "61", '"5"', "true", "nan"):
            error = self.assertRaises(ConfigError, parse, f"[api]\nleave_seconds = {wrong}")
            self.assertIn("api.leave_seconds:", str(error))

    def test_tls_needs_a_certificate(self) -> None:
        self.assertIn(
            "api.tls_certificate", str(self.assertRaises(ConfigError, parse, '[api]\nlisten = ["https://a:1"]'))
        )

    def test_public_url_loses_its_last_slash(self) -> None:
        self.assertEqual(parse('[api]\npublic_url = "https://cloud.example/"').public_url, "https://cloud.example")
