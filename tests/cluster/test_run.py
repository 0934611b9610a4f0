"""What ``make run`` hands to Dicot and to a person."""

from __future__ import annotations

import socket
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.config import parse as parse_config
from tests.cluster import guide
from tests.cluster.run import Place, check_port, configuration, parse


class ConfigurationTests(SynchronousTestCase):
    """Dicot itself reads it."""

    def test_names_the_port_and_the_account(self) -> None:
        config = parse_config(configuration(Place(Path("/r"), 5007)))
        self.assertEqual(config.public_url, "http://127.0.0.1:5007")
        self.assertEqual(config.kubeconfig, "/r/dicot.kubeconfig")
        self.assertEqual([address.port for address in config.listen], [5007])

    def test_servers_that_were_loaded_leave_room_for_more(self) -> None:
        few, many = (parse_config(configuration(Place(Path("/r"), 5007), servers)) for servers in (0, 1000))
        self.assertEqual(few.quota["instances"], 10)
        self.assertEqual([many.quota[name] for name in ("instances", "cores", "ram")], [-1, -1, -1])
        self.assertEqual(many.quota["key_pairs"], few.quota["key_pairs"])

    def test_takes_the_log_of_an_earlier_run_away(self) -> None:
        place = Place(Path(self.mktemp()), 5007)
        place.prepare()
        place.log.write_text("earlier")
        place.prepare()
        self.assertFalse(place.log.exists())
        self.assertEqual(place.folder.stat().st_mode & 0o777, 0o700)


class PortTests(SynchronousTestCase):
    def test_one_that_is_taken_is_one_line_with_the_way_out(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = str(self.assertRaises(SystemExit, check_port, port))
        self.assertIn(f"port {port}", said)
        self.assertIn("PORT=", said)
        self.assertNotIn("\n", said)
        check_port(port)

    def test_one_that_is_none_is_a_line_too(self) -> None:
        self.assertIn("port 70000", str(self.assertRaises(SystemExit, check_port, 70000)))


class GuideTests(SynchronousTestCase):
    """A person pastes these lines."""

    def served(self, openstack: Path | None) -> list[str]:
        return guide.served("http://h:1", Path("/r u/clouds.yaml"), "dicot", openstack, Path("/r/log"))

    def test_quotes_what_a_shell_would_split(self) -> None:
        lines = self.served(Path("/c/openstack"))
        self.assertIn("export OS_CLIENT_CONFIG_FILE='/r u/clouds.yaml' OS_CLOUD=dicot", lines)
        self.assertIn("alias openstack=/c/openstack", lines)

    def test_says_how_the_command_is_got_where_it_is_not_installed(self) -> None:
        lines = self.served(None)
        self.assertIn(f"# {guide.INSTALL}", lines)
        self.assertFalse([line for line in lines if line.startswith("alias")])

    def test_every_line_is_a_command_or_a_remark(self) -> None:
        for line in [*self.served(None), *guide.cluster(Path("/k"), "kubectl")]:
            self.assertRegex(line, r"\A(#.*|export [A-Z_]+=.*|alias .*|openstack .*|kubectl .*)?\Z")


class OptionTests(SynchronousTestCase):
    def test_files_lie_in_the_checkout(self) -> None:
        self.assertEqual(parse([]).files, Path(__file__).parents[2] / "run")

    def test_what_is_wrong_is_one_line_that_names_the_variable(self) -> None:
        for option, value, variable in (
            ("--port", "none", "PORT="),
            ("--port", "70000", "PORT="),
            ("--servers", "-1", "SERVERS="),
            ("--servers", "many", "SERVERS="),
            ("--nodes", "0", "NODES="),
            ("--nodes", "zone:much", "NODES="),
        ):
            said = StringIO()
            with redirect_stderr(said):
                self.assertEqual(self.assertRaises(SystemExit, parse, [f"{option}={value}"]).code, 2)
            self.assertRegex(said.getvalue(), rf"\A[^\n]*{option}[^\n]*{value}[^\n]*{variable}[^\n]*\n\Z")
