"""What the scheduler of ECS decides, and what it makes of an image: without a process."""

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.local.ecs import breaker
from turnout.local.ecs.container import CannotStart, Place, Variables, launch
from turnout.local.ecs.rolling import Seen, step
from turnout.local.images import ImageConfig

ROLLING, IN_PLACE = (100, 200), (0, 100)


def tasks(states: str) -> list[Seen[str]]:
    """`h` is a healthy task, `u` one that is not (yet)."""
    return [Seen(f"{state}{number}", state == "h") for number, state in enumerate(states)]


class TestAStep:
    @pytest.mark.parametrize(
        ("desired", "percents", "new", "old", "expected"),
        [
            (2, ROLLING, "", "", (2, [])),
            (2, ROLLING, "", "hh", (2, [])),
            (2, ROLLING, "uu", "hh", (0, [])),
            (2, ROLLING, "hu", "hh", (0, ["h0"])),
            (2, ROLLING, "hh", "hh", (0, ["h0", "h1"])),
            (2, ROLLING, "", "hu", (2, ["u1"])),
            (1, ROLLING, "", "hhh", (0, ["h0", "h1"])),
            (2, ROLLING, "hhh", "", (0, ["h2"])),
            (2, ROLLING, "uhh", "", (0, ["u0"])),
            (0, ROLLING, "hu", "h", (0, ["h0", "u1", "h0"])),
            (2, IN_PLACE, "", "hh", (0, ["h0", "h1"])),
            (2, IN_PLACE, "h", "", (1, [])),
            (4, (50, 100), "", "hhhh", (0, ["h0", "h1"])),
            (3, (50, 150), "", "hhh", (1, ["h0"])),
        ],
    )  # fmt: skip
    def test_keeps_within_the_percentages(self, desired: int, percents: tuple[int, int], new: str, old: str, expected: tuple[int, list[str]]) -> None:
        todo = step(desired, percents, tasks(new), tasks(old))

        assert (todo.start, list(todo.stop)) == expected

    @pytest.mark.parametrize(("desired", "percents"), [(1, ROLLING), (5, ROLLING), (2, (50, 150)), (5, (50, 150)), (2, (100, 150)), (3, (50, 100)), (1, IN_PLACE)])
    def test_after_step_arrives_and_never_leaves_too_few(self, desired: int, percents: tuple[int, int]) -> None:
        least, numbers = -(-desired * percents[0] // 100), itertools.count()
        new: dict[str, bool] = {}
        old = {f"old{number}": True for number in range(desired)}
        for _ in range(50):
            todo = step(desired, percents, [Seen(*each) for each in new.items()], [Seen(*each) for each in old.items()])
            for each in todo.stop:
                (new if each in new else old).pop(each)
            assert sum(new.values()) + sum(old.values()) >= least
            new = dict.fromkeys(new, True) | {f"new{next(numbers)}": False for _ in range(todo.start)}
            assert len(new) + len(old) <= max(desired, desired * percents[1] // 100)
        assert (list(new.values()), old) == ([True] * desired, {})

    @pytest.mark.parametrize("percents", [(100, 100), (50, 150)])
    def test_stands_still_where_there_is_no_room(self, percents: tuple[int, int]) -> None:
        todo = step(1, percents, [], tasks("h"))

        assert (todo.start, todo.stop) == (0, ())


class TestTheCircuitBreaker:
    @pytest.mark.parametrize(("desired", "threshold"), [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (800, 200)])
    def test_opens_after_half_of_what_is_desired_within_3_and_200(self, desired: int, threshold: int) -> None:
        assert breaker.threshold({}, desired) == threshold

    @pytest.mark.parametrize(
        ("kind", "value", "threshold"), [("COUNT", 1, 1), ("COUNT", 7, 7), ("UNBOUNDED_PERCENT", 10, 1), ("UNBOUNDED_PERCENT", 100, 10), ("BOUNDED_PERCENT", 10, 3)]
    )
    def test_opens_where_it_is_told_to(self, kind: str, value: int, threshold: int) -> None:
        configuration = {"deploymentCircuitBreaker": {"enable": True, "rollback": True, "thresholdConfiguration": {"type": kind, "value": value}}}

        assert breaker.threshold(configuration, 10) == threshold

    def test_is_off_unless_it_is_switched_on(self) -> None:
        assert not breaker.is_on({})
        assert breaker.is_on({"deploymentCircuitBreaker": {"enable": True, "rollback": False}})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "root", tmp_path / "tmp", tmp_path / "commands")
    for path, text in {"srv/app.py": "", "usr/bin/tool": "#!/bin/sh\n", "srv/run": "#!/usr/bin/env python3\n", "bin/own-sh": "", "srv/odd": "#!/bin/own-sh -e\n"}.items():
        file = made.inside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    return made


def launched(place: Place, definition: dict[str, Any], **image: Any) -> Any:
    return launch(definition, ImageConfig(**image), place, Variables({"AWS_REGION": "r"}, {"PORT": "1"}))


class TestAContainer:
    @pytest.mark.parametrize(
        ("image", "definition", "command"),
        [
            ({"command": ("python", "/srv/app.py")}, {}, [sys.executable, "ROOT/srv/app.py"]),
            ({"command": ("/usr/local/bin/python3.11", "-m", "app")}, {}, [sys.executable, "-m", "app"]),
            ({"entrypoint": ("python",), "command": ("a",)}, {"command": ["b"]}, [sys.executable, "b"]),
            ({"entrypoint": ("python",), "command": ("a",)}, {"entryPoint": ["python3", "-x"]}, [sys.executable, "-x"]),
            ({"command": ("tool", "/etc/not-there")}, {}, ["/bin/sh", "ROOT/usr/bin/tool", "/etc/not-there"]),
            ({"command": ("/usr/bin/tool",)}, {}, ["/bin/sh", "ROOT/usr/bin/tool"]),
            ({"command": ("./run",), "workdir": "/srv"}, {}, [sys.executable, "ROOT/srv/run"]),
            ({"command": ("./odd",), "workdir": "/srv"}, {}, ["ROOT/bin/own-sh", "-e", "ROOT/srv/odd"]),
            ({"command": ("/bin/sh", "-c", "python /srv/app.py")}, {}, ["/bin/sh", "-c", "python /srv/app.py"]),
        ],
    )
    def test_is_started_with_what_the_image_has(self, place: Place, image: dict[str, Any], definition: dict[str, Any], command: list[str]) -> None:
        found = [part.replace(f"{place.root}/srv/./", f"{place.root}/srv/") for part in launched(place, definition, **{"env": {"PATH": "/usr/bin:/bin"}, **image}).command]

        assert found == [part.replace("ROOT", str(place.root)) for part in command]

    def test_has_the_images_variables_under_its_own_and_those_that_stay(self, place: Place) -> None:
        definition = {"environment": [{"name": "A", "value": "own"}, {"name": "PORT", "value": "8080"}, {"name": "AWS_REGION", "value": "elsewhere"}]}

        told = launched(place, definition, command=("python",), env={"A": "image", "B": "image"}).environment

        assert {name: told[name] for name in ("A", "B", "PORT", "AWS_REGION")} == {"A": "own", "B": "image", "PORT": "1", "AWS_REGION": "elsewhere"}

    def test_runs_where_it_is_told_to(self, place: Place) -> None:
        assert launched(place, {}, command=("python",), workdir="/made/for/it").directory == place.root / "made/for/it"
        assert launched(place, {"workingDirectory": "/srv"}, command=("python",), workdir="/other").directory == place.root / "srv"

    @pytest.mark.parametrize("command", [(), ("no-such-program",), ("/srv/gone",)])
    def test_without_a_program_cannot_start(self, place: Place, command: tuple[str, ...]) -> None:
        with pytest.raises(CannotStart):
            launched(place, {}, command=command)
