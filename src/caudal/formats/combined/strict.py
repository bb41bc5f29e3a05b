"""The strict reader has the last word on what a record holds: see `portable`, which other readers share."""

from __future__ import annotations

from caudal.core.scalars import Refused
from caudal.formats.combined.portable import LOG_TIME_FORMAT, log_record

TIME_FORMAT = LOG_TIME_FORMAT
Bad = Refused
read = log_record
