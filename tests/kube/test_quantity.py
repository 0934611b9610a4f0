"""Kubernetes quantities."""

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.quantity import amount, whole


class QuantityTests(SynchronousTestCase):
    """Every form of resource.Quantity."""

    def test_forms(self) -> None:
        for text, number in (
            ("10Gi", Decimal(10 * 1024**3)),
            ("1.5Mi", Decimal(1572864)),
            ("500m", Decimal("0.5")),
            ("2k", Decimal(2000)),
            ("3M", Decimal(3 * 10**6)),
            ("12e6", Decimal(12 * 10**6)),
            ("7", Decimal(7)),
            ("1E", Decimal(10**18)),
        ):
            self.assertEqual(amount(text), number, text)

    def test_what_is_none_is_none(self) -> None:
        for text in ("", "x", "1Q", "1 Gi", "1e999999", "9" * 80):
            self.assertRaises(ValueError, amount, text)

    def test_bytes_are_rounded_up(self) -> None:
        self.assertEqual((whole("1.1"), whole("500m"), whole("nonsense")), (2, 1, 0))
