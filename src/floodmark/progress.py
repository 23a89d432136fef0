"""What a person sees while a step runs: a bar on a terminal, one line a step elsewhere, nothing with --quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[float], None]


@dataclass
class Reporter:
    """Shows steps. `timings` keeps (title, seconds) of each, for the log."""

    quiet: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))
    timings: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]:
        """Show one step; the block gets a function that takes the share done, 0..1."""
        begun = time.monotonic()
        if self.quiet or not self.console.is_terminal:
            yield lambda _share: None
        else:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=self.console, transient=True) as bar:
                task = bar.add_task(title, total=1.0)
                yield lambda share: bar.update(task, completed=min(1.0, share))
        seconds = time.monotonic() - begun
        self.timings.append((title, seconds))
        self.say(f"{title:<44} {seconds:6.1f} s")

    def say(self, line: str) -> None:
        """Print one line, unless quiet. The line is never read as markup."""
        if not self.quiet:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
