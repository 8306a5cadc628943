"""What `--help` says, of every command, and how little it costs to say it."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from turnout.cli.exits import MEANINGS
from turnout.cli.root import root

HELP = Path(__file__).parent / "help"
HEAVY = ("boto3", "botocore", "urllib3", "rich", "requests", "chalice", "chalicelib", "moto", "aiohttp", "pydantic", "asyncio", "http.client", "turnout.client", "turnout.local.stack")


def _commands(command: click.Command, name: tuple[str, ...] = ()):
    yield name, command
    if isinstance(command, click.Group):
        for child, found in command.commands.items():
            yield from _commands(found, (*name, child))


EVERY = dict(_commands(root))


@pytest.mark.parametrize("name", EVERY, ids=lambda name: "-".join(("turnout", *name)))
def test_help_is_as_it_was_agreed(name):
    """After a wanted change: REWRITE_HELP=1 pytest tests/cli/test_help.py, and read the difference."""
    said = CliRunner().invoke(root, [*name, "--help"], prog_name="turnout", terminal_width=100).output
    file = HELP / ("-".join(("turnout", *name)) + ".txt")
    if os.environ.get("REWRITE_HELP"):
        HELP.mkdir(exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


def test_no_help_is_kept_of_commands_that_are_gone():
    assert {file.stem for file in HELP.glob("*.txt")} == {"-".join(("turnout", *name)) for name in EVERY}


@pytest.mark.parametrize("name", [name for name, command in EVERY.items() if not isinstance(command, click.Group) and name != ("completion",)])
def test_everything_that_prints_can_print_json(name):
    assert any("--json" in parameter.opts for parameter in EVERY[name].params)


def test_no_command_takes_a_token():
    assert not [name for name, command in EVERY.items() for parameter in command.params if "--token" in parameter.opts]


def test_exit_codes_are_in_the_help():
    said = CliRunner().invoke(root, ["--help"]).output

    assert all(f"{code.value:>4}  {meaning}" in said for code, meaning in MEANINGS.items())


def test_help_imports_nothing_heavy():
    probe = "import sys\nfrom turnout.cli import main\ntry:\n    main()\nexcept SystemExit:\n    print([name for name in sys.argv[2].split() if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", probe, "--help", " ".join(HEAVY)], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "[]"
