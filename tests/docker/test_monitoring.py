"""Alert rules and dashboard: valid, correct on synthetic series, and only of metrics of the service."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from service.api.http.problems import PROBLEMS
from service.telemetry.metrics import Metrics, ModelLabels
from tests.helpers.paths import REPOSITORY

FOLDER = REPOSITORY / "docker" / "monitoring"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
ALERTS = [rule for rule in RULES if "alert" in rule]
DASHBOARD = json.loads((FOLDER / "dashboards" / "tin-serve.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
REQUIRED = os.environ.get("TIN_REQUIRE_PROMTOOL") == "1"


@pytest.fixture
def promtool():
    """A function that runs promtool in the folder and fails the test on an error."""
    if shutil.which("promtool") is None:
        if REQUIRED:
            pytest.fail("TIN_REQUIRE_PROMTOOL=1, but there is no promtool")
        pytest.skip("there is no promtool; Debian's package prometheus has it")

    def run(*arguments):
        done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("command", [("check", "config", "prometheus.yml"), ("test", "rules", "rules.test.yml")])
def test_prometheus_takes_it(promtool, command):
    promtool(*command)


def test_every_alert_is_tested():
    tests = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == {alert["alert"] for alert in ALERTS}


def test_every_alert_says_what_to_do():
    assert all(set(alert["annotations"]) == {"summary", "action"} for alert in ALERTS)


def test_every_metric_is_measured():
    used = {name for text in expressions() for name in re.findall(r"\b(?:tin|process)_\w+", text)}
    assert used - measured() == set()
    assert len(used) > 10


def test_every_outcome_exists():
    slugs = {kind.slug for kind in PROBLEMS.values()} | {"ok", "abandoned"}
    named = [words for text in expressions() for words in re.findall(r'outcome=~?"([^"]+)"', text)]
    assert {word for words in named for word in words.split("|")} <= slugs
    assert named


def test_the_dashboard_shows_what_was_asked_for():
    for title in ("Requests by outcome", "Mean time of each stage", "Queue", "Clips in a batch", "Models"):
        assert PANELS[title]["targets"], title
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(PANELS)


def test_the_labels_that_are_used_exist():
    used = {
        label
        for text in expressions()
        for names in re.findall(r"\bby \(([\w, ]+)\)", text)
        for label in names.split(", ")
    }
    assert {"model", "version"} <= used <= {"instance", "le", "label", "model", "outcome", "stage", "version"}


def test_the_dashboard_finds_its_data_and_grafana_the_dashboard():
    source = yaml.safe_load((FOLDER / "grafana" / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in PANELS.values()} == {source["uid"]}
    provider = yaml.safe_load((FOLDER / "grafana" / "dashboards" / "tin-serve.yml").read_text())["providers"][0]
    grafana = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())["services"]["grafana"]
    assert f"./docker/monitoring/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]


def test_expressions_of_the_dashboard_are_prometheus_s(promtool, tmp_path):
    variables = {"$__rate_interval": "5m", "$instance": ".*"}
    rules = [{"record": f"panel:{i}", "expr": replaced(text, variables)} for i, text in enumerate(of_dashboard())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def expressions():
    return [rule["expr"] for rule in RULES] + of_dashboard()


def of_dashboard():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def replaced(text, variables):
    for name, value in variables.items():
        text = text.replace(name, value)
    return text


def measured():
    """Return the names of all series of a gateway after a request."""
    metrics, model = Metrics(drift=True), ("a", "1")
    metrics.end_request("ok", model)
    metrics.observe_stages(model, dict.fromkeys(("upload", "decode", "transform", "infer", "total"), 0.1))
    metrics.observe_batch(model, 1)
    metrics.observe_answer(model, "jump", 0.5)
    text = metrics.render([ModelLabels("a", "1", "model.onnx", "sha256:0", "cpu")]).decode()
    return set(re.findall(r"^(?:# TYPE )?(\w+)", text, flags=re.MULTILINE))
