"""The group of all commands, and the outermost edge: whatever goes wrong leaves here as one sentence and an exit code."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from turnout.cli import options, printing
from turnout.cli.approve import approve
from turnout.cli.audit import audit
from turnout.cli.completion import completion
from turnout.cli.config import config
from turnout.cli.context import Context
from turnout.cli.deploy import deploy
from turnout.cli.doctor import doctor
from turnout.cli.exits import Exit, Failure, exit_of, table
from turnout.cli.explain import explain
from turnout.cli.history import history
from turnout.cli.local import local
from turnout.cli.login import login
from turnout.cli.promote import promote
from turnout.cli.push import push
from turnout.cli.releases import rejections, releases
from turnout.cli.replay import replay
from turnout.cli.rollback import rollback
from turnout.cli.service import service
from turnout.cli.status import status
from turnout.cli.switching import abort, certify, pause, resume
from turnout.cli.token import token
from turnout.cli.watch import watch
from turnout.problems import ApiProblem, Trouble


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=f"\b\nExit codes:\n{table()}",
)
@click.version_option(package_name="turnout", message="turnout %(version)s")
@options.connected
def root() -> None:
    r"""Move a team's traffic from blue to green, watch it, and move it back.

    \b
    The server: --url or --profile, then TURNOUT_URL and TURNOUT_TOKEN,
    then .turnout/local.json here or above, then the profile of your last `turnout login`.
    """


for command in (
    status, releases, deploy, promote, rollback, pause, resume, abort, approve, certify, explain, history, watch, replay,
    push, config, audit, rejections, service, token, login, doctor, local, completion,
):  # fmt: skip
    root.add_command(command)


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:], Context.of_process()))


def run(arguments: Sequence[str], context: Context) -> int:
    """One invocation; answers the exit code and never raises."""
    try:
        answered = root.main(args=list(arguments), prog_name="turnout", obj=context, standalone_mode=False)
    except click.ClickException as error:
        context.flags.as_json = context.flags.as_json or "--json" in arguments
        return _usage(context, error)
    except (Trouble, Failure) as trouble:
        return _report(context, trouble)
    except (click.Abort, KeyboardInterrupt):
        detail = "interrupted; if a command was being sent it may have been taken: `turnout status` shows what is in progress"
        return _report(context, Failure(detail, Exit.INTERRUPTED, "interrupted"))
    except Exception as error:  # noqa: BLE001 - the outermost edge: a person gets a sentence, and the trace with TURNOUT_DEBUG=1
        return _unforeseen(context, error)
    return answered if isinstance(answered, int) else Exit.DONE


def _usage(context: Context, error: click.ClickException) -> int:
    if context.flags.as_json:
        return _report(context, Failure(error.format_message(), Exit(error.exit_code), "usage"))
    error.show(file=context.stderr)
    return error.exit_code


def _report(context: Context, trouble: Trouble | Failure) -> int:
    code = exit_of(trouble)
    if context.flags.as_json:
        print(printing.as_json(_document(trouble, code)), file=context.stderr, flush=True)
    else:
        context.say(f"Error: {_sentence(trouble)}" if code is not Exit.INTERRUPTED else f"\n{trouble.detail}")
    return code


def _document(trouble: Trouble | Failure, code: Exit) -> dict[str, object]:
    """The server's problem document, or one of ours in the same form."""
    if isinstance(trouble, ApiProblem):
        return {**trouble.document, "exit_code": int(code)}
    slug = trouble.slug if isinstance(trouble, Failure) else "unreachable"
    return {"type": f"/problems/{slug}", "title": slug.replace("-", " "), "detail": trouble.detail, "exit_code": int(code)}


def _sentence(trouble: Trouble | Failure) -> str:
    if not isinstance(trouble, ApiProblem):
        return trouble.detail
    if trouble.status == 401:
        return "the server does not know this token, or it has expired; set TURNOUT_TOKEN or run `turnout login`"
    fields = [f"{error.get('field')}: {error.get('message')}" for error in trouble.errors if str(error.get("message")) not in trouble.detail]
    return "; ".join([trouble.detail, *fields])


def _unforeseen(context: Context, error: Exception) -> int:
    if context.environ.get("TURNOUT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=context.stderr)
    name = type(error).__name__
    return _report(context, Failure(f"something unforeseen happened ({name}: {error}); TURNOUT_DEBUG=1 shows where", slug="unforeseen"))
