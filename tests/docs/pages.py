"""Runs the code of a page: its blocks, in order, in one directory and one namespace.

A fence says what becomes of its block, behind the language:

    ```python run             run it; a ```text output block behind it is what it prints
    ```python file=p.py       write it to a file
    ```console run            lines that begin with `$ ` are commands (caudal, cat, echo $?), the others what they print
    ```toml package=ticks     write it as the entry points of an installed package

In what is expected `...` stands for anything, and runs of blanks are alike. Any other fence is only shown.
"""

from __future__ import annotations

import doctest
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.cli import main

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<info>\w[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what to do with it, its text, the line it begins at."""

    language: str
    role: str
    text: str
    line: int


def pages() -> list[Path]:
    """Return the project's pages of prose."""
    return sorted(
        [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "lab" / "README.md", *(ROOT / "docs").rglob("*.md")]
    )


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        language, _, role = fence["info"].partition(" ")
        yield Block(language, role.strip(), fence["body"], text.count("\n", 0, fence.start()) + 1)


class Running:
    """The code of one page, in the working directory."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.names: dict[str, Any] = {"__name__": "page"}
        self.printed = ""
        self.code = 0

    def run(self) -> int:
        """Run every block; return how many there were. Raises `AssertionError` with the line of what differs."""
        ran = 0
        for block in blocks(self.page):
            kind, _, value = block.role.partition("=")
            if kind == "file":
                Path(value).write_text(block.text, encoding="utf-8")
            elif kind == "package":
                self._install(value, block.text)
            elif block.role == "output":
                self._compare(block.text, self.printed, block.line)
            elif block.language == "python" and kind == "run":
                self._python(block)
            elif block.language == "console" and kind == "run":
                self._console(block)
            else:
                assert not block.role, f"{self.page.name}:{block.line}: what is '{block.role}'?"
                continue
            ran += 1
        return ran

    def _python(self, block: Block) -> None:
        # Blank lines before the code give its tracebacks the page's line numbers.
        code = compile("\n" * block.line + block.text, str(self.page), "exec")
        out = io.StringIO()
        with redirect_stdout(out):
            exec(code, self.names)
        self.printed = out.getvalue()

    def _console(self, block: Block) -> None:
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            self._compare(expected, self._command(command), block.line)

    def _command(self, line: str) -> str:
        program, *arguments = shlex.split(line, comments=True)
        if program == "cat":
            return "".join(Path(name).read_text(encoding="utf-8") for name in arguments)
        if program == "echo":
            assert arguments == ["$?"]
            return f"{self.code}\n"
        assert program == "caudal", f"cannot run {program}"
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            try:
                self.code = main(arguments)
            except SystemExit as end:
                self.code = int(end.code or 0)
        return out.getvalue()

    def _install(self, name: str, text: str) -> None:
        folder = Path(f"{name}-1.0.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        groups: dict[str, dict[str, str]] = tomllib.loads(text)["project"]["entry-points"]
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items()) for group, found in groups.items()]
        (folder / "entry_points.txt").write_text("\n".join(lines))

    def _compare(self, expected: str, printed: str, line: int) -> None:
        # what is shown of the progress depends on how long a run takes: a first line of dots may stand for nothing; and
        # what is compiled on what has run before
        printed = re.sub(r"^note: kernels compiled, once on this machine: .*\n", "", printed, flags=re.MULTILINE)
        wanted = (expected, expected.removeprefix("...\n"))
        same = any(doctest.OutputChecker().check_output(each, printed, _FLAGS) for each in wanted)
        assert same, f"{self.page.name}:{line}\n--- the page says\n{expected}\n--- it prints\n{printed}"
