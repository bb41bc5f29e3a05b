"""The vocabulary that every room shares: types, schemas, durations, errors.

Enters: nothing. Leaves: small frozen values. May touch: the standard library.
Must never: import numpy, arrow or any other room; know an engine, a format or a connector.
"""
