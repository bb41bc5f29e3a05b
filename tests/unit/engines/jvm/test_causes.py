"""The cause of a failure in two lines, of what engines really said."""

from __future__ import annotations

import pytest

from caudal.engines.jvm.causes import causes_of

MISTAKE = """
Traceback (most recent call last):
  File "/tmp/caudal-flink-8k6g2p85/job.py", line 1097, in _rowwise
    raise mistaken(function, error, shown(argument)) from None
FunctionMistake: wrong() returned 'text' where int64 is declared
called with a=403
return such a value, or declare another type
"""
WRONG = [
    "wrong() returned 'text' where int64 is declared",
    "called with a=403; return such a value, or declare another type",
]

FLINK = f"""{MISTAKE}
Traceback (most recent call last):
  File "/tmp/caudal-flink-8k6g2p85/job.py", line 1535, in <module>
    run()
py4j.protocol.Py4JJavaError: An error occurred while calling o100.hasNext.
: java.lang.RuntimeException: Failed to fetch next result
	at org.apache.flink.streaming.api.operators.collect.CollectResultIterator.hasNext(CollectResultIterator.java:98)
Caused by: org.apache.flink.runtime.client.JobExecutionException: Job execution failed.
Caused by: org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 2: Traceback (most recent call last):
{MISTAKE.partition("Traceback (most recent call last):")[2]}
	at org.apache.beam.runners.fnexecution.control.FnApiControlClient$ResponseStreamObserver.onNext(FnApiControlClient.java)
"""

SPARK_DIED = """
26/11/26 23:03:46 ERROR Executor: Exception in task 0.0 in stage 2.0 (TID 3)
org.apache.spark.SparkException: Python worker exited unexpectedly (crashed). Consider setting 'spark.sql.execution'
Caused by: java.io.EOFException
py4j.protocol.Py4JJavaError: An error occurred while calling o106.getResult.
: org.apache.spark.SparkException: Exception thrown in awaitResult:
Caused by: org.apache.spark.SparkException: [STAGE_MATERIALIZATION_MULTIPLE_FAILURES] Multiple failures (2)
"""

FLINK_DIED = """
Caused by: org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
Caused by: java.util.concurrent.ExecutionException: java.lang.IllegalStateException: Process died with exit code 7
"""

DIED = "a function that ends its process, breaks it or takes all memory does this"

WORKER = """
Traceback (most recent call last):
  File "/tmp/caudal-spark-rnnjj1y_/job.py", line 891, in run
    values, failed = call(columns, count)
MemoryError: no room for 12 columns
Traceback (most recent call last):
  File "/tmp/caudal-spark-rnnjj1y_/job.py", line 1443, in <module>
    run()
pyspark.errors.exceptions.captured.PythonException: An exception was thrown from the Python worker:
"""

CANCELLED = "Caused by: x.ExecutionException: io.grpc.StatusRuntimeException: CANCELLED: client cancelled"

SQL = """
py4j.protocol.Py4JJavaError: An error occurred while calling o46.sqlQuery.
: org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1, column 8 to line 1, column 9
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 3: Column 'a' not found in any table
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'a' not found in any table
"""


LIVE = """
26/11/27 07:14:32 ERROR Executor: Exception in task 0.0 in stage 14.0 (TID 34)
java.lang.ClassCastException: one row cannot be cast to another
	at org.apache.spark.sql.execution.python.EvalPythonEvaluatorFactory.eval(EvalPythonEvaluatorFactory.scala:108)
Caused by: py4j.Py4JException: An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
pyspark.errors.exceptions.captured.StreamingQueryException: [STREAM_FAILED] Query [id = 2e, runId = f7] terminated with exception: \
[FOREACH_BATCH_USER_FUNCTION_ERROR] An error occurred in the user provided function in foreach batch sink.
"""


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (FLINK, WRONG),
        (FLINK.replace("FunctionMistake", "pyflink.made.FunctionMistake"), WRONG),
        (SPARK_DIED, ["a Python worker of the job died", DIED]),
        (FLINK_DIED, ["a Python worker of the job died (exit code 7)", DIED]),
        (
            "A forked Python worker died (exit code -9)\n" + CANCELLED,
            ["a Python worker of the job died (exit code -9)", DIED],
        ),
        (CANCELLED, ["a Python worker of the job died", DIED]),
        (
            "Caused by: x.FlinkException: An OperatorEvent from an OperatorCoordinator to a task was lost. Triggering",
            ["a task of the job ended before it could say why", DIED],
        ),
        (CANCELLED + "\nCaused by: x.NoRoomException: disk", [CANCELLED.partition(": x.")[2], "NoRoomException: disk"]),
        (WORKER, ["MemoryError: no room for 12 columns"]),
        (
            SQL,
            [
                "CalciteContextException: From line 3: Column 'a' not found in any table",
                "SqlValidatorException: Column 'a' not found in any table",
            ],
        ),
        (
            "Exception in thread: \nCaused by: x.NoRoomException: disk " + "full" * 200,
            ["NoRoomException: disk " + "full" * 200],
        ),
        (LIVE, ["ClassCastException: one row cannot be cast to another"]),
        ("", []),
        ("WARNING: nothing of interest\n", []),
    ],
)
def test_cause(text: str, causes: list[str]) -> None:
    assert causes_of(text) == [cause[:300] for cause in causes]
