"""The nodes of a plan: a directed acyclic graph from sources to sinks; one file for each operator.

Nodes are frozen. A constructor derives the schema and checks that the node hangs together with its inputs, so a plan
that exists is a plan that can be explained to an engine. Two streams that share an object share the work.

Enters: other nodes, expressions, windows. Leaves: schemas, and the facts that walks of a plan ask for (`base.Node`).
May touch: core, and expressions, aggregates, windows of the plan. Must never: know an engine, or what walks it.
"""

from caudal.plan.nodes.aggregate import WindowAggregate
from caudal.plan.nodes.apply import WindowApply
from caudal.plan.nodes.base import Aggregated, Called, Computed, Key, Named, Node, Own, Pairs, Result, Role, passed_on
from caudal.plan.nodes.broadcast import Broadcast
from caudal.plan.nodes.copies import Copies
from caudal.plan.nodes.dead_letters import DEAD_FIELDS, DeadLetters
from caudal.plan.nodes.deduplicate import Deduplicate
from caudal.plan.nodes.ewma import Ewma
from caudal.plan.nodes.explode import Explode
from caudal.plan.nodes.filter import Filter
from caudal.plan.nodes.fused import Fused, Step
from caudal.plan.nodes.join import Join
from caudal.plan.nodes.keyed import RESERVED, Keyed, Windowed, can_be_late
from caudal.plan.nodes.lag import Lag
from caudal.plan.nodes.late import LATE_FIELDS, Late
from caudal.plan.nodes.lead import Lead
from caudal.plan.nodes.lookup import Lookup
from caudal.plan.nodes.map import FlatMap, Map
from caudal.plan.nodes.match import Match
from caudal.plan.nodes.process import Process
from caudal.plan.nodes.punctual import Punctual
from caudal.plan.nodes.reduce import Reduce
from caudal.plan.nodes.repartition import RepartitionSink, RepartitionSource
from caudal.plan.nodes.retimed import Retimed, Staged
from caudal.plan.nodes.running import Running
from caudal.plan.nodes.select import Select
from caudal.plan.nodes.shuffle import Shuffle
from caudal.plan.nodes.sink import Sink
from caudal.plan.nodes.source import Source
from caudal.plan.nodes.table import Table
from caudal.plan.nodes.throttle import Throttle
from caudal.plan.nodes.top import Ranking, WindowTop
from caudal.plan.nodes.union import Union
from caudal.plan.nodes.with_columns import WithColumns

__all__ = [
    "DEAD_FIELDS",
    "LATE_FIELDS",
    "RESERVED",
    "Aggregated",
    "Broadcast",
    "Called",
    "Computed",
    "Copies",
    "DeadLetters",
    "Deduplicate",
    "Ewma",
    "Explode",
    "Filter",
    "FlatMap",
    "Fused",
    "Join",
    "Key",
    "Keyed",
    "Lag",
    "Late",
    "Lead",
    "Lookup",
    "Map",
    "Match",
    "Named",
    "Node",
    "Own",
    "Pairs",
    "Process",
    "Punctual",
    "Ranking",
    "Reduce",
    "RepartitionSink",
    "RepartitionSource",
    "Result",
    "Retimed",
    "Role",
    "Running",
    "Select",
    "Shuffle",
    "Sink",
    "Source",
    "Staged",
    "Step",
    "Table",
    "Throttle",
    "Union",
    "WindowAggregate",
    "WindowApply",
    "WindowTop",
    "Windowed",
    "WithColumns",
    "can_be_late",
    "passed_on",
]
