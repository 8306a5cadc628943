"""The little that the command line does with AWS itself: knowing where it is, and putting a file there."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.cli.connection import LocalStack, find_local, same_server
from turnout.cli.context import Context
from turnout.cli.exits import Failure

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Which bucket in which AWS; None: what boto3 finds by itself."""

    bucket: str
    endpoint_url: str | None
    region: str | None
    local: bool

    @classmethod
    def found(cls, context: Context, *, bucket: str | None) -> "AwsAccess":
        named = bucket or context.environ.get("TURNOUT_BUCKET")
        local = local_stack(context)
        if local:
            return cls(named or local.artifact_bucket, context.environ.get("AWS_ENDPOINT_URL") or local.aws_endpoint_url, local.region, local=True)
        if not named:
            raise Failure("no artifact bucket is named; give --bucket or set TURNOUT_BUCKET", slug="no-bucket")
        return cls(named, context.environ.get("AWS_ENDPOINT_URL"), None, local=False)


def local_stack(context: Context) -> LocalStack | None:
    """The local stack of this directory, unless another server is meant."""
    if context.flags.profile:
        return None
    local = find_local(context.directory)
    meant = context.flags.url or context.environ.get("TURNOUT_URL")
    return local if local and (not meant or same_server(meant, local.api_url)) else None


def local_service(endpoint_url: str, runtime: str, **wanted: Any) -> dict[str, Any]:
    """Makes what a service needs in the embedded AWS; answers the definition to register. Making it again changes nothing."""
    from botocore.exceptions import BotoCoreError, ClientError

    from turnout.local.provision import clients

    try:
        return _making(runtime)(clients(endpoint_url), **wanted)
    except (BotoCoreError, ClientError) as error:
        hint = "if the local stack was killed, run `turnout local down` and `turnout local up` again"
        raise Failure(f"the embedded AWS at {endpoint_url} could not make the service ({error}); {hint}", slug="provision-failed") from error


def _making(runtime: str) -> "Callable[..., dict[str, Any]]":
    match runtime:
        case "lambda":
            from turnout.local.provision import create_lambda_service

            return create_lambda_service
        case "ecs":
            from turnout.local.provision_ecs import create_ecs_service

            return create_ecs_service
        case _:
            from turnout.local.provision_autoscaling import create_autoscaling_service

            return create_autoscaling_service


def s3_upload(context: Context, access: AwsAccess, path: Path, key: str, metadata: dict[str, str]) -> str | None:
    """Puts a file into the bucket and answers its object version, if the bucket keeps versions."""
    from boto3.exceptions import Boto3Error, S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    client = _client(context, access)
    try:
        client.upload_file(str(path), access.bucket, key, ExtraArgs={"Metadata": metadata}, Callback=_progress(context, path))
        version = client.head_object(Bucket=access.bucket, Key=key).get("VersionId") if access.local else None
    except (Boto3Error, S3UploadFailedError, BotoCoreError, ClientError) as error:
        hint = "check the AWS credentials (they need s3:PutObject there), the region and the bucket's name"
        raise Failure(f"{path} could not be uploaded to s3://{access.bucket}/{key} ({error}); {hint}", slug="upload-failed") from error
    return str(version) if version and version != "null" else None


def _client(context: Context, access: AwsAccess) -> Any:
    import boto3

    session = boto3.Session(region_name=access.region or context.environ.get("AWS_REGION"))
    anybody = "local" if access.local and session.get_credentials() is None else None  # the embedded AWS accepts any credentials
    return session.client("s3", endpoint_url=access.endpoint_url, aws_access_key_id=anybody, aws_secret_access_key=anybody)


def _progress(context: Context, path: Path) -> "Callable[[int], None] | None":
    """Percents on one line, at a terminal only."""
    if context.flags.as_json or not context.stderr.isatty():
        return None
    size, sent = path.stat().st_size, 0

    def show(count: int) -> None:
        nonlocal sent
        sent += count
        print(f"\r{path.name}: {100 * sent // max(size, 1)} %", end="\n" if sent >= size else "", file=context.stderr, flush=True)

    return show
