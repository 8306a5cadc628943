"""What is started for a task: the image's own command and environment under those of the container definition.

There is no container around it. A path that exists in the unpacked image is
taken there, `python` is the interpreter of the local stack, and everything else
is this machine's.
"""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.local.images import ImageConfig

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_THIS_MACHINE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STARTING = "CannotStartContainerError: Error response from daemon: failed to create task for container: "


class CannotStart(Exception):
    """The message is the reason that ECS gives."""


@dataclass(frozen=True, slots=True)
class Launch:
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image was unpacked, a directory for what the task writes elsewhere, and one with the commands of the stack's own."""

    root: Path
    scratch: Path
    commands: Path

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")


@dataclass(frozen=True, slots=True)
class Variables:
    """Those that image and definition may change, and those that they may not."""

    defaults: Mapping[str, str]
    fixed: Mapping[str, str]


def launch(definition: Mapping[str, Any], image: ImageConfig, place: Place, variables: Variables) -> Launch:
    """Raises `CannotStart`."""
    directory = place.inside(definition.get("workingDirectory") or image.workdir)
    directory.mkdir(parents=True, exist_ok=True)
    own = {each["name"]: each["value"] for each in definition.get("environment") or ()}
    environment = {**_defaults(place), **variables.defaults, **image.env, **own, **variables.fixed}
    environment |= _paths(environment, place)
    return Launch(_command(_words(definition, image), place, environment["PATH"], directory), directory, environment)


def _words(definition: Mapping[str, Any], image: ImageConfig) -> Sequence[str]:
    """As Docker puts them together: an entry point of the definition's takes the image's command away with its entry point."""
    entry, command = definition.get("entryPoint") or (), definition.get("command") or ()
    words = [*entry, *command] if entry else [*image.entrypoint, *(command or image.command)]
    if not words:
        raise CannotStart("CannotStartContainerError: Error response from daemon: no command specified")
    return words


def _defaults(place: Place) -> dict[str, str]:
    home = place.inside("/root")
    return {"HOME": str(home if home.is_dir() else place.scratch), "TMPDIR": str(place.scratch), "LANG": "C.UTF-8", "PATH": _THIS_MACHINE}


def _paths(environment: Mapping[str, str], place: Place) -> dict[str, str]:
    """The image's directories before this machine's, and what was installed into the image's Python, if it is the same as ours."""
    asked = environment["PATH"].split(":")
    there = [str(place.inside(each)) for each in asked if each and place.inside(each).is_dir()]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = [str(each) for prefix in ("usr/local", "usr") if (each := place.inside(f"{prefix}/lib/{version}/site-packages")).is_dir()]
    modules = [_mapped(each, place) for each in environment.get("PYTHONPATH", "").split(":") if each]
    found = {"PATH": ":".join([str(place.commands), *there, *asked])}
    return found | ({"PYTHONPATH": ":".join([*modules, *libraries])} if modules or libraries else {})


def _command(words: Sequence[str], place: Place, path: str, directory: Path) -> tuple[str, ...]:
    program, *arguments = words
    rest = [_mapped(each, place) for each in arguments]
    if _PYTHON.fullmatch(Path(program).name):
        return (sys.executable, *rest)
    found = shutil.which(_mapped(program, place) if program.startswith("/") else str(directory / program) if "/" in program else program, path=path)
    if found is None:
        raise CannotStart(f'{_STARTING}exec: "{program}": executable file not found in $PATH: unknown')
    return (*_interpreter(Path(found), place), found, *rest)


def _interpreter(program: Path, place: Place) -> tuple[str, ...]:
    """A script of the image's is run by the interpreter it names: the image's if it has it, the stack's if it is Python, else this machine's."""
    with program.open("rb") as file:
        first = file.readline(256)
    if not first.startswith(b"#!") or not program.is_relative_to(place.root):
        return ()
    words = [word for word in first[2:].decode("utf-8", "replace").split() if word != "-S"]
    if words and Path(words[0]).name == "env":
        words = words[1:]
    if words and _PYTHON.fullmatch(Path(words[0]).name):
        return (sys.executable, *words[1:])
    return tuple(_mapped(word, place) for word in words[:1]) + tuple(words[1:]) if words and words[0].startswith("/") else ()


def _mapped(word: str, place: Place) -> str:
    return str(place.inside(word)) if word.startswith("/") and place.inside(word).exists() and word != "/" else word
