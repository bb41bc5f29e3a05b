"""Denial of service and password guessing: one client sends many requests in a short window, and all are refused.

An alert is one row for each key and tumbling window with more than `threshold` requests of which at least `share`
(by default all) were answered by one of `codes`: the key, `window_start`, `window_end`, `total`, `refused`.

    caudal run dos --set path=access.log --set format=combined
    caudal run dos --set path=access.jsonl --set key=remote_addr --set time=msec --set code=status
    caudal run dos --set path=log20170101.csv --set date=date --set time=time --set code=code

Settings:

- path: the logs: a file, a glob, a directory, or - for standard input. format: combined, json, csv or parquet; by
  default what the path's suffix says. delimiter: of CSV. layout, trusted: of combined, what stands before the client, and
  the networks of proxies that add addresses.
- key: the column to count by; texts in it that name IP addresses are counted under one spelling of each, without port and
  zone (`ip.canonical()`). code: the column of the response code. Both by their name in the log; in the combined
  format the client is `ip` and the code `status`. key_type, code_type: their types in JSON, CSV and Parquet (codes as
  400, 400.0 or, in JSON with code_type=string, "400").
- time: the column of the event time: ISO 8601, or as `time_format` says, or a number (of `unit`; by default integers
  are milliseconds and numbers with a fraction seconds). date: a column of the date, where `time` is that of the day.
  timezone: where times without an offset are local, such as Europe/Berlin; without it they are UTC. max_future: how far
  ahead of its arrival a time may be: beyond, the record is a dead letter, so that a wrong clock hides no attack.
- threshold, window, codes, share: what an alert is.
- disorder: how much older than the newest row a row may be and still count: a server logs a request when it is answered, and a
  client decides how long that takes. Alerts of a log that is followed come as much later. idle: how long a log that is followed may
  be quiet before it is not waited for. start: where following starts, "beginning" or "end".
- out: where alerts go: a file, or - for the console. out_format: json, csv or parquet (to the console json, csv, or aligned
  text if it is left out).
"""

import caudal as cd
from caudal import col

settings = cd.settings(
    path="",
    format="",
    delimiter=",",
    layout="auto",
    trusted=[],
    key="ip",
    key_type="string",
    code="status",
    code_type="float64",
    time="timestamp",
    date="",
    time_format="",
    unit="",
    timezone="",
    max_future="1h",
    threshold=30,
    window="3s",
    codes=[401, 403],
    share=1.0,
    disorder="30s",
    idle="5s",
    start="beginning",
    out="alerts.jsonl",
    out_format="",
)

if not settings.path:
    raise cd.UserError(
        "the setting 'path' is missing: which log is to be read?",
        hint="caudal run dos --set path=access.log --set format=combined",
    )
if not settings.codes or not all(type(code) is int for code in settings.codes):
    message = f"the setting 'codes' takes whole numbers, not {settings.codes!r}"
    raise cd.UserError(message, hint="--set 'codes=[401, 403]'")

code = col(settings.code)
if settings.format != "combined" and settings.code_type == "string":
    code = code.cast("int64")
columns = {settings.key: settings.key_type, settings.code: settings.code_type}
event_time = col(settings.time)
options = {}
if settings.date:
    columns |= {settings.date: "string", settings.time: "string"}
    event_time = cd.concat(col(settings.date), "T", col(settings.time))
    options["time_format"] = settings.time_format
else:
    columns[settings.time] = cd.field("timestamp", unit=settings.unit, time_format=settings.time_format)
if settings.format == "csv" or settings.delimiter != ",":
    options["delimiter"] = settings.delimiter
if settings.layout != "auto":
    options["layout"] = settings.layout
if settings.trusted:
    options["trusted"] = settings.trusted
if settings.start != "beginning":
    options["start"] = settings.start
if settings.idle != "5s":  # as ever; an engine that does not know idle partitions refuses it where it is given
    options["idle"] = settings.idle

requests = cd.source(
    "files",
    name="requests",
    path=settings.path,
    format=settings.format,
    schema=None if settings.format == "combined" else columns,
    event_time=event_time,
    disorder=settings.disorder,
    max_future=settings.max_future,
    timezone=settings.timezone,
    **options,
)
client = col(settings.key)
if requests.schema.dtype(settings.key).name == "string":
    client = client.ip.canonical()  # one client, however a log spells the address
counted = (
    requests.group_by(**{settings.key: client})
    .window(cd.tumbling(settings.window))
    .agg(name="counts", total=cd.count(), refused=cd.count_if(code.is_in(settings.codes)))
)
alerts = counted.filter(
    (col("total") > settings.threshold) & (col("refused") >= col("total") * settings.share), name="refused-floods"
)
if settings.out == "-":
    sink = alerts.to("console", format=settings.out_format, name="alerts")
else:
    sink = alerts.to("files", path=settings.out, format=settings.out_format, name="alerts")

pipeline = cd.Pipeline("dos", sink)
