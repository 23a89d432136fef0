"""The case folder: frozen inputs, tables, findings, report and log, replaced as a whole or not at all.

A run builds a hidden sibling folder, step by step; each finished step is recorded, so an interrupted run goes on where
it stopped. The last act swaps the two folders in one system call: whoever looks sees the old case or the new one.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Final

import orjson

from floodmark import __version__
from floodmark.errors import EvidenceError, UsageError
from floodmark.schema import FORMAT_VERSION

CASE_FILE: Final = "case.toml"
MANIFEST: Final = "case.json"
_STEPS: Final = ".steps"
_CHUNK_BYTES: Final = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """Return the hex sha256 of a JSON value, keys sorted."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


@cache
def code_fingerprint() -> str:
    """Return a hash over the package's own code, so that a step is redone when the code behind it changed."""
    root = Path(str(package_files("floodmark")))
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".sql", ".html", ".css", ".js", ".gz", ".tsv"}:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Step:
    """A finished step: the key of everything it depended on, its files with their hashes, and a small JSON result."""

    name: str
    key: str
    files: Mapping[str, str]
    result: object


@dataclass
class Staging:
    """The case being built. `folder` is where steps write; `steps` are those finished so far, `begun` all in order."""

    folder: Path
    old: Mapping[str, Step]
    old_folder: Path
    steps: dict[str, Step] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)

    def step(self, name: str, key_parts: Sequence[object], outputs: Sequence[str], run: Callable[[], object]) -> Step:
        """Do a step, unless this run's leftovers or the old case already hold it with the same key and intact files.

        `outputs` are paths inside the folder that `run` writes; its return value (JSON) is kept with the step.
        """
        return self.begin(name, key_parts, outputs, lambda: run)()

    def begin(
        self, name: str, key_parts: Sequence[object], outputs: Sequence[str], start: Callable[[], Callable[[], object]]
    ) -> Callable[[], Step]:
        """Begin a step as `step` does it, beside others; return the function that ends it, to be called once.

        `start` begins the work and returns what waits for its result. Steps stand in the order in which they began.
        """
        self.begun.append(name)
        key = sha256_json([name, code_fingerprint(), list(key_parts)])
        for source in (_read_step(self.folder / _STEPS / f"{_slug(name)}.json"), self.old.get(name)):
            root = self.folder if source is not self.old.get(name) else self.old_folder
            if source and source.key == key and self._take(source, root):
                return partial(self._end, source)
        for output in outputs:
            (self.folder / output).parent.mkdir(parents=True, exist_ok=True)
            # A leftover may be a hard link into the old case: never write through it.
            (self.folder / output).unlink(missing_ok=True)
        wait = start()

        def end() -> Step:
            result = wait()
            done = Step(name, key, {output: sha256_file(self.folder / output) for output in outputs}, result)
            _write_atomic(self.folder / _STEPS / f"{_slug(name)}.json", orjson.dumps(_step_json(done)))
            return self._end(done)

        return end

    def _end(self, step: Step) -> Step:
        self.steps[step.name] = step
        return step

    def _take(self, step: Step, root: Path) -> bool:
        """Bring the files of a finished step into this folder; False when one is missing or changed."""
        for name, digest in step.files.items():
            source = root / name
            if not source.is_file() or sha256_file(source) != digest:
                return False
        for name in step.files:
            target = self.folder / name
            if root != self.folder:
                target.parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(root / name, target)
        if root != self.folder:
            _write_atomic(self.folder / _STEPS / f"{_slug(step.name)}.json", orjson.dumps(_step_json(step)))
        return True


@contextlib.contextmanager
def staged(case_dir: Path) -> Iterator[Staging]:
    """Lock the case, give a Staging, and swap it in when the block ends without an error.

    Raises UsageError when the folder is something else than a case or another run holds it. On an error the finished
    steps stay in the hidden folder for the next run, and the case is as it was.
    """
    case_dir = case_dir.absolute()
    if case_dir.parent == case_dir or (case_dir.exists() and not case_dir.is_dir()):
        raise UsageError(
            f"{case_dir.name or case_dir}: a case is a folder; name a new or existing case folder with --out"
        )
    try:
        case_dir.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{case_dir.parent.name}: the folder cannot be made ({error.strerror}); choose another --out"
        ) from error
    with _locked(case_dir.parent / f".{case_dir.name}.lock", case_dir):
        recover(case_dir)
        if case_dir.exists() and any(case_dir.iterdir()) and not (case_dir / MANIFEST).is_file():
            raise UsageError(
                f"{case_dir.name}: it holds files but no {MANIFEST}, so it is not a case; name an empty or new folder"
            )
        old = _old_steps(case_dir)
        folder = case_dir.parent / f".{case_dir.name}.partial"
        (folder / _STEPS).mkdir(parents=True, exist_ok=True)
        staging = Staging(folder, old, case_dir)
        yield staging
        _commit(staging, case_dir)


def recover(case_dir: Path) -> None:
    """Put the old case back when a run died between the two renames of a system that cannot swap folders."""
    old = case_dir.parent / f".{case_dir.name}.old"
    if old.is_dir():
        if case_dir.exists():
            shutil.rmtree(old)
        else:
            old.rename(case_dir)


