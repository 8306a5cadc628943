"""Make the deployable package: `python infra/package.py build/package [STAGE]` writes `deployment.zip` and `sam.json` there.

A stage is a control plane of its own; what .chalice/config.json says of it counts, and one that it does not name is like the others.

`chalice package` says on stderr that it could not install a dependency and
writes a zip without it all the same; and it packs whatever lies under
`chalicelib/`, compiled files of this machine included. So it is run on a clean
copy of the sources, and anything it complains about is a failure.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "chalicelib", ".chalice/config.json", ".chalice/policies", "requirements.txt")
STAGE, STAGES = "prod", re.compile(r"[a-z][a-z0-9-]{0,19}")
COMPLAINTS = ("could not install",)


def main(target: Path, stage: str = STAGE) -> None:
    if not STAGES.fullmatch(stage):
        raise SystemExit(f"{stage!r} can be no stage; it must match {STAGES.pattern}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="turnout-package-") as scratch:
        project = Path(scratch, "turnout")
        copy_sources(project)
        package(project, target, stage)
    sys.stdout.write(f"{target}/deployment.zip {target.joinpath('deployment.zip').stat().st_size:,} bytes, {target}/sam.json\n")


def copy_sources(project: Path) -> None:
    for name in SOURCES:
        source, copy = ROOT / name, project / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy2(source, copy)


def package(project: Path, target: Path, stage: str) -> None:
    # As JSON: Chalice's YAML has aliases, which CloudFormation does not read.
    merge = project.parent / "control-plane.json"
    merge.write_text(json.dumps(yaml.safe_load(ROOT.joinpath("infra/control-plane.yaml").read_text())))
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = (chalice, "package", "--stage", stage, "--merge-template", str(merge), str(target.resolve()))
    # It imports app.py, which must not leave compiled files behind; a region is wanted although nothing is called.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(command, cwd=project, env=environ, text=True, capture_output=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode or any(complaint in said.lower() for complaint in COMPLAINTS):
        raise SystemExit(f"chalice package failed:\n{said}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
