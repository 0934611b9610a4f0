"""Installs the package and the twistd plugin, which lies in a folder without ``__init__``."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["dicot", "dicot.*"]), "twisted.plugins"],
    package_data={
        "twisted": ["plugins/dicot_plugin.py"],
        "dicot": [
            "py.typed",
            "sandbox/apiserver/rights/*.json",
            "sandbox/facts/*.json",
            "sandbox/facts/crds/*.json",
        ],
    },
)
