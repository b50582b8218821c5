"""Run the `autograder` command as `python -m autograder`."""

from autograder.cli import main

main()
