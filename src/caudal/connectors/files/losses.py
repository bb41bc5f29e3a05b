"""What a followed source could not read, told."""

from __future__ import annotations

from caudal.connectors.files.growing import Growing
from caudal.observe.notices import Level, Notice


class Losses:
    """Notices of what was lost, until they are taken."""

    def __init__(self) -> None:
        self._notices: list[Notice] = []

    def take(self) -> list[Notice]:
        """Return what happened since the last call."""
        taken, self._notices = self._notices, []
        return taken

    def retired(self, ended: list[Growing]) -> None:
        """Tell of what could not be read of incarnations that have ended."""
        for growing in ended:
            if growing.failure:
                self._tell(growing.names[0], "unreadable", growing.failure, 1)
            self.lost(growing, growing.unread())

    def lost(self, growing: Growing, count: int) -> None:
        """Tell of bytes that stand nowhere any more."""
        if count:
            text = "{count} bytes were truncated or removed before they were read, and stand in no copy"
            self._tell(growing.names[0], "truncated", text, count)

    def gone(self, path: str) -> None:
        """Tell that a file was not found again, nor a copy of it, when another run went on."""
        text = "followed files that were not there any more when the run went on: {count}; what was written to them since is lost"
        self._tell(path, "gone", text, 1)

    def copy_gone(self, path: str) -> None:
        """Tell that a copy of what stood at a path was gone before it was read."""
        text = "copies that were gone before they were read: {count}; what was written since the last look is lost"
        self._tell(path, "copy_gone", text, 1)

    def foreign(self, path: str) -> None:
        """Tell that a rotation made a file that caudal does not read."""
        text = "files of a kind that is not read, made of followed ones: {count}; what had not been read before is lost"
        self._tell(path, "foreign", text, 1, level="note")

    def _tell(self, path: str, code: str, text: str, count: int, *, level: Level = "warning") -> None:
        self._notices.append(Notice(code, path, text, count, level))
