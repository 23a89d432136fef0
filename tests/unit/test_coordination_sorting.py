"""Sorting in compiled code: numpy's stable order, and nothing compiled sorts in a way that can be mixed up."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import floodmark
from floodmark.coordination.sorting import stable_order

SOURCES = Path(floodmark.__file__).parent


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 65, 1000])
def test_the_order_is_stable(count: int) -> None:
    rng = np.random.default_rng(count)
    for values in (rng.integers(-5, 5, count), np.zeros(count, np.int64), np.arange(count)[::-1].copy()):
        assert stable_order(values).tolist() == np.argsort(values, kind="stable").tolist()


def test_no_compiled_function_asks_for_an_argsort() -> None:
    """Kept machine code of argsort and sort can be mixed up between processes, see `stable_order`."""
    compiled = []
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
            if isinstance(node, ast.FunctionDef) and any("compiled" in mark or "njit" in mark for mark in marks):
                compiled.append(node.name)
                called = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                assert not called & {"argsort", "nanmedian", "nanpercentile", "nanquantile"}, (path.name, node.name)
    assert {"even_gaps", "_order_in_time", "stable_order"} <= set(compiled)