def read_manifest(case_dir: Path) -> dict[str, Any]:
    """Return case.json of a case folder.

    Raises UsageError when it is no case, or one of a newer format; EvidenceError when the manifest was changed.
    """
    recover(case_dir)
    path = case_dir / MANIFEST
    try:
        manifest = orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{case_dir}: no {MANIFEST} there; name the folder that `floodmark run` wrote") from error
    except orjson.JSONDecodeError as error:
        raise EvidenceError(f"{path.name}: is not valid JSON ({error}); the manifest was changed") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format_version"), int):
        raise EvidenceError(f"{path.name}: has no format_version; the manifest was changed")
    if manifest["format_version"] > FORMAT_VERSION:
        raise UsageError(
            f"{case_dir}: written in case format {manifest['format_version']};"
            f" this version reads up to {FORMAT_VERSION}, so update floodmark"
        )
    stated = manifest.pop("manifest_sha256", None)
    if stated != sha256_json(manifest):
        raise EvidenceError(f"{path.name}: its content does not match its own hash; the manifest was changed")
    return manifest


def verify(case_dir: Path) -> list[str]:
    """Check every file of a case against its manifest; return one sentence per difference, empty when all match."""
    manifest = read_manifest(case_dir)
    problems = []
    stated: Mapping[str, str] = manifest["files"]
    for name, digest in stated.items():
        path = case_dir / name
        if not path.is_file():
            problems.append(f"{name}: is missing")
        elif sha256_file(path) != digest:
            problems.append(f"{name}: its content changed since the case was written")
    managed = {Path(name).parts[0] for name in stated if len(Path(name).parts) > 1}
    for path in sorted(case_dir.rglob("*")):
        name = path.relative_to(case_dir).as_posix()
        hidden = path.name.startswith(".")
        if path.is_file() and name not in stated and Path(name).parts[0] in managed and not hidden:
            problems.append(f"{name}: is not part of the case")
    return problems


def _commit(staging: Staging, case_dir: Path) -> None:
    files = {name: digest for step in staging.steps.values() for name, digest in step.files.items()}
    manifest: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "floodmark": __version__,
        "files": dict(sorted(files.items())),
        "steps": [_step_json(staging.steps[name]) for name in staging.begun],
    }
    manifest["manifest_sha256"] = sha256_json(manifest)
    shutil.rmtree(staging.folder / _STEPS)
    for path in sorted(staging.folder.rglob("*"), reverse=True):
        name = path.relative_to(staging.folder).as_posix()
        if path.is_file() and name not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    _write_atomic(
        staging.folder / MANIFEST,
        orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
    )
    _carry_over(staging, case_dir, files)
    for path in staging.folder.rglob("*"):
        if path.is_file():
            _fsync(path)
    swap(staging.folder, case_dir)


def _carry_over(staging: Staging, case_dir: Path, new_files: Mapping[str, str]) -> None:
    """Keep what a person put into the old case folder: everything that neither manifest knows."""
    if not case_dir.is_dir():
        return
    known = {name for step in staging.old.values() for name in step.files} | {MANIFEST}
    for path in sorted(case_dir.rglob("*")):
        name = path.relative_to(case_dir).as_posix()
        if path.is_file() and name not in known and name not in new_files:
            target = staging.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(path, target)


def swap(new: Path, case_dir: Path) -> None:
    """Make the folder `new` the case in one step where the system can; the old one is removed afterwards."""
    if not case_dir.exists() or not any(case_dir.iterdir()):
        if case_dir.exists():
            case_dir.rmdir()
        new.rename(case_dir)
    elif _exchange(new, case_dir):
        shutil.rmtree(new)
    else:
        aside = case_dir.parent / f".{case_dir.name}.old"
        case_dir.rename(aside)
        new.rename(case_dir)
        shutil.rmtree(aside)
    _fsync(case_dir.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders atomically (Linux renameat2, macOS renamex_np); False where neither works."""
    library = ctypes.CDLL(ctypes.util.find_library("c") or None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    current_folder, exchange = -100, 2
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return int(library.renameat2(current_folder, a, current_folder, b, exchange)) == 0
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return int(library.renamex_np(a, b, exchange)) == 0
    return False


@contextlib.contextmanager
def _locked(path: Path, case_dir: Path) -> Iterator[None]:
    import fcntl

    busy = UsageError(f"{case_dir.name}: another run is writing this case; wait for it or use another --out")
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise busy from error
        # The file may have been removed by the run that held it: then the lock is on nothing.
        if not path.exists() or os.fstat(stream.fileno()).st_ino != path.stat().st_ino:
            raise busy
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _old_steps(case_dir: Path) -> dict[str, Step]:
    if not (case_dir / MANIFEST).is_file():
        return {}
    try:
        manifest = read_manifest(case_dir)
    except EvidenceError:
        # A changed manifest proves nothing about its files: redo everything.
        return {}
    return {step["name"]: Step(**step) for step in manifest["steps"]}


def _read_step(path: Path) -> Step | None:
    try:
        return Step(**orjson.loads(path.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return None


def _step_json(step: Step) -> dict[str, object]:
    return {"name": step.name, "key": step.key, "files": dict(step.files), "result": step.result}


def _slug(name: str) -> str:
    return name.replace("/", "_")


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _write_atomic(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    _fsync(temporary)
    temporary.replace(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
