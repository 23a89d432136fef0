"""Every example in a docstring of the package runs and gives what it shows."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import floodmark

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(floodmark.__path__, "floodmark.")
    if module.name != "floodmark.__main__"  # importing it runs the program
)
#: Rooms whose public functions have examples: were their modules not found, nothing below would be looked at.
ROOMS = ("accounts", "benchmark", "coaction", "coordination", "event", "ingest", "place", "report", "simulate")


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_examples(room: str) -> None:
    inside = [importlib.import_module(name) for name in MODULES if name.startswith(f"floodmark.{room}.")]
    assert sum(len(test.examples) for module in inside for test in doctest.DocTestFinder().find(module)) > 0
