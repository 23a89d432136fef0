"""How functions are compiled, for every room: without the interpreter lock, machine code kept where there is a place.

Importing this module imports Numba (about 0.2 s); import it where it is used, not at the top of a module.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

#: Where compiled functions are written, as patterns within the package.
SOURCES: Final = (
    *("coaction/*.py", "coordination/*.py", "accounts/kernels/*.py", "event/kernels/*.py"),
    "benchmark/shuffles.py",
)


def _start_numba_without_blas() -> None:
    """Let Numba start without importing SciPy's linear algebra (0.1 s): nothing here multiplies matrices.

    Whoever does finds it as ever: Numba asks for it again where a function needs it.
    """
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules:
        return
    # A None in sys.modules makes an import fail at once, and Numba's search for BLAS with it.
    cast("dict[str, ModuleType | None]", sys.modules)[blas] = None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[blas]


_start_numba_without_blas()


def _cache_by_source() -> None:
    """Keep machine code in a folder named after the sources of all compiled functions.

    Numba looks only at the file of the function itself: code that calls into a changed or upgraded file would be stale.
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for source in sorted(path for pattern in SOURCES for path in package.glob(pattern)):
        digest.update(source.read_bytes())
    if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        numba.config.CACHE_DIR = str(package / "__pycache__" / f"numba-{digest.hexdigest()[:16]}")  # type: ignore[attr-defined]


_cache_by_source()


def compiled(function: Function) -> Function:
    """Compile for threads that run without the interpreter lock; keep the machine code where there is a place."""
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # a read-only installation without a writable home: compile anew in each process
        return cast(Function, numba.njit(nogil=True)(function))
