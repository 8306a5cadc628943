"""A small defect, and how it is put into a copy of the tree."""

from dataclasses import dataclass
from pathlib import Path


class NoDefectError(Exception):
    """It cannot be shown that a test catches it, because it is none: its text has changed, or the code only crashes with it."""


@dataclass(frozen=True)
class Defect:
    """`breaks` says what it breaks; `instead` takes the place of `text`, which is in `file` exactly once; `caught_by` is the test that shows it."""

    name: str
    breaks: str
    file: str
    text: str
    instead: str
    caught_by: str = ""

    def put_into(self, tree: Path) -> None:
        """Raises `NoDefectError` where the code is not what it was written for, or is no Python any more."""
        path = tree / self.file
        code = path.read_text()
        found = code.count(self.text)
        if found != 1:
            raise NoDefectError(f"its text is {found} times in {self.file}; bring it up to date")
        changed = code.replace(self.text, self.instead)
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as error:
            raise NoDefectError(f"{self.file} is no Python with it: {error.msg}, line {error.lineno}") from error
        path.write_text(changed)
