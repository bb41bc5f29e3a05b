"""The log of caudal: each record a line for people, in which nothing of the data steers a terminal or begins a line."""

from __future__ import annotations

import logging

from caudal.core.shown import shown


class _Shown(logging.Filter):
    """Makes a record's message the text that is shown, for every handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = shown(record.getMessage()), ()
        return True


log = logging.getLogger("caudal")
"""Where warnings and what goes on are told; `caudal run` shows it, programs may handle it."""

log.addFilter(_Shown())
