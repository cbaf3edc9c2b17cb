"""So that `python -m switchboard` is the command."""

from switchboard.cli import app

app(prog_name="python -m switchboard")
