"""The coordination test: from a table of actions to named groups, with an error rate per account."""
