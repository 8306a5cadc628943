"""`turnout completion`: the script that makes a shell complete our commands."""

import click

from turnout.cli.context import Context


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    For bash: eval "$(turnout completion bash)"
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    context = ctx.find_object(Context)
    if made and context:
        context.line(made(ctx.find_root().command, {}, "turnout", "_TURNOUT_COMPLETE").source())
