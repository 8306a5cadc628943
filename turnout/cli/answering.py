"""What every command that changes something does with the server's answer: show it, wait if asked to, and end with the right code."""

from collections.abc import Iterator

from turnout.cli import printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.waiting import Goal, Waited, failure, wait


def answer(context: Context, service: str, deployment: Json, goal: Goal) -> None:
    """Show a deployment: as it was answered, or as it is when the wait for it is over. Raises `Failure` where that went wrong."""
    if context.flags.dry_run:
        context.show(deployment, plan)
    elif not is_waited_for(context):
        context.show(deployment, lambda shown: [summary(service, shown)])
        context.say(f"`turnout watch {service}` follows it")
    else:
        report(context, service, wait(context, service, deployment, goal))


def report(context: Context, service: str, waited: Waited) -> None:
    failed = failure(service, waited)
    if waited.exit_code is Exit.INTERRUPTED and failed:
        raise failed  # said at once: nothing else is printed first
    context.show(waited.deployment, lambda shown: [summary(service, shown)])
    if failed:
        raise failed


def is_waited_for(context: Context) -> bool:
    flags = context.flags
    bounded = flags.timeout is not None or flags.until is not None
    if flags.wait is False and bounded:
        raise Failure("--timeout and --until are about the wait, and --no-wait says there is none; leave one out", Exit.USAGE, "usage")
    return bool(flags.wait) or bounded


def summary(service: str, deployment: Json) -> str:
    return f"{printing.cell(deployment.get('id'))}  {service} {printing.what(deployment)}  {printing.progress(deployment)}"


def plan(answered: Json) -> Iterator[str]:
    """What a dry run answered: the instructions that would be given."""
    instructions = answered.get("instructions")
    if not isinstance(instructions, list):
        yield from printing.facts((name, printing.cell(value)) for name, value in answered.items())
    else:
        for number, instruction in enumerate(instructions, start=1):
            yield f"{number}. {_instruction(instruction)}"
        became = answered.get("deployment")
        yield f"then: {summary(str(became.get('service')), became)}" if became else "nothing more would be done"


def _instruction(instruction: object) -> str:
    if not isinstance(instruction, dict):
        return printing.cell(instruction)
    named = {"do", "kind", "instruction", "type", "name"} & instruction.keys()
    verb = " ".join(printing.cell(instruction[name]) for name in sorted(named))
    rest = ", ".join(f"{name} {printing.cell(value)}" for name, value in instruction.items() if name not in named)
    return ": ".join(part for part in (verb, rest) if part)
