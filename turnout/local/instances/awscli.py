"""What `aws` is for an instance of the local stack: `aws s3api get-object` with the options that its bootstrap uses, and nothing else."""

import argparse
import sys
from typing import NoReturn

FAILED, WRONG = 254, 252
"""The exit codes of the AWS CLI for an error of the service, and for a command it does not understand."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"aws: on the local stack only `aws s3api get-object --bucket … --key … --version-id … OUT` is understood: {message}", file=sys.stderr)
        sys.exit(WRONG)


def main(arguments: list[str]) -> int:
    parser = Parser(prog="aws", add_help=False, allow_abbrev=False)
    parser.add_argument("service", choices=["s3api"])
    parser.add_argument("operation", choices=["get-object"])
    for option in ("--bucket", "--key", "--version-id"):
        parser.add_argument(option, required=True)
    parser.add_argument("out")
    asked = parser.parse_args(arguments)

    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = boto3.client("s3").get_object(Bucket=asked.bucket, Key=asked.key, VersionId=asked.version_id)
        with open(asked.out, "wb") as out:  # noqa: PTH123  # a name as the shell gives it
            out.writelines(found["Body"].iter_chunks(1 << 20))
    except (BotoCoreError, ClientError, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
