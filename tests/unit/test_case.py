"""The case folder: resumed steps, verified hashes, foreign files kept, old or new and nothing between."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest

from floodmark import case
from floodmark.errors import EvidenceError, UsageError


def run_once(folder: Path, content: bytes, calls: list[str]) -> None:
    def write(staging: case.Staging, name: str, data: bytes) -> None:
        calls.append(name)
        (staging.folder / name).write_bytes(data)

    with case.staged(folder) as staging:
        staging.step("one", [content.hex()], ["tables/one.txt"], lambda: write(staging, "tables/one.txt", content))
        staging.step("two", ["fixed"], ["two.txt"], lambda: write(staging, "two.txt", b"two"))


def test_a_step_whose_inputs_did_not_change_is_not_redone(tmp_path: Path) -> None:
    calls: list[str] = []
    run_once(tmp_path / "c", b"a", calls)
    run_once(tmp_path / "c", b"a", calls)
    assert calls == ["tables/one.txt", "two.txt"]
    run_once(tmp_path / "c", b"b", calls)
    assert calls == ["tables/one.txt", "two.txt", "tables/one.txt"]
    assert (tmp_path / "c/tables/one.txt").read_bytes() == b"b"
    assert case.verify(tmp_path / "c") == []


def test_a_changed_file_is_named_and_its_step_redone(tmp_path: Path) -> None:
    calls: list[str] = []
    run_once(tmp_path / "c", b"a", calls)
    (tmp_path / "c/two.txt").write_bytes(b"twO")
    assert case.verify(tmp_path / "c") == ["two.txt: its content changed since the case was written"]
    run_once(tmp_path / "c", b"a", calls)
    assert calls.count("two.txt") == 2
    assert case.verify(tmp_path / "c") == []


def test_missing_and_added_files_are_named(tmp_path: Path) -> None:
    run_once(tmp_path / "c", b"a", [])
    (tmp_path / "c/two.txt").unlink()
    (tmp_path / "c/tables/stranger.txt").write_bytes(b"x")
    problems = case.verify(tmp_path / "c")
    assert problems == ["two.txt: is missing", "tables/stranger.txt: is not part of the case"]


def test_every_bit_of_the_manifest_counts(tmp_path: Path) -> None:
    run_once(tmp_path / "c", b"a", [])
    path = tmp_path / "c" / case.MANIFEST
    manifest = orjson.loads(path.read_bytes())
    manifest["files"]["two.txt"] = hashlib.sha256(b"other").hexdigest()
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(EvidenceError, match="manifest was changed"):
        case.verify(tmp_path / "c")


def test_files_that_a_person_put_there_survive_a_new_run(tmp_path: Path) -> None:
    run_once(tmp_path / "c", b"a", [])
    (tmp_path / "c/notes.md").write_text("mine", encoding="utf-8")
    (tmp_path / "c/more").mkdir()
    (tmp_path / "c/more/picture.png").write_bytes(b"png")
    run_once(tmp_path / "c", b"b", [])
    assert (tmp_path / "c/notes.md").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "c/more/picture.png").read_bytes() == b"png"


def test_an_error_leaves_the_old_case_and_keeps_finished_steps(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    run_once(folder, b"a", [])
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def fail() -> None:
        raise UsageError("no")

    calls: list[str] = []

    def run_and_fail() -> None:
        with case.staged(folder) as staging:
            one = staging.folder / "tables/one.txt"
            staging.step("one", ["new"], ["tables/one.txt"], lambda: one.write_text("n", encoding="utf-8"))
            staging.step("two", ["new"], ["two.txt"], fail)

    with pytest.raises(UsageError, match="no"):
        run_and_fail()
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    with case.staged(folder) as staging:
        staging.step("one", ["new"], ["tables/one.txt"], lambda: calls.append("again"))
    assert calls == []
    assert (folder / "tables/one.txt").read_text(encoding="utf-8") == "n"
    assert not (folder / "two.txt").exists()


def test_a_folder_that_is_no_case_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_bytes(b"cat")
    with pytest.raises(UsageError, match="it is not a case"):
        run_once(tmp_path / "photos", b"a", [])
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    with pytest.raises(UsageError, match=r"no case\.json there"):
        case.read_manifest(tmp_path / "photos")


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    with case.staged(tmp_path / "c"), pytest.raises(UsageError, match="another run"), case.staged(tmp_path / "c"):
        pass


def test_a_case_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    run_once(tmp_path / "c", b"a", [])
    path = tmp_path / "c" / case.MANIFEST
    manifest = orjson.loads(path.read_bytes())
    manifest["format_version"] = 999
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(UsageError, match="update floodmark"):
        case.read_manifest(tmp_path / "c")


def test_without_an_atomic_swap_a_death_between_the_renames_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(tmp_path / "c", b"a", [])
    monkeypatch.setattr(case, "_exchange", lambda _first, _second: False)
    run_once(tmp_path / "c", b"b", [])
    assert (tmp_path / "c/tables/one.txt").read_bytes() == b"b"
    (tmp_path / "c").rename(tmp_path / ".c.old")
    assert case.verify(tmp_path / "c") == []
    assert not (tmp_path / ".c.old").exists()
