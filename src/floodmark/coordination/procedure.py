"""The coordination test from end to end."""

from __future__ import annotations

from floodmark.coordination.result import Coordination, Rules, Shares


def coordination(
    shares: Shares, rules: Rules | None = None, reference: Shares | None = None, threads: int | None = None
) -> Coordination:
    """Name groups of accounts that act together more than shared taste and shared attention explain."""
    raise NotImplementedError(shares, rules, reference, threads)
