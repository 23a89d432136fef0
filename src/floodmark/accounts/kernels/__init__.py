"""Compiled loops of the flags; importing one imports Numba, so flags do it only when they judge."""
