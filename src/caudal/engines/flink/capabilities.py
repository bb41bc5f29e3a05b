"""What of the expression language Flink cannot compute as pinned. The tests hold the list to be true both ways."""

from __future__ import annotations

GAPS: dict[str, str] = {}
"""For each function that is refused on Flink, the reason. Today there is none."""
