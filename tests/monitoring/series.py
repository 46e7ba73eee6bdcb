"""A recording of Prometheus' series as text, and its two uses: as input of promtool's tests, and as OpenMetrics."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

RECORDED: Final = Path(__file__).parent / "recorded" / "faults.txt"
STEP_SECONDS: Final = 15
_TIMESTAMP: Final = "_timestamp_seconds"
"""Gauges of this name hold a time. A recording counts it, like every time, from its beginning."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Values of series at equal intervals. None: the series had no value then.

    `marks`: what happened, and in which minute.
    """

    series: Mapping[str, Sequence[float | None]]
    marks: Mapping[str, float]

    @classmethod
    def of_prometheus(
        cls,
        found: list[dict[str, Any]],
        began: float,
        ended: float,
        marks: Mapping[str, float],
        names: Mapping[str, str],
    ) -> Self:
        """Return what the HTTP API answered to a range query, with `names` in place of instances."""
        count = int((ended - began) // STEP_SECONDS) + 1
        series = {}
        for each in found:
            labels = dict(each["metric"])
            name = labels.pop("__name__")
            labels.pop("job", None)
            labels["instance"] = names.get(labels["instance"], labels["instance"])
            values: list[float | None] = [None] * count
            for moment, text in each["values"]:
                value = float(text)
                if name.endswith(_TIMESTAMP) and value:
                    value -= began
                values[round((moment - began) / STEP_SECONDS)] = round(value, 3)
            written = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
            series[f"{name}{{{written}}}"] = values
        return cls(dict(sorted(series.items())), marks)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return what `to_text` wrote."""
        head, *lines = text.splitlines()
        series = {}
        for line in lines:
            name, _, values = line.rpartition("} ")
            series[name + "}"] = list(_expanded(values))
        return cls(series, json.loads(head))

    def to_text(self) -> str:
        """Return a line of marks, and a line a series: its name and its values in promtool's notation."""
        lines = [json.dumps(dict(self.marks))]
        lines += [f"{name} {_contracted(values)}" for name, values in self.series.items()]
        return "\n".join(lines) + "\n"

    def to_promtool(self) -> list[dict[str, str]]:
        """Return the `input_series` of a test of promtool."""
        return [{"series": name, "values": _contracted(values)} for name, values in self.series.items()]

    def to_openmetrics(self, began: float) -> str:
        """Return the text that `promtool tsdb create-blocks-from openmetrics` reads, from this time on."""
        lines = []
        for name, values in self.series.items():
            offset = began if name.partition("{")[0].endswith(_TIMESTAMP) else 0
            for number, value in enumerate(values):
                if value is not None:
                    shown = value + offset if value else value
                    lines.append(f"{name} {shown:.3f} {began + number * STEP_SECONDS:.0f}")
        return "\n".join([*lines, "# EOF", ""])

    @property
    def minutes(self) -> float:
        """How long the recording is."""
        return max(len(values) for values in self.series.values()) * STEP_SECONDS / 60


def _contracted(values: Sequence[float | None]) -> str:
    """Return values in promtool's notation: `1 2x3 _` is 1, four times 2, and nothing; `stale` ends a series."""
    words, previous = [], None
    for value, group in itertools.groupby(values):
        count = len(list(group))
        if value is None and previous is not None:
            words.append("stale")
            count -= 1
        if count:
            text = "_" if value is None else f"{value:.10g}"
            words.append(
                text if count == 1 and value is not None else f"{text}x{count if value is None else count - 1}"
            )
        previous = value
    return " ".join(words)


def _expanded(text: str) -> Iterator[float | None]:
    for word in text.split():
        value, _, count = word.partition("x")
        if value == "stale":
            yield None
        elif value == "_":
            yield from itertools.repeat(None, int(count or 1))
        else:
            yield from itertools.repeat(float(value), int(count or 0) + 1)
