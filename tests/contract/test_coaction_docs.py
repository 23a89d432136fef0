"""What the documentation of co-actions shows is what the code gives."""

from __future__ import annotations

import re
from pathlib import Path

from floodmark.coaction.edges import run_edges


def test_the_example_of_the_explanation_is_true(root: Path, tmp_path: Path) -> None:
    page = (root / "docs/explanation/coactions.md").read_text(encoding="utf-8")
    shares, expected = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "shares.csv").write_text(shares, encoding="utf-8")
    run_edges(tmp_path / "shares.csv", window_ms=60_000, out=tmp_path / "edges.csv")
    assert (tmp_path / "edges.csv").read_text(encoding="utf-8") == expected
