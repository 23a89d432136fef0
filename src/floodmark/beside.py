"""One more process of this program, for work of a run that does not wait for other work of it."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar, cast

from floodmark.errors import EngineError

Given = ParamSpec("Given")
Done = TypeVar("Done")
Job = TypeVar("Job")
Wait = Callable[[], Done]

CORES: Final = os.cpu_count() or 1
#: An idle process gives its memory back after so long; until then the next run of this program uses it again.
_IDLE_S: Final = 30


class Helper:
    """A second process, started with the first job; without one (`wanted` False) the caller does everything itself.

    Both ways call the same functions with the same arguments, so what is found does not depend on it.
    """

    def __init__(self, wanted: bool) -> None:
        """Remember whether a process is wanted; none is started yet."""
        self.wanted = wanted
        self.begun = False

    def __enter__(self) -> Helper:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the process to the next run, or end it at once where this one failed."""
        if error is not None and self.begun:
            _process().shutdown(wait=False, kill_workers=True)

    def start(self, function: Callable[Given, Done], *args: Given.args, **kwargs: Given.kwargs) -> Wait[Done]:
        """Begin `function`, which can be imported by name; return a function that waits for what it gives or raises.

        Without a process nothing is done before the wait. Raises EngineError there when the process died.
        """
        if not self.wanted:
            return lambda: function(*args, **kwargs)
        from loky.process_executor import TerminatedWorkerError

        self.begun = True
        future = _process().submit(function, *args, **kwargs)

        def wait() -> Done:
            try:
                return cast("Done", future.result())
            except TerminatedWorkerError as error:
                raise EngineError(
                    "the second process of this run was ended from outside, perhaps for want of memory; close other"
                    " programs and run again: finished steps are kept"
                ) from error

        return wait

    def share(
        self, here: Callable[[Job], Done], there: Callable[[Job], Wait[Done]], jobs: Iterable[Job]
    ) -> Iterator[tuple[Job, Done]]:
        """Yield (job, what came of it) as jobs end: from the front `here`, from the end `there`, in the other process.

        `there` begins a job by `start`.
        """
        left = deque(jobs)
        if not self.wanted:
            yield from ((job, here(job)) for job in left)
            return
        with ThreadPoolExecutor(1) as feeder:
            done: deque[tuple[Job, Done]] = deque()

            def feed() -> None:
                while left:
                    try:
                        job = left.pop()
                    except IndexError:  # taken on the other side between the two lines
                        return
                    done.append((job, there(job)()))

            fed = feeder.submit(feed)
            try:
                while left:
                    try:
                        job = left.popleft()
                    except IndexError:
                        break
                    yield job, here(job)
                    while done:
                        yield done.popleft()
            finally:
                left.clear()
            fed.result()
            yield from done


def _process() -> Any:
    """Return the executor of the one process, which is started when it is not there."""
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=1, timeout=_IDLE_S, initializer=_settle)


#: For callers that have no other process.
ALONE: Final = Helper(wanted=False)


def _settle() -> None:
    """Prepare the second process; it ends with the first, or it could write into what the next run builds."""
    collect_less()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def collect_less() -> None:
    """Let Python look for reference cycles less often: tables hold millions of objects and hardly a cycle."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
