"""`python -m tracewarp`: the command line."""

from tracewarp.cli import main

main()
