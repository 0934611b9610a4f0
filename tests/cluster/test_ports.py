"""Ports for programs that are yet to start."""

import socket
from contextlib import closing
from dataclasses import astuple
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ports import ALL, BLOCK, Block, free_ports


class BlockTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.name = f"ports-{uuid4()}"

    def block(self) -> Block:
        found = Block(self.name)
        self.addCleanup(found.close)
        return found

    def test_none_is_given_twice(self) -> None:
        """Though nobody listens on the first yet."""
        block = self.block()
        given = [block.take() for _ in range(100)]
        self.assertEqual(len(set(given)), len(given))
        self.assertLessEqual(set(given), set(ALL))

    def test_nor_by_two_processes(self) -> None:
        """A block is another's until it is left."""
        first, second = self.block(), self.block()
        port = first.take()
        self.assertNotIn(port, {second.take() for _ in range(100)})
        first.close()
        self.assertLess(abs(self.block().take() - port), BLOCK)

    def test_a_taken_one_is_passed_over(self) -> None:
        port = self.block().take()
        self.doCleanups()
        with closing(socket.create_server(("127.0.0.1", port))):
            self.assertNotEqual(self.block().take(), port)

    def test_each_program_of_a_cluster_has_its_own(self) -> None:
        ports = astuple(free_ports())
        self.assertEqual(len(set(ports)), len(ports))
