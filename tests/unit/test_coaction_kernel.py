"""The kernel alone: what it refuses, what it costs to import, and the arrays that later measures walk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from floodmark import compiled as compiling
from floodmark.coaction import kernel, lines
from floodmark.errors import UsageError

FAR_MS = 2**61


def array(*values: int, dtype: type = np.int64) -> np.ndarray:
    return np.array(values, dtype)


def test_ties_leads_and_repeats_are_counted_by_pair_of_actions() -> None:
    # Account 0 acts at 0 and 10, account 1 at 10, 20 and, on another object, at 10; the window is exactly 10.
    found = kernel.edges(array(0, 0, 1, 1, 1, 0), array(0, 0, 0, 0, 1, 1), array(0, 10, 10, 20, 10, 21), 2, 10)
    assert [column.tolist() for column in (found.account_a, found.account_b)] == [[0], [1]]
    # In the window: 0-10, 10-10 (a tie), 10-20; not 0-20; on the other object 10-21 is 1 ms too far.
    assert [c.tolist() for c in (found.coactions, found.objects, found.a_first, found.b_first)] == [[3], [1], [2], [0]]


def test_times_at_the_ends_of_the_range_do_not_wrap_around() -> None:
    found = kernel.edges(array(0, 1, 2), array(0, 0, 0), array(-FAR_MS, FAR_MS, FAR_MS), 3, FAR_MS)
    assert list(zip(found.account_a.tolist(), found.account_b.tolist(), strict=True)) == [(1, 2)]


@pytest.mark.parametrize("at_ms", [-FAR_MS - 1, FAR_MS + 1, np.iinfo(np.int64).min, np.iinfo(np.int64).max])
def test_a_time_beyond_the_range_is_refused(at_ms: int) -> None:
    with pytest.raises(UsageError, match="beyond 2305843009213693952 ms from 1970"):
        kernel.edges(array(0, 1), array(0, 0), array(0, at_ms), 2, 1)


@pytest.mark.parametrize("window_ms", [-1, FAR_MS + 1])
def test_a_window_beyond_the_range_is_refused(window_ms: int) -> None:
    with pytest.raises(UsageError, match=f"the window is {window_ms} ms"):
        kernel.edges(array(0, 1), array(0, 0), array(0, 0), 2, window_ms)


@pytest.mark.parametrize(
    ("accounts", "objects", "times"),
    [([0, 2], [0, 0], [0, 0]), ([0, -1], [0, 0], [0, 0]), ([0, 1], [0, -1], [0, 0]), ([0, 1], [0], [0, 0])],
    ids=["account too large", "account negative", "object negative", "lengths differ"],
)
def test_indices_that_would_leave_the_arrays_are_refused(
    accounts: list[int], objects: list[int], times: list[int]
) -> None:
    with pytest.raises(ValueError, match="must"):
        kernel.edges(array(*accounts), array(*objects), array(*times), 2, 1)


def test_sorted_actions_hold_each_windows_slice_and_each_accounts_positions() -> None:
    rng = np.random.default_rng(4)
    who, what, when = rng.integers(0, 9, 200), rng.integers(0, 5, 200), rng.integers(-50, 50, 200)
    got = kernel.sort_actions(who, what, when, n_accounts=9, window_ms=7)
    keys = list(zip(got.object.tolist(), got.at_ms.tolist(), strict=True))
    assert keys == sorted(zip(what.tolist(), when.tolist(), strict=True))
    for i, (thing, at) in enumerate(keys):
        within = [j for j, (other, when_j) in enumerate(keys) if other == thing and abs(when_j - at) <= 7]
        assert list(range(got.low[i], got.high[i])) == within
    for account in range(9):
        mine = got.by_account[got.starts[account] : got.starts[account + 1]].tolist()
        assert mine == [i for i in range(200) if got.account[i] == account]


def test_no_action_and_no_account_give_no_edge() -> None:
    nothing = array()
    assert len(kernel.edges(nothing, nothing, nothing, 0, 5)) == 0
    assert len(kernel.edges(nothing, nothing, nothing, 3, 5)) == 0


def test_lines_are_csv_with_quotes_where_needed_and_numbers_of_any_length() -> None:
    names = ["plain", 'q"', "a,b", "n\nn", "é"]
    numbers = [0, 9, 10, 123_456_789_012, 2**63 - 1]
    edges = kernel.EdgeArrays(
        np.arange(5, dtype=np.int32), np.zeros(5, np.int32), *(np.array(numbers) for _ in range(4))
    )
    text = bytes(lines.csv_lines(edges, *lines.names_as_fields(names))).decode()
    quoted = ["plain", '"q"""', '"a,b"', '"n\nn"', "é"]
    assert text == "".join(f"{q},plain,{n},{n},{n},{n}\n" for q, n in zip(quoted, numbers, strict=True))


def test_numba_is_imported_only_to_count_and_nothing_heavy_ever() -> None:
    script = (
        "import sys, floodmark, floodmark.coaction.edges, floodmark.coaction.table\n"
        "before = 'numba' in sys.modules\n"
        "from floodmark.coaction.edges import _load_kernel\n"
        "_load_kernel()\n"
        "heavy = {'scipy.linalg', 'scipy.stats', 'rich', 'altair', 'pandas', 'jinja2', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'{before} {sorted(heavy)}')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "False []"


def test_where_machine_code_cannot_be_kept_it_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = compiling.numba.njit

    def no_place(**options: bool) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(compiling.numba, "njit", no_place)

    def double(number: int) -> int:
        return 2 * number

    assert compiling.compiled(double)(21) == 42


def test_matrices_can_still_be_multiplied_in_compiled_code() -> None:
    square = compiling.numba.njit(lambda matrix: matrix @ matrix)
    assert square(np.array([[1.0, 1.0], [0.0, 1.0]])).tolist() == [[1.0, 2.0], [0.0, 1.0]]


def test_machine_code_is_named_after_the_sources_of_all_compiled_functions() -> None:
    package = Path(compiling.__file__).parent
    kept = {path for pattern in compiling.SOURCES for path in package.glob(pattern)}
    written = {path for path in package.rglob("*.py") if "\n@compiled\n" in path.read_text(encoding="utf-8")}
    assert len(written) > 15
    assert written <= kept
