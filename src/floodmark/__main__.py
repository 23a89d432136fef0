"""`python -m floodmark`."""

from floodmark.cli import main

main()
