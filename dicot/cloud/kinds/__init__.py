"""Kinds that more than one service reads. Free of Twisted."""
