"""The table of all flags: one row each, figures as the pages have them, gaps said in words."""

from __future__ import annotations

from pathlib import Path

from floodmark import registry
from floodmark.benchmark.accounts_table import SOURCES, read_page, rows


def test_every_flag_has_a_row_here_and_on_the_page(root: Path) -> None:
    made = [row["flag"] for row in rows(root / "docs" / "studies")]
    assert made == [f"`{name}`" for name in sorted(registry.flags().items)]
    page = read_page((root / "docs" / "studies" / "accounts.md").read_text(encoding="utf-8"))
    assert [row["flag"] for row in page] == made


def test_sources_are_flags_and_their_plants_are_on_their_pages(root: Path) -> None:
    assert set(SOURCES) <= set(registry.flags().items)
    page = read_page((root / "docs" / "studies" / "accounts_profiles.md").read_text(encoding="utf-8"))
    there = {(row["measure"], row["behaviour"], row["strength"]) for row in page}
    for source in SOURCES.values():
        if source.page == "accounts_profiles":
            assert {(source.measure, source.behaviour, strength) for strength in source.strengths} <= there


def test_figures_are_copied_and_gaps_are_words(tmp_path: Path) -> None:
    header = ["measure", "behaviour", "strength", "judged", "flagged", "hit_share", "hit_low", "hit_high"]
    header += ["false_alarm_share", "false_alarm_low", "false_alarm_high"]
    plant = ["digit_tail", "planted handle", "8 digits", "100", "2", "0.75", "0.6", "0.9", "0.02", "0.01", "0.07"]
    real = ["digit_tail", "real: cresci genuine", "random halves", "300", "3", "–", "–", "–", "0.01", "0.003", "0.029"]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), plant, real))
    (tmp_path / "accounts_profiles.md").write_text(f"# Study\n\n{table}\n", encoding="utf-8")
    made = {str(row["flag"]).strip("`"): row for row in rows(tmp_path)}
    assert made["digit_tail"]["medium plant"] == "8 digits: 0.75 (0.6 to 0.9)"
    assert made["digit_tail"]["weak plant"] == "not measured"
    assert made["digit_tail"]["cresci genuine"] == "0.01 (0.003 to 0.029), 3 of 300"
    assert made["shared_text"]["GOP debate"] == "not testable: description"
    assert made["takeover"]["study"] == "none"


def test_the_page_is_linked(root: Path) -> None:
    assert "studies/accounts.md" in (root / "README.md").read_text(encoding="utf-8")
    assert "studies/accounts.md" in (root / "docs" / "explanation" / "measures.md").read_text(encoding="utf-8")
