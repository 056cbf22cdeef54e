"""HTML page of a report: one file without scripts or outside addresses."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from training.reports.confusion_matrix import ClassRow, Confusion
from training.reports.report import MOST_CONFUSIONS, Report
from training.reports.worst_clips import WorstClip

STYLE = Path(__file__).with_name("page.css")

FIGURE_NAMES = {
    "top1_acc": "top-1 accuracy",
    "top5_acc": "top-5 accuracy",
    "mean_class_accuracy": "mean class accuracy",
}

ORDER_NAMES = {"sampled": "in order", "shuffled": "shuffled", "reversed": "reversed"}


def write_page(report: Report) -> str:
    """Return the page as text; every label and name in it is escaped."""
    sections = (_summary, _order, _classes, _confusions, _reliability, _worst)
    title = escape(f"{report.facts['checkpoint']} on {report.recipe}")
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>\n"
        f"<body><main><h1>{title}</h1>\n{_joined(section(report) for section in sections)}\n</main></body></html>\n"
    )


def _summary(report: Report) -> str:
    tiles = [(FIGURE_NAMES[name], f"{share:.1%}") for name, share in report.figures.items()]
    tiles.append(("calibration error", f"{report.reliability.expected_calibration_error:.1%}"))
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    facts = report.facts
    words = (
        f"{facts['clips']} clips of {len(report.labels)} classes, "
        f"{facts['views_per_clip']} view{'s' if facts['views_per_clip'] > 1 else ''} of each "
        f"(protocol: {facts['protocol']})."
    )
    return f'<p>{escape(words)}</p><dl class="tiles">{shown}</dl>'


def _order(report: Report) -> str:
    rows = ((ORDER_NAMES[name], _percent(share)) for name, share in report.control_accuracy.items())
    return _section(
        "Order of the frames",
        "Top-1 accuracy on the same videos with the sampled frames in order, shuffled, and reversed. Where the order "
        "is the action, the shuffled frames should come near chance; reversed ones show another action.",
        _table(("frames", "top-1"), rows),
    )


def _classes(report: Report) -> str:
    rows = (_class_cells(row) for row in report.confusion.class_rows())
    return _section(
        "Classes",
        "Precision is the share of a class's answers that is right, recall the share of its clips.",
        _table(("class", "clips", "right", "precision", "recall"), rows),
    )


def _confusions(report: Report) -> str:
    rows = (_confusion_cells(each) for each in report.confusion.most_confused(MOST_CONFUSIONS))
    return _section(
        "Confusions",
        "Rows are labels, columns are answers; the strength of a cell is its share of the row.",
        f'<div class="wide">{report.confusion.to_svg()}</div>',
        "<h3>Most frequent</h3>" + _table(("label", "answer", "clips"), rows),
    )


def _reliability(report: Report) -> str:
    error = report.reliability.expected_calibration_error
    return _section(
        "Reliability",
        f"On average the probability of an answer and the share that is right differ by {error:.1%} (expected "
        f"calibration error). The temperature is {report.scores.temperature:.3g}{_threshold(report)}. Bars below the "
        "dashed line are answers that are surer than they are right.",
        f'<div class="wide">{report.reliability.to_svg()}</div>',
    )


def _threshold(report: Report) -> str:
    threshold = report.facts.get("threshold")
    return "" if threshold is None else f"; answers are likely from {threshold:.1%} on"


def _worst(report: Report) -> str:
    return _section(
        "Worst clips",
        "The clips whose label got the least probability, with the frames of the first view that the network saw.",
        *map(_figure, report.worst),
    )


def _figure(clip: WorstClip) -> str:
    words = (
        f"<b>{escape(clip.label)}</b> {_percent(clip.probability)}, answered <b>{escape(clip.answer)}</b> "
        f"{_percent(clip.answer_probability)}<br><code>{escape(clip.name)}</code>"
    )
    image = f'<img alt="frames of {escape(clip.name)}" src="data:image/jpeg;base64,{b64encode(clip.strip).decode()}">'
    return f'<figure><div class="wide">{image}</div><figcaption>{words}</figcaption></figure>'


def _class_cells(row: ClassRow) -> Iterable[str]:
    return escape(row.label), str(row.clips), str(row.right), _percent(row.precision), _percent(row.recall)


def _confusion_cells(each: Confusion) -> Iterable[str]:
    return escape(each.label), escape(each.answer), str(each.clips)


def _section(title: str, words: str, *content: str) -> str:
    return f"<section><h2>{title}</h2><p>{words}</p>{_joined(content)}</section>"


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table whose cells are markup."""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = _joined(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _joined(parts: Iterable[str] | Iterator[str]) -> str:
    return "\n".join(parts)
