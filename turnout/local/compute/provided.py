"""What Lambda's Python runtime has beside the deployed code: boto3 with what it needs, and nothing else of this machine."""

from importlib.util import find_spec
from pathlib import Path

PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


def provide(directory: Path) -> Path:
    """A directory with links to those packages, made if it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in PROVIDED:
        place = _place(name)
        link = directory / place.name
        if not link.is_symlink():
            link.symlink_to(place)
    return directory


def _place(name: str) -> Path:
    """The package's directory, or its file where it is a single one."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"{name} is not installed beside the local stack")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
