"""Running: names become connectors, an engine is chosen, the job is driven to its end.

Enters: a plan or a file, settings, an engine's name. Leaves: a summary; the sinks hold the rows.
May touch: ports, plan, rewrite, lang (to load files), observe. Must never: import an engine, a connector or a format.
"""

from caudal.runner.collect import collect
from caudal.runner.drive import Job, run
from caudal.runner.load import load, load_all
from caudal.runner.several import Several, run_together

__all__ = ["Job", "Several", "collect", "load", "load_all", "run", "run_together"]
