"""What an instance does with its user data, in the shells that may run it. AWS and systemd are stand-ins; the script is the real one."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.runtimes.autoscaling.user_data import Coordinates, user_data
from tests.unit.runtimes.test_user_data import NASTY

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
SAYS = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.argv[1:]]))"
COPIES = """#!/bin/sh
echo "$@" >> "$STANDINS/asked"
for out; do :; done
[ -e "$STANDINS/failing" ] && rm "$STANDINS/failing" && exit 255
cp "$STANDINS/object" "$out"
"""


@dataclass
class Machine:
    """`standins` is first on the path and holds what they are asked."""

    standins: Path
    shell: str

    def stand_in(self, name: str, text: str) -> None:
        (self.standins / name).write_text(text)
        (self.standins / name).chmod(0o755)

    def run(self, environment: dict[str, str], files: dict[str, str], *, sha256: str | None = None, moved: dict[str, str] | None = None, **ours: str) -> Any:
        content = zipped(files)
        (self.standins / "object").write_bytes(content)
        pinned = Coordinates("artifacts", "web/it's.zip", "v 1", sha256 or hashlib.sha256(content).hexdigest())
        text = user_data(pinned, environment)
        for before, after in (moved or {}).items():
            assert before in text
            text = text.replace(before, after)
        script = self.standins / "part-001"
        script.write_text(text)
        variables = {"PATH": f"{self.standins}:{os.environ['PATH']}", "STANDINS": str(self.standins), "TMPDIR": str(self.standins), **ours}
        return subprocess.run([self.shell, str(script)], env=variables, capture_output=True, text=True, timeout=30, check=False)

    def asked(self, name: str = "asked") -> list[str]:
        path = self.standins / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(params=SHELLS)
def machine(request: Any, tmp_path: Path) -> Machine:
    made = Machine(tmp_path, request.param)
    made.stand_in("aws", COPIES)
    made.stand_in("sleep", "#!/bin/sh\n")
    made.stand_in("id", '#!/bin/sh\n[ "$1" != -u ] || cat "$STANDINS/uid"\n')
    (tmp_path / "uid").write_text("1000")
    return made


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def an_app(command: str = f"{sys.executable} says.py one 'and two'") -> dict[str, str]:
    return {"says.py": SAYS, "Procfile": f"# first\nworker: false\nweb:  {command}\r\nweb: false\n"}


class TestTheApplication:
    def test_gets_exactly_its_environment(self, machine: Machine) -> None:
        done = machine.run({**NASTY, "web": "1", "root": "2", "mode": "3"}, an_app())

        seen, directory, arguments = json.loads(done.stdout)
        assert {name: seen.get(name) for name in NASTY} == NASTY
        assert [seen[name] for name in ("web", "root", "mode")] == ["1", "2", "3"]
        assert (Path(directory).name, arguments) == ("app", ["one", "and two"])
        assert done.returncode == 0, done.stderr

    def test_can_use_its_environment_in_its_command(self, machine: Machine) -> None:
        done = machine.run({"PORT": "8080", "GREETING": "a  b"}, an_app('printf "%s:%s" "$GREETING" $PORT && exit 3'))

        assert (done.stdout, done.returncode) == ("a  b:8080", 3)

    def test_is_the_version_that_was_pinned(self, machine: Machine) -> None:
        machine.run({}, an_app())

        [asked] = machine.asked()
        assert asked.startswith("s3api get-object --bucket artifacts --key web/it's.zip --version-id v 1 ")

    def test_may_have_settings_that_a_shell_takes_for_its_own(self, machine: Machine) -> None:
        done = machine.run({"UID": "1000", "SHELLOPTS": "braceexpand", "IFS": ":", "PS4": "x", "ENV": "y"}, an_app("echo up"))

        assert (done.returncode, done.stdout) == (0, "up\n"), done.stderr

    def test_listens_where_the_local_stack_says(self, machine: Machine) -> None:
        done = machine.run({"PORT": "8080"}, an_app('echo "$PORT"'), TURNOUT_LOCAL_PORT="23456")

        assert done.stdout == "23456\n"

    def test_is_fetched_again_when_the_credentials_are_late(self, machine: Machine) -> None:
        (machine.standins / "failing").touch()

        done = machine.run({}, an_app("echo up"))

        assert (done.stdout, len(machine.asked())) == ("up\n", 2)

    def test_may_hold_programs(self, machine: Machine) -> None:
        """A zip made by hand may carry no permissions at all."""
        done = machine.run({}, {"Procfile": "web: sh bin/start", "bin/start": "cat ../app/bin/start"})

        assert done.stdout == "cat ../app/bin/start"


class TestNothingRuns:
    def test_when_the_object_is_another(self, machine: Machine) -> None:
        done = machine.run({}, an_app("echo up"), sha256="0" * 64)

        assert (done.returncode, done.stdout) == (1, "")
        assert "the artifact's sha256 is " in done.stderr
        assert f", not {'0' * 64}; it is not run" in done.stderr

    def test_when_the_object_cannot_be_fetched(self, machine: Machine) -> None:
        machine.stand_in("aws", '#!/bin/sh\necho . >> "$STANDINS/asked"; exit 254\n')

        done = machine.run({}, an_app("echo up"))

        assert (done.returncode, done.stdout, len(machine.asked())) == (1, "", 10)
        assert "gave up fetching version v 1 of s3://artifacts/web/it's.zip" in done.stderr

    def test_without_a_procfile(self, machine: Machine) -> None:
        done = machine.run({}, {"app.py": "print('up')"})

        assert (done.returncode, done.stdout) == (1, "")
        assert "no Procfile with a line `web:`" in done.stderr

    def test_when_it_is_no_zip(self, machine: Machine) -> None:
        machine.stand_in("aws", '#!/bin/sh\nfor out; do :; done\nprintf nonsense > "$out"\n')

        done = machine.run({}, an_app("echo up"), sha256=hashlib.sha256(b"nonsense").hexdigest())

        assert (done.returncode, done.stdout) == (1, "")
        assert "cannot be unpacked" in done.stderr


class TestAsRoot:
    @pytest.fixture
    def root(self, machine: Machine) -> Machine:
        (machine.standins / "uid").write_text("0")
        for name in ("useradd", "chown"):
            machine.stand_in(name, f'#!/bin/sh\necho "{name} $*" >> "$STANDINS/did"\n')
        machine.stand_in("systemctl", '#!/bin/sh\necho "systemctl $*" >> "$STANDINS/did"\n')
        machine.stand_in("setpriv", '#!/bin/sh\necho "setpriv $*" >> "$STANDINS/did"\nwhile [ "${1#--}" != "$1" ]; do case $1 in --clear-groups) shift;; *) shift 2;; esac; done\nexec "$@"\n')
        return machine

    def places(self, machine: Machine) -> dict[str, str]:
        for name in ("run", "etc", "opt"):
            (machine.standins / name).mkdir()
        return {"/run/systemd/system": f"{machine.standins}/run", "/etc/systemd/system": f"{machine.standins}/etc", "/opt/turnout": f"{machine.standins}/opt/turnout"}

    def test_becomes_a_unit_where_systemd_runs(self, root: Machine) -> None:
        done = root.run(NASTY, an_app(), moved=self.places(root))

        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        unit = (root.standins / "etc" / "turnout.service").read_text().splitlines()
        home = f"{root.standins}/opt/turnout"
        assert {"User=turnout", "Restart=always", f"Environment=TURNOUT_START={home}", f"ExecStart=/bin/sh {home}/user-data"} <= set(unit)
        assert root.asked("did")[-3:] == ["systemctl daemon-reload", "systemctl enable turnout", "systemctl restart --no-block turnout"]
        assert (root.standins / "opt" / "turnout" / "user-data").stat().st_mode & 0o777 == 0o600

    def test_the_unit_starts_the_same_application_as_often_as_it_likes(self, root: Machine) -> None:
        root.run(NASTY, an_app(), moved=self.places(root))

        for _ in range(2):
            home = root.standins / "opt" / "turnout"
            told = {"PATH": os.environ["PATH"], "TURNOUT_START": str(home)}
            done = subprocess.run([root.shell, str(home / "user-data")], env=told, capture_output=True, text=True, timeout=30, check=True)
            seen, directory, arguments = json.loads(done.stdout)
            assert ({name: seen.get(name) for name in NASTY}, arguments) == (NASTY, ["one", "and two"])
            assert (directory, seen.get("TURNOUT_START")) == (str(home / "app"), None)

    def test_runs_again_over_what_ran_before(self, root: Machine) -> None:
        moved = self.places(root)
        root.run({"A": "old"}, {**an_app(), "left.over": ""}, moved=moved)

        root.run({"B": "new"}, an_app(), moved=moved)

        home = root.standins / "opt" / "turnout"
        assert "old" not in (home / "user-data").read_text()
        assert not (home / "app" / "left.over").exists()

    def test_gives_root_up_where_there_is_no_systemd(self, root: Machine) -> None:
        done = root.run({"A": "1"}, an_app("echo $A"), moved={"/run/systemd/system": f"{root.standins}/none"})

        assert done.stdout == "1\n"
        assert root.asked("did")[-1].startswith("setpriv --reuid turnout --regid turnout --clear-groups /bin/sh ")

    def test_makes_neither_user_nor_unit_on_the_local_stack(self, root: Machine) -> None:
        done = root.run({"A": "1"}, an_app("echo $A"), moved=self.places(root), TURNOUT_LOCAL_PORT="20000")

        assert (done.stdout, root.asked("did")) == ("1\n", [])
