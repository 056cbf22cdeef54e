import pytest
import torch

from training.checkpoints.checkpoint import CheckpointError
from training.checkpoints.resume_state import ResumeState, load_resume_state, save_resume_state

IDENTITY = {"recipe": {"optim": {"lr": 0.1}, "name": "tiny"}, "seed": 0}
BEST = {"accuracy": 0.75, "epoch": 1}


@pytest.fixture
def path(tmp_path):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1, momentum=0.9)
    optimizer.param_groups[0]["params"][0].grad = torch.ones(3)
    optimizer.step()
    state = ResumeState(IDENTITY, 2, BEST, {"head.weight": torch.arange(6.0).reshape(2, 3)}, [optimizer.state_dict()])
    save_resume_state(state, tmp_path / "snapshot.pt")
    return tmp_path / "snapshot.pt"


def test_a_snapshot_comes_back_whole(path):
    state = load_resume_state(path, IDENTITY)
    assert (state.epochs_done, state.best) == (2, BEST)
    assert torch.equal(state.tensors["head.weight"], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(state.optimizers[0]["state"][0]["momentum_buffer"], torch.ones(3))


def test_another_runs_snapshot_is_refused_naming_what_differs(path):
    other = {"recipe": {"optim": {"lr": 0.2}, "name": "tiny"}, "seed": 0}
    with pytest.raises(CheckpointError, match=r"recipe\.optim\.lr .*0\.1.*0\.2"):
        load_resume_state(path, other)


def test_a_missing_or_broken_snapshot_is_named(path, tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pt "):
        load_resume_state(tmp_path / "gone.pt", IDENTITY)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(CheckpointError, match=r"snapshot\.pt"):
        load_resume_state(path, IDENTITY)
