"""`turnout login`: remember a server and a token."""

import click

from turnout.cli import options, profiles
from turnout.cli.connection import Connection, address_of
from turnout.cli.context import Context
from turnout.cli.exits import Exit, Failure


@click.command()
@click.option("--url", metavar="URL", help="Address of the server.  [env: TURNOUT_URL]")
@click.option("--profile", metavar="NAME", default="default", show_default=True, help="What to call it; the last one logged in to is used where none is named.")
@options.as_json
@click.pass_obj
def login(context: Context, url: str | None, profile: str) -> None:
    """Check a token and keep it in your config directory.

    The token is asked for, or read from standard input; it is never an argument, where every process list and shell history would have it.
    """
    given = url or context.environ.get("TURNOUT_URL")
    if not given:
        raise Failure("which server? give --url URL, or set TURNOUT_URL", Exit.USAGE, "usage")
    address = address_of(given)
    secret = _secret(context)
    context.connect(Connection(address, secret, "--url")).services(limit=1)
    path = profiles.save(context.environ, profile, profiles.Profile(address, secret))
    context.show({"profile": profile, "url": address, "path": str(path)}, lambda _: [])
    context.say(f"logged in to {address}; kept as profile {profile!r} in {path}")


def _secret(context: Context) -> str:
    secret = (context.ask_secret("Token: ") if context.can_ask else context.stdin.readline()).strip()
    if not secret:
        raise Failure("no token was given; type it when asked, or pipe it in: turnout login --url URL < token.txt", Exit.USAGE, "usage")
    return secret
