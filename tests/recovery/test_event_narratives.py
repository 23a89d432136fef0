"""Families of texts: planted copies are found under disguise, real documents as often as by a peer."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.benchmark import event_narratives as study

WHOLE = ("none", "emoji after a share of words", "look-alikes for a share of letters", "hashtags around, in any order")


@pytest.mark.parametrize("name", [*WHOLE, "vowel marks on a share of letters", "ZWNJ in a share of Persian words"])
def test_disguises_do_not_break_a_family(name: str) -> None:
    found = study.planted(name, max(study.DISGUISES[name][0]), 2, 5)
    assert float(str(found["hit_share"])) >= 0.95, found
    assert found["false_alarm_share"] == 0.0


def test_appended_words_need_half_the_text_to_break_it() -> None:
    assert float(str(study.planted("words appended, of its length", 0.25, 2, 5)["hit_share"])) >= 0.9
    replaced = [float(str(study.planted("a share of words replaced", s, 2, 5)["hit_share"])) for s in (0.05, 0.4)]
    assert replaced[0] > 0.8
    assert replaced[1] < 0.5


def test_documents_of_a_peer_are_found_as_well(shared: Path) -> None:
    found = {str(row["behaviour"]): row for row in study.peer_rows(shared / "data")}
    if not found:
        pytest.skip("the documents of the peer are absent")
    for row in found.values():
        assert row["cross_family_pairs"] == 0
    copies, rewordings = (found[f"{kind}, by copies and rewordings"] for kind in ("copy-pasta", "rewording"))
    # What the peer found of this file, and the shares of its notebook: 3,965 of 4,030 and 3,364 of 4,017.
    for row, share in ((copies, 3_965 / 4_030), (rewordings, 3_364 / 4_017)):
        assert int(str(row["pairs_found"])) >= int(str(row["pairs_of_peer"]))
        assert float(str(row["share"])) >= share
