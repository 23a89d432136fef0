"""The real debate case: 13,871 posts of viewers and the operation's window, through the whole main job."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from floodmark import case, config
from floodmark.pipeline import replay, run_case
from floodmark.progress import Reporter


@pytest.fixture(scope="module")
def debate(shared: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debate") / "case"
    loaded = config.load(root / "examples" / "debate-2015.toml")
    if not loaded.file(loaded.inputs[0]).is_file():
        pytest.skip("the example expects the shared data beside the checkout")
    run_case(loaded, folder, Reporter(quiet=True))
    assert shared.is_dir()
    return folder


def findings(folder: Path) -> dict[str, dict[str, object]]:
    return {item["id"]: item for item in orjson.loads((folder / "findings.json").read_bytes())}


def test_every_row_is_accounted_for(debate: Path) -> None:
    steps = {step["name"]: step["result"] for step in case.read_manifest(debate)["steps"]}
    viewers, operation = steps["input/01"], steps["input/02"]
    assert (viewers["rows"], operation["rows"]) == (13_871, 30_038)
    for counts in (viewers, operation):
        assert counts["rows"] == counts["stored"] + counts["rejected"]
        assert counts["rejected"] == sum(counts["reasons"].values()) == 0
    # 34 ids occur a second time: stored, counted as repeated.
    assert viewers["repeated"] == 34


def test_what_this_data_cannot_tell_is_said(debate: Path) -> None:
    found = findings(debate)
    for finding_id, word in (
        ("M2.spike_bins.debate", "baseline"),
        ("M5.enrolled.debate", "created_at"),
        ("M6.gone.debate", "snapshot"),
        ("M4.low_follower.debate", "followers"),
    ):
        item = found[finding_id]
        assert item["state"] == "not_testable", finding_id
        assert item["value"] is None
        assert word in str(item["method"]) + str(item["limits"]), item
    spikes = found["M2.spike_bins.debate"]
    assert "artefact" in str(spikes["method"]) + str(spikes["limits"])


def test_what_it_can_tell_is_measured(debate: Path) -> None:
    found = findings(debate)
    assert found["M3.participants.debate"]["value"] == 9_829 - int(str(found["M3.participants.both"]["value"]))
    assert found["M3.participants.both"]["value"] == 0
    posts = found["M3.posts.debate"]["value"]
    assert isinstance(posts, int)
    assert posts == 13_871 - 34
    assert found["M4.low_follower.operation"]["state"] == "measured"


def test_no_viewer_is_named(debate: Path) -> None:
    found = findings(debate)
    named = found["M3.coordinated.debate"]
    assert (named["state"], named["value"]) == ("measured", 0)
    share = found["M3.coordinated_at_least.debate"]
    assert (share["state"], share["low"], share["high"]) == ("bounded", 0.0, 1.0)
    candidates = [item for name, item in found.items() if name.startswith("M3.candidate")]
    assert candidates
    assert all(item["state"] == "untested" for item in candidates)


@pytest.mark.parametrize("finding_id", ["M3.participants.debate", "M12.share_of_voice.debate", "M2.spike_bins.debate"])
def test_replay_gives_the_same_finding(debate: Path, finding_id: str) -> None:
    stored, again = replay(debate, finding_id)
    assert stored == again
    assert case.verify(debate) == []
