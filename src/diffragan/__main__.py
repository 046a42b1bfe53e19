"""Lets `python -m diffragan` behave as the `diffragan` command."""

from diffragan.cli.main import main

if __name__ == "__main__":
    main()
