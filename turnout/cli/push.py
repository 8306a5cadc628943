"""`turnout push`: upload an artifact, which is all that CI has to do."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from turnout.cli import options, printing
from turnout.cli.answering import is_waited_for
from turnout.cli.aws import AwsAccess, s3_upload
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.publishing import Published, wait_until_published

SERVICE = r"[a-z][a-z0-9-]{0,39}"
VERSION = r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file on its way to being a release."""

    path: Path
    service: str
    version: str
    commit: str | None

    @property
    def key(self) -> str:
        return f"{self.service}/{self.version}/{self.path.stem}.zip"

    @property
    def metadata(self) -> dict[str, str]:
        return {"commit": self.commit} if self.commit else {}

    def sha256(self) -> str:
        import hashlib

        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@click.command()
@click.argument("service")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--version", required=True, metavar="VERSION", help="The release's version; it is never used again for anything else.")
@click.option("--commit", metavar="SHA", help="The commit it was built from.")
@click.option("--bucket", metavar="NAME", help="The artifact bucket.  [env: TURNOUT_BUCKET; the local stack's otherwise]")
@options.waiting("it is a release, and staged where it is deployed by itself")
@options.shown
@click.pass_obj
def push(context: Context, /, *, service: str, file: Path, version: str, commit: str | None, bucket: str | None) -> None:
    """Upload FILE as VERSION of SERVICE.

    Needs AWS credentials that may write the artifact bucket. Turnout does the rest: with --wait it is seen doing so, or why it refused.
    """
    _check("service", service, SERVICE)
    _check("version", version, VERSION)
    artifact = Artifact(file, service, version, commit)
    access = AwsAccess.found(context, bucket=bucket)
    watch = wait_until_published(context, service, version, artifact.sha256()) if is_waited_for(context) else None
    told = _upload(context, artifact, access)
    if watch is None:
        context.show(told, lambda shown: [f"{shown['uri']}"])
        context.say(f"uploaded; `turnout status {service}` shows what becomes of it, `turnout rejections` if it is refused")
    else:
        _report(context, told, watch())


def _upload(context: Context, artifact: Artifact, access: AwsAccess) -> Json:
    uploaded = s3_upload(context, access, artifact.path, artifact.key, artifact.metadata)
    return {"service": artifact.service, "version": artifact.version, "uri": f"s3://{access.bucket}/{artifact.key}", "object_version": uploaded}


def _report(context: Context, told: Json, published: Published) -> None:
    shown: dict[str, Any] = {**told, "release": published.release, "deployment": published.deployment}
    if published.exit_code is not Exit.INTERRUPTED:
        context.show(shown, lambda _: [_line(told, published)])
    if published.failure:
        raise published.failure


def _line(told: Json, published: Published) -> str:
    deployment = published.deployment
    became = f"{deployment.get('id')} {printing.progress(deployment)}" if deployment else "registered" if published.release else "not registered"
    return f"{told['service']} {told['version']}  {became}"


def _check(what: str, name: str, pattern: str) -> None:
    if not re.fullmatch(pattern, name):
        raise Failure(f"{name!r} can be no {what}; it must match {pattern}", Exit.USAGE, "usage")
