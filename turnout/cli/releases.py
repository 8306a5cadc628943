"""`turnout releases` and `rejections`: what CI published, and what of it was refused."""

from collections.abc import Iterable, Iterator

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.listing import show_list


@click.command()
@click.argument("service")
@click.argument("version", required=False)
@options.paged
@options.shown
@click.pass_obj
def releases(context: Context, service: str, version: str | None) -> None:
    """List the releases of SERVICE, newest first, or show VERSION in full."""
    if version:
        context.show(context.client.release(service, version), lambda shown: _release(shown, context))
    else:
        nothing = f"{service} has no releases yet; publish one with `turnout push {service} FILE --version VERSION`"
        show_list(context, lambda limit, cursor: context.client.releases(service, limit=limit, cursor=cursor), _table, nothing)


@click.command()
@options.paged
@options.shown
@click.pass_obj
def rejections(context: Context) -> None:
    """List uploads that were refused, newest first, each with its reason."""
    show_list(context, lambda limit, cursor: context.client.rejections(limit=limit, cursor=cursor), _rejected, "nothing was refused")


def _table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("VERSION", "DIGEST", "COMMIT", "REGISTERED", "CERTIFIED", "QUARANTINED"),
        (
            (
                printing.cell(item.get("version")),
                _digest(item)[:12] or "-",
                printing.cell(str(item.get("commit") or "")[:12]),
                printing.clock(item.get("registered_at")),
                printing.cell(item.get("certified")),
                printing.cell(item.get("quarantined")),
            )
            for item in items
        ),
    )


def _release(release: Json, context: Context) -> Iterator[str]:
    artifact = release.get("artifact") or {}
    yield from printing.facts(
        [
            ("version", printing.cell(release.get("version"))),
            ("artifact", f"{printing.cell(artifact.get('kind'))} {printing.cell(artifact.get('uri'))}"),
            ("digest", printing.cell(_digest(release))),
            ("commit", printing.cell(release.get("commit"))),
            ("registered", printing.moment(release.get("registered_at"), context.now())),
            ("certified", printing.cell(release.get("certified"))),
            ("quarantined", printing.cell(release.get("quarantined"))),
        ]
    )
    for gate in release.get("gates") or []:
        yield f"gate {printing.cell(gate.get('name'))}: {printing.word(gate.get('answer'))}, {printing.cell(gate.get('reason'))}"


def _digest(release: Json) -> str:
    artifact = release.get("artifact") or {}
    return str(artifact.get("sha256") or artifact.get("digest") or "").removeprefix("sha256:")


def _rejected(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("AT", "SERVICE", "VERSION", "KIND", "REASON"),
        (
            (
                printing.clock(item.get("at")),
                printing.cell(item.get("service")),
                printing.cell(item.get("version")),
                printing.cell(item.get("kind")),
                printing.cell(item.get("reason")),
            )
            for item in items
        ),
    )
