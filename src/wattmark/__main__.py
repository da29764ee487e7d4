"""``python -m wattmark`` is the command line."""

from wattmark.cli import main

main()
