"""What the engines on the Java virtual machine share: regular expressions as Java reads them, and shipped functions.

Enters: patterns in RE2's syntax.
Leaves: patterns of Java; the source text of functions that run in an engine's Python workers.
May touch: nothing.
Must never: know an engine, or run what it ships.
"""
