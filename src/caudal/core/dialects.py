"""What looks like a log of lines and is another format: told by name, before a record is read.

It stands alone: scripts that read files without caudal have it too.
"""

from __future__ import annotations

ZEEK_HINT = (
    'let Zeek write JSON (redef LogAscii::use_json = T;) and read that with format="json"; or name the columns: '
    'zeek-cut ts id.orig_h < conn.log writes plain columns, for format="csv" with delimiter="\\t", quote="", '
    "header=False and columns=[...]"
)


def other_format(head: bytes) -> tuple[str, str]:
    """Return what a partition that begins so is, and what to do with it; two empty texts when it is no such thing.

    >>> other_format(b"#separator \\\\x09\\n")[0]
    "this is Zeek's own tab-separated format, which is not read yet"
    """
    if head.lstrip(b"\0\xef\xbb\xbf \t\r\n").startswith(b"#separator"):
        return "this is Zeek's own tab-separated format, which is not read yet", ZEEK_HINT
    return "", ""
