"""Detections that ship with caudal, each a pipeline file: `caudal run dos --set path=access.log --set format=combined`.

Enters: settings. Leaves: a plan. May touch: the facade alone, as a user's file does (this room is the only one inside
that may import it). Must never: hold what a user could not write, fix a threshold that is not a setting.

`data` holds a small web log, made for this project (see its NOTICE), over which `caudal demo` runs.
"""
