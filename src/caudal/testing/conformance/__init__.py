"""Conformance: what every connector keeps, whatever it reads from or writes to, as tests that run over anybody's.

    from caudal.testing.conformance.sinks import SinkCase, SinkSuite

    class TestMine(SinkSuite):
        case = MyCase  # how to open the sink, and how to see what stands in its target

Each test of a suite is a method that pytest collects; none needs a fixture.

Enters: a case, which opens what is tested. Leaves: assertions. May touch: ports, core, columnar, the standard library.
Must never: import a connector, pytest or an engine, sleep, ask for more than `caudal.ports` says.
"""
