"""Intervals of prevalence hold the planted truth about as often as they say; the full count is a study."""

from __future__ import annotations

from floodmark.benchmark import accounts_prevalence as study


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rows = [study.audit(*audit, 400, 7) for audit in study.AUDITS]
    rows += [study.error_rates("some labels", 100, 200, 7), study.classes(2, 100, 7), study.classes(3, 100, 7)]
    for row in rows:
        assert float(str(row["low"])) <= 0.92, row
        assert float(str(row["high"])) >= 0.88, row


def test_independent_flags_are_seldom_refused_and_dependent_ones_often() -> None:
    assert float(str(study.dependent(0.0, 12, 7)[0]["share"])) <= 0.25
    assert float(str(study.dependent(0.6, 6, 7)[0]["share"])) >= 0.8
