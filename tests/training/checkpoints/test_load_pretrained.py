import pytest
import torch

from tests.helpers.training.foreign_files import as_project, as_torchvision, small_r50
from training.checkpoints.checkpoint import CheckpointError
from training.checkpoints.load_pretrained import load_pretrained
from training.checkpoints.pretrained import read_pretrained
from training.model.tin import TIN, Architecture, Temporal


@pytest.fixture
def source(tmp_path):
    """Write tensors to a file and read it as published weights."""

    def make(tensors):
        torch.save(tensors, tmp_path / "published.pth")
        return read_pretrained(tmp_path / "published.pth")

    return make


def unlike(model, other):
    """List the names of one model whose tensors the other does not have."""
    theirs = other.state_dict()
    return [
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, theirs.get(name, tensor + 1))
    ]


@pytest.mark.parametrize("project", ["mmaction2", "original"])
def test_tin_is_taken_whole(source, project):
    torch.manual_seed(0)
    published, model = small_r50(Temporal.TIN), small_r50(Temporal.TIN)
    report = load_pretrained(model, source(as_project(published, project)))
    assert unlike(model, published) == []
    assert (len(report.loaded), len(report.renamed), report.ignored, report.initialised) == (448, 448, (), ())


def test_mmaction2s_input_constants_are_left(source):
    tensors = as_project(small_r50(Temporal.TIN), "mmaction2")
    constants = {"data_preprocessor.mean": torch.zeros(3), "data_preprocessor.std": torch.ones(3)}
    report = load_pretrained(small_r50(Temporal.TIN), source(tensors | constants))
    assert report.ignored == tuple(constants)
    assert "data_preprocessor.mean, data_preprocessor.std" in list(report.lines())[1]


def with_mmcvs_average(raw, averaged):
    """MMCV's EMAHook saves the average under the usual names, and what it is taken of in buffers beside them."""
    return averaged | {f"ema_{name.replace('.', '_')}": tensor for name, tensor in raw.items()}


def with_mmengines_average(raw, averaged):
    beside = {"steps": torch.tensor(7)} | {f"module.{name}": tensor for name, tensor in raw.items()}
    return {"state_dict": averaged, "ema_state_dict": beside}


def with_timms_average(raw, averaged):
    return {"state_dict": raw, "state_dict_ema": averaged}


def mmengines_average_alone(_, averaged):
    return {"ema_state_dict": {"steps": torch.tensor(7)} | {f"module.{name}": each for name, each in averaged.items()}}


def torchs_averaged_model(_, averaged):
    return {"n_averaged": torch.tensor(7)} | {f"module.module.{name}": tensor for name, tensor in averaged.items()}


@pytest.mark.parametrize(
    "layout",
    [
        with_mmcvs_average,
        with_mmengines_average,
        with_timms_average,
        mmengines_average_alone,
        torchs_averaged_model,
    ],
)
def test_averaged_weights_are_taken(source, layout):
    torch.manual_seed(0)
    raw, averaged, model = (small_r50(Temporal.TIN) for _ in range(3))
    report = load_pretrained(model, source(layout(as_project(raw, "mmaction2"), as_project(averaged, "mmaction2"))))
    assert unlike(model, averaged) == []
    assert len(report.loaded) == 448
    assert max(map(len, report.lines())) < 400


def test_tin_takes_every_convolution_of_tsm(source):
    torch.manual_seed(0)
    published, model = small_r50(Temporal.TSM), small_r50(Temporal.TIN)
    report = load_pretrained(model, source(as_project(published, "tsm")))
    first_convs = [name for name in report.renamed if name.endswith(".conv1.conv.net.weight")]
    assert len(first_convs) == 16
    assert len(report.loaded) == 320
    assert len(report.initialised) == 16 * 8
    assert all(".interlace." in name for name in report.initialised)
    assert unlike(model, published) == list(report.initialised)


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
@pytest.mark.parametrize("temporal", Temporal)
def test_torchvision_gives_all_but_the_head_and_the_interlacing(source, depth, temporal):
    torch.manual_seed(0)
    published = TIN(Architecture(num_classes=5, depth=depth, width=0.25, temporal=Temporal.NONE))
    model = TIN(Architecture(num_classes=7, depth=depth, width=0.25, temporal=temporal))
    report = load_pretrained(model, source(as_torchvision(published)))
    assert report.ignored == ("fc.weight", "fc.bias")
    assert {"head.weight", "head.bias"} == {name for name in report.initialised if ".interlace." not in name}
    assert set(report.initialised) | set(report.loaded) == model.state_dict().keys()
    assert unlike(model, published) == list(report.initialised)


def test_old_files_without_batch_counters_are_whole(source):
    tensors = as_torchvision(small_r50(Temporal.NONE))
    tensors = {name: tensor for name, tensor in tensors.items() if "num_batches_tracked" not in name}
    report = load_pretrained(small_r50(Temporal.NONE), source(tensors))
    assert len(report.loaded) == 53 + 53 * 4
    assert len(report.initialised) == 53 + 2


def test_a_new_head_for_other_classes(source):
    model = TIN(Architecture(num_classes=3, width=0.25))
    report = load_pretrained(model, source(as_project(small_r50(Temporal.TSM), "tsm")), new_head=True)
    assert report.ignored == ("cls_head.fc_cls.weight", "cls_head.fc_cls.bias")
    assert {"head.weight", "head.bias"} < set(report.initialised)


@pytest.mark.parametrize(
    ("published", "project", "target", "named"),
    [
        (Temporal.TIN, "mmaction2", Temporal.TSM, r"unused .*conv1\.conv\.net1\.offset_net"),
        (Temporal.TIN, "original", Temporal.NONE, r"unused .*conv1\.net1\.biasnet"),
    ],
)
def test_what_the_network_cannot_take_is_named_as_in_the_file(source, published, project, target, named):
    with pytest.raises(CheckpointError, match=named):
        load_pretrained(small_r50(target), source(as_project(small_r50(published), project)))


def test_missing_unused_and_misshapen_tensors_are_named(source):
    tensors = as_project(small_r50(Temporal.TIN), "mmaction2")
    del tensors["backbone.layer1.0.conv1.conv.net1.offset_net.fc2.bias"], tensors["cls_head.fc_cls.bias"]
    tensors["backbone.layer2.0.block.weight"] = torch.zeros(1)
    tensors["backbone.conv1.bn.bias"] = torch.zeros(3)
    with pytest.raises(CheckpointError) as caught:
        load_pretrained(small_r50(Temporal.TIN), source(tensors))
    missing, unused, other_shape = str(caught.value).split("; ")
    for ours, theirs in (
        ("head.bias", "cls_head.fc_cls.bias"),
        ("stages.0.0.interlace.offset_net.fc2.bias", "backbone.layer1.0.conv1.conv.net1.offset_net.fc2.bias"),
    ):
        assert f"{ours} (in the file {theirs})" in missing
    assert "backbone.layer2.0.block.weight" in unused
    assert "stem.norm.bias (in the file backbone.conv1.bn.bias)" in other_shape


def test_a_refused_file_leaves_the_model_alone(source):
    tensors = as_project(small_r50(Temporal.TIN), "mmaction2")
    tensors.pop("cls_head.fc_cls.bias")
    model = small_r50(Temporal.TIN)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError):
        load_pretrained(model, source(tensors))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
