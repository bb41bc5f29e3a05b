"""The proleptic Gregorian calendar, compiled; only kernels call this.

After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
"""

from __future__ import annotations

from caudal.columnar.compiled import part

_part = part(error_model="numpy")


@_part
def day_number(year, month, day):
    """Return the days since 1970-01-01 of a date; `year` >= 0."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    yoe = y - era * 400
    shifted = month - 3 if month > 2 else month + 9
    doy = (153 * shifted + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@_part
def is_leap(year):
    """Whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@_part
def month_length(year, month):
    """Return the days of a month, 1 to 12."""
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@_part
def date(days):
    """Return (year, month, day, day of the year) of days since 1970-01-01."""
    z = days + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    shifted = (5 * doy + 2) // 153
    day = doy - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = yoe + era * 400
    if month <= 2:
        year += 1
        ordinal = doy - 305
    else:
        ordinal = doy + (61 if is_leap(year) else 60)
    return year, month, day, ordinal
