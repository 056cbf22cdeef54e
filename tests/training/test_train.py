"""Tests of the command `python -m training.train` on a small data set."""

import json
import shutil
import signal
import subprocess
import time

import pytest
import torch
import typer
from typer.testing import CliRunner

from tests.helpers.paths import REPOSITORY
from tests.helpers.training.tiny_data import command, make_frame_data, overrides, run
from training.checkpoints.checkpoint import load_checkpoint
from training.engine.trainer import BEST, LAST, RESUME_STATE
from training.synthetic.figures.gestures import GESTURES
from training.train import main

RENDERED = overrides(
    "data.lessons=[{from_epoch: 0, side: 96, difficulty: 0.0}]",
    "data.batch_size=2",
    "data.steps_per_epoch=2",
    "data.validation_clips=2",
    "epochs=1",
)

AVERAGED = overrides("ema_decay=0.9")
NETWORK = ("num_classes", "depth", "width", "temporal")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return make_frame_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(recipe, tmp_path_factory):
    """An uninterrupted run of three epochs, with averaged weights."""
    work_dir = tmp_path_factory.mktemp("run")
    done = run("train", recipe, "--work-dir", work_dir, "--validate", "--deterministic", *AVERAGED)
    assert done.returncode == 0, done.stderr
    return work_dir


def weights(path):
    return load_checkpoint(path).tensors


