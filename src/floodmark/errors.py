"""The four ways in which Floodmark refuses: each message is one sentence that names file, field and fix."""

from __future__ import annotations


class FloodmarkError(Exception):
    """Base of all errors that a person caused or can mend; the command line prints the message and exits 2."""


class UsageError(FloodmarkError):
    """The case file, an option or a mapping is wrong."""


class IngestError(FloodmarkError):
    """An input file cannot be read as what the case file says it is."""


class EngineError(FloodmarkError):
    """The SQL engine refused (disk full, memory limit, broken table)."""


class EvidenceError(FloodmarkError):
    """A stored case does not hold what its manifest says: a hash, a table or a finding differs."""
