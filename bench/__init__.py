"""Measures Dicot beside other servers, and tells ratios: ``make bench``. README.md says how each figure is made."""
