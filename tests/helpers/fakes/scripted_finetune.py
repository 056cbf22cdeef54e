"""Stand-in for `python -m tin finetune DIR --json`: events, and a model that was made before.

It runs as `tin/__main__.py` of the working folder (tests.helpers.servers.teaching). Files there steer it: it trains
until there is a file `finish`, fails where there is a file `fail`, and publishes `made/<name>/1` of that folder.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

HERE = Path.cwd()


def write(line):
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(event, **fields):
    """Print one event."""
    write(json.dumps({"event": event} | fields))


def parsed():
    """The options that the service gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["finetune"])
    parser.add_argument("folder", type=Path)
    for option in ("--name", "--from", "--store", "--work-dir", "--minutes"):
        parser.add_argument(option, required=True)
    parser.add_argument("--json", action="store_true", required=True)
    return parser.parse_args()


def main():
    """Run the command."""
    options = parsed()
    classes = {folder.name: len(list(folder.iterdir())) for folder in sorted(options.folder.iterdir())}
    tell("stage", stage="read", text="Reading the clips")
    tell("clips", classes=classes, train=sum(classes.values()) - len(classes), validation=len(classes))
    tell("plan", side=128, epochs=40, minutes=float(options.minutes), reason="small clips")
    tell("stage", stage="train", text="Training")
    write("a line that is no event")
    if Path("fail").exists():
        tell("error", text="the clips cannot be told apart")
        sys.exit(2)
    if Path("crash").exists():
        sys.exit("out of memory")
    done = 0
    while not Path("finish").exists():
        done = min(done + 1, 790)
        tell("progress", stage="train", done=done, total=800, epoch=done // 20, loss=1.2, eta_seconds=75)
        if done % 5 == 1:
            tell("validation", epoch=done // 5, top1=min(1.0, 0.4 + done / 50), best=min(1.0, 0.4 + done / 50))
        time.sleep(0.05)
    tell("stage", stage="publish", text="Publishing")
    report = Path(options.work_dir) / "report" / "index.html"
    report.parent.mkdir(parents=True)
    report.write_text("<!doctype html><style>h1 { color: green }</style><h1>The report</h1>")
    target = Path(options.store) / options.name / "1"
    target.parent.mkdir(exist_ok=True)
    shutil.copytree(HERE / "made" / options.name / "1", target.with_name(".aside-1"))
    target.with_name(".aside-1").rename(target)
    tell("published", model=options.name, version="1", accuracy=0.875, report=str(report.parent), seconds=12.5)


if __name__ == "__main__":
    main()
