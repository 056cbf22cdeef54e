"""Tables of `make bench-peers`: whole answers of tin-serve and of what else one would run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

TITLES = {"demo": "demo model", "R50": "TIN-R50"}
FATES = ("answered", "refused")
LOST = ("failed", "timed out", "broken")
ONE, MANY, LARGE, OVERLOAD = "1 client", "8 clients", "8 clients, 720p", "5 x its rate"
MOST_LETTERS = 80
"""Letters of an answer that a table shows."""

Results = Mapping[str, Any]
Load = Mapping[str, Any]


def summary(results: Results) -> str:
    """Return a row for each contender: answers a second, p99 and CPU time of each model with eight clients."""
    models = results["models"]
    heading = [part for name in models for part in (f"{TITLES[name]}: answers/s", "p99 ms", "CPU ms")]
    contenders = next(iter(models.values()))["loads"][MANY]
    rows = (_summary_row(contender, results) for contender in contenders)
    return table(("", *heading), rows)


def demo(results: Results) -> str:
    """Return a row for each contender with the demo model."""
    return _loads("demo", results)


def r50(results: Results) -> str:
    """Return a row for each contender with TIN-R50."""
    return _loads("R50", results)


def overload(results: Results) -> str:
    """Return a row for each contender and model: the fates of requests that come five times too fast."""
    heading = ("", "", "requests", *FATES, "lost", "p99 ms of answered", "idle again after")
    return table(heading, _overload_rows(results))


def damage(results: Results) -> str:
    """Return a row for each contender: its answer to a damaged video."""
    damaged = results["models"]["demo"]["damaged"]
    return table(("", "status", "answer", "next video answered"), (_damage_row(*each) for each in damaged.items()))


def goals(results: Results) -> str:
    """Return a row for each goal of each model."""
    every = [goal for model in results["models"].values() for goal in model["goals"]]
    return table(("", "measured", "goal", "met"), map(_goal_row, every))


def _summary_row(contender: str, results: Results) -> tuple[str, ...]:
    loads = [model["loads"][MANY][contender] for model in results["models"].values()]
    cells = (cell for load in loads for cell in (_rate(load), _number(load["p99_ms"]), _number(load["server_ms"])))
    return (_title(contender, results), *cells)


def _loads(model: str, results: Results) -> str:
    loads = results["models"][model]["loads"]
    shown = [load for load in (ONE, MANY, LARGE) if load in loads]
    heading = (part for load in shown for part in (f"{load}: answers/s", "p50 ms", "p99 ms"))
    rows = (_load_row(contender, [loads[load][contender] for load in shown], results) for contender in loads[MANY])
    return table(("", *heading, "CPU ms an answer", "MB"), rows)


def _load_row(contender: str, loads: list[Load], results: Results) -> tuple[str, ...]:
    cells = (cell for load in loads for cell in (_rate(load), _number(load["p50_ms"]), _number(load["p99_ms"])))
    busy = loads[1]
    return (_title(contender, results), *cells, _number(busy["server_ms"]), _number(busy["megabytes"]))


def _overload_rows(results: Results) -> Iterator[tuple[str, ...]]:
    for model, figures in results["models"].items():
        for number, (contender, load) in enumerate(figures["loads"][OVERLOAD].items()):
            fates = load["fates"]
            lost = sum(fates.get(fate, 0) for fate in LOST)
            counts = (sum(fates.values()), *(fates.get(fate, 0) for fate in FATES), lost)
            waits = f"{load['drain_seconds']:.1f} s"
            name = "" if number else TITLES[model]
            yield (name, contender, *(f"{count:,}" for count in counts), _number(load["p99_ms"]), waits)


def _damage_row(contender: str, damage: Mapping[str, Any]) -> tuple[str, ...]:
    text = damage["text"]
    shown = text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
    return (contender, str(damage["status"]), f"`{shown}`", "yes" if damage["is_alive"] else "no")


def _goal_row(goal: Mapping[str, Any]) -> tuple[str, ...]:
    bound = f"at {'least' if goal['is_lower_bound'] else 'most'} {goal['bound'] or 0:g}"
    verdict = {True: "yes", False: "no", None: ""}[goal["is_met"]]
    return (goal["name"], f"{goal['value']:.2f}", "" if goal["bound"] is None else bound, verdict)


def _title(contender: str, results: Results) -> str:
    packages = results["packages"][contender]
    return f"{contender} {results['versions'][packages[0]]}" if packages else contender


def _rate(load: Load) -> str:
    return f"{load['rate']:.1f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
