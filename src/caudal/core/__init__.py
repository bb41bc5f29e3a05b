"""The vocabulary that every room shares: types, schemas, durations, errors; and, for
readers that stand alone, what the text of a time or a duration means.

Enters: nothing. Leaves: small frozen values. May touch: the standard library.
Must never: import numpy, arrow or any other room; know an engine, a format or a connector.
"""