def assert_equal(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def log_lines(work_dir):
    return [json.loads(line) for line in (work_dir / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_checkpoints_and_a_log(trained):
    checkpoint = load_checkpoint(trained / LAST)
    assert checkpoint.labels == ("right", "left", "still")
    assert checkpoint.training["recipe"]["data"]["batch_size"] == 4
    assert checkpoint.training["metrics"]["epochs"] == 3
    lines = log_lines(trained)
    assert [line["step"] for line in lines if line["mode"] == "train"] == list(range(9)), (
        "ten clips make three batches of 4"
    )
    validated = [line["top1_acc"] for line in lines if line["mode"] == "val"]
    assert load_checkpoint(trained / BEST).training["metrics"]["top1_acc"] == max(validated)
    assert len(validated) == 3


def test_the_checkpoint_has_the_averaged_weights_and_the_resume_state_both(trained):
    state = torch.load(trained / RESUME_STATE, weights_only=True)
    averaged = {name.removeprefix("module."): tensor for name, tensor in state["averaged"].items()}
    assert averaged.pop("n_averaged") == 9
    assert_equal(averaged, weights(trained / LAST))
    assert not torch.equal(state["tensors"]["head.weight"], averaged["head.weight"])


def test_equal_seeds_give_equal_weights_to_the_bit(trained, recipe, tmp_path):
    assert run("train", recipe, "--work-dir", tmp_path, "--deterministic", *AVERAGED).returncode == 0
    assert_equal(weights(trained / LAST), weights(tmp_path / LAST))
    assert not (tmp_path / BEST).exists(), "without --validate there is no best one"


def test_another_seed_gives_other_weights(trained, recipe, tmp_path):
    assert run("train", recipe, "--work-dir", tmp_path, "--seed", 1, *overrides("epochs=1")).returncode == 0
    assert not torch.equal(weights(trained / LAST)["head.weight"], weights(tmp_path / LAST)["head.weight"])


def test_a_killed_run_goes_on_to_the_same_weights(trained, recipe, tmp_path):
    arguments = ("train", recipe, "--work-dir", tmp_path, "--validate", "--deterministic", *AVERAGED)
    with subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while not (tmp_path / RESUME_STATE).exists():
            assert running.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
    assert load_checkpoint(tmp_path / LAST).training["metrics"]["epochs"] < 3
    resumed = run(*arguments, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert_equal(weights(trained / LAST), weights(tmp_path / LAST))
    assert_equal(weights(trained / BEST), weights(tmp_path / BEST))
    numbers = [line["step"] for line in log_lines(tmp_path) if line["mode"] == "train"]
    assert numbers == list(range(9)), "every step is logged once"


def test_two_processes_with_half_the_batch_equal_one(recipe, tmp_path):
    frozen = overrides("freeze_norm_from=0", "epochs=2", "model.dropout=0")
    one = run("train", recipe, "--work-dir", tmp_path / "one", "--validate", *frozen)
    halves = overrides("data.batch_size=2")
    two = run("train", recipe, "--work-dir", tmp_path / "two", "--validate", *frozen, *halves, processes=2)
    assert (one.returncode, two.returncode) == (0, 0), two.stderr
    first, second = weights(tmp_path / "one" / LAST), weights(tmp_path / "two" / LAST)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=0, atol=1e-5, msg=name)


def test_two_processes_resumed_and_validated_equal_an_unbroken_run(recipe, tmp_path):
    unbroken, resumed = tmp_path / "unbroken", tmp_path / "resumed"
    resumed.mkdir()
    arguments = ("train", recipe, "--deterministic", *overrides("freeze_norm_from=0.3"), *AVERAGED)
    line = command(*arguments, "--work-dir", unbroken, processes=2)
    with subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while not (unbroken / RESUME_STATE).exists():
            assert running.poll() is None, "it ended before its first epoch did"
            time.sleep(0.002)
        shutil.copy(unbroken / RESUME_STATE, resumed)
    assert running.returncode == 0
    assert torch.load(resumed / RESUME_STATE, weights_only=True)["epochs_done"] < 3
    done = run(*arguments, "--work-dir", resumed, "--resume", "--validate", processes=2)
    assert done.returncode == 0, done.stderr
    assert_equal(weights(unbroken / LAST), weights(resumed / LAST))


def test_rates_scale_with_the_batch_when_asked(recipe, tmp_path):
    large = overrides("data.batch_size=8", "epochs=1", "schedule.warmup_epochs=0")
    assert run("train", recipe, "--work-dir", tmp_path, "--auto-scale-lr", *large).returncode == 0
    assert log_lines(tmp_path)[0]["learning_rate"] == pytest.approx(0.02)


def test_the_demo_recipe_trains_through_the_same_command(tmp_path):
    done = run("train", "tin_motion", "--work-dir", tmp_path, "--validate", "--amp", *RENDERED)
    assert done.returncode == 0, done.stderr
    assert len(load_checkpoint(tmp_path / LAST).labels) == 16


def test_gestures_are_learned_beside_the_motions_and_left_out_of_the_checkpoint(tmp_path):
    done = run(
        "train", "tin_motion", "--work-dir", tmp_path, "--validate", *RENDERED, "--set", "data.gestures_share=0.5"
    )
    assert done.returncode == 0, done.stderr
    checkpoint = load_checkpoint(tmp_path / LAST)
    assert checkpoint.build_model().head.out_features == len(checkpoint.labels) == 16
    trained = torch.load(tmp_path / RESUME_STATE, weights_only=True)["tensors"]["head.weight"]
    assert len(trained) == 16 + len(GESTURES)
    assert torch.equal(trained[:16], checkpoint.tensors["head.weight"])
    assert set(log_lines(tmp_path)[-1]) >= {"top1_acc", "top5_acc"}


def test_a_run_starts_from_a_checkpoint(trained, recipe, tmp_path):
    left_out = f"model={{pretrained: {trained / LAST}}}", "clip=null"
    still = overrides(*left_out, "optim.lr=1e-30", "freeze_norm_from=0", "epochs=1")
    done = run("train", recipe, "--work-dir", tmp_path, *still)
    assert done.returncode == 0, done.stderr
    assert_equal(weights(trained / LAST), weights(tmp_path / LAST))
    recorded, original = (load_checkpoint(each / LAST).training["recipe"] for each in (tmp_path, trained))
    assert recorded["clip"] == original["clip"]
    assert {key: recorded["model"][key] for key in NETWORK} == {key: original["model"][key] for key in NETWORK}


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(recipe, tmp_path):
    wild = overrides("optim.lr=1e30", "optim.clip_grad_norm=1e30", "schedule.warmup_epochs=0")
    done = run("train", recipe, "--work-dir", tmp_path, *wild)
    assert done.returncode == 1
    assert "step 1" in done.stderr
    assert "Traceback" not in done.stderr


def run_here(*arguments):
    """Run the command in this process."""
    command_line = typer.Typer()
    command_line.command()(main)
    return CliRunner().invoke(command_line, list(map(str, arguments)))


def test_a_run_stops_after_validations_without_a_better_one_and_stays_finished(recipe, tmp_path):
    still = overrides("optim.lr=1e-30", "freeze_norm_from=0", "patience=1", "epochs=9")
    arguments = (recipe, "--work-dir", tmp_path, "--validate", *still)
    assert run_here(*arguments).exit_code == 0
    epochs = [load_checkpoint(tmp_path / name).training["metrics"]["epochs"] for name in (BEST, LAST)]
    assert epochs == [1, 2]
    ended = (tmp_path / LAST).stat().st_mtime_ns
    again = run_here(*arguments, "--resume")
    assert again.exit_code == 0
    assert "stopped early after epoch 2" in again.stdout
    assert (tmp_path / LAST).stat().st_mtime_ns == ended


def test_patience_without_validation_is_refused(recipe, tmp_path):
    assert "--validate" in refusal(recipe, tmp_path / "none", "patience=1")


def refusal(recipe, work_dir, *settings):
    """Run the command, which must refuse, and return its error line."""
    done = run_here(recipe, "--work-dir", work_dir, *overrides(*settings))
    assert done.exit_code == 2, done.output
    assert not work_dir.exists()
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


def remove_last_frame(data):
    (data / "frames" / "clip 003" / "img_00010.jpg").unlink()


BAD_INPUT = {
    "a missing list": (lambda data: (data / "train.txt").unlink(), [], ("train.txt", "training.prepare")),
    "an empty list": (
        lambda data: (data / "val.txt").write_text(""),
        [],
        ("val.txt", "training.prepare"),
    ),
    "a label too high": (lambda data: (data / "train.txt").write_text("clip 10 3\n"), [], ("train.txt", "line 1", "3")),
    "a frame too few": (remove_last_frame, [], ("clip 003", "img_00010.jpg")),
    "no labels": (lambda data: (data / "labels.txt").unlink(), [], ("labels.txt", "No such file", "training.prepare")),
    "a label too few": (lambda data: (data / "labels.txt").write_text("a\nb"), [], ("labels.txt", "2", "3")),
    "an unknown key": (None, ["optim.weight_decya=1"], ("optim.weight_decya", "weight_decay?")),
    "a depth that is not built": (None, ["model.depth=19"], ("depth", "19")),
    "no weights": (None, ["model.pretrained=gone.pth"], ("gone.pth",)),
    "no weights to complete it": (None, ["model.depth=null", "model.pretrained=gone.pth"], ("gone.pth",)),
    "no network": (None, ["model.depth=null"], ("model.depth", "model.pretrained")),
    "no clip": (None, ["clip=null"], ("clip", "model.pretrained")),
    "no labels to count": (
        lambda data: (data / "labels.txt").unlink(),
        ["model.num_classes=null"],
        ("labels.txt", "training.prepare"),
    ),
    "unknown weights": (None, ["model.pretrained=resnet05"], ("resnet05", "resnet50")),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_line(tmp_path, case):
    spoil, settings, said = BAD_INPUT[case]
    recipe = make_frame_data(tmp_path / "data", train=4, validation=2)
    if spoil:
        spoil(tmp_path / "data")
    line = refusal(recipe, tmp_path / "none", *settings)
    assert all(part in line for part in said), line


def test_weights_of_another_network_are_refused(trained, recipe, tmp_path):
    line = refusal(recipe, tmp_path / "none", f"model.pretrained={trained / LAST}", "model.depth=34")
    assert str(trained / LAST) in line
    assert all(part in line for part in ("depth", "18", "34"))


def test_a_truncated_pth_is_refused(recipe, tmp_path):
    broken = tmp_path / "broken.pth"
    torch.save({"state_dict": {"fc.weight": torch.zeros(1000, 10)}}, broken)
    broken.write_bytes(broken.read_bytes()[:2000])
    assert str(broken) in refusal(recipe, tmp_path / "none", f"model.pretrained={broken}")


def test_bad_input_leaves_no_traceback_when_run_from_a_shell(recipe, tmp_path):
    done = run("train", recipe, "--work-dir", tmp_path / "none", *overrides("data.train=gone.txt"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_run_is_not_begun_over_another(trained, recipe):
    before = (trained / LAST).read_bytes()
    done = run("train", recipe, "--work-dir", trained)
    assert done.returncode == 2
    assert str(trained) in done.stderr
    assert "--resume" in done.stderr
    assert (trained / LAST).read_bytes() == before


def test_a_run_is_resumed_only_as_it_began(trained, recipe):
    done = run("train", recipe, "--work-dir", trained, "--resume", *AVERAGED, *overrides("optim.lr=0.5"))
    assert done.returncode == 2
    assert all(part in done.stderr for part in ("recipe.optim.lr", "0.01", "0.5"))
