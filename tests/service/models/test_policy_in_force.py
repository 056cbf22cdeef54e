"""Policy in force: a policy takes over only when a version that it prefers can answer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from service.config.settings import Settings
from service.models.open_model import open_model
from service.models.policy_in_force import NEWEST, UNREAD, PolicyInForce
from service.models.registry import ModelUnavailable, NoModelReady, Registry
from service.models.versions import LoadedModel, UnloadedModel
from service.store import version_control
from service.store.model_store import ModelStore, StoreError
from service.store.policy import LATEST, POLICY_FILE, Pinned, ServingPolicy, read_policy
from service.store.version_control import remove
from tests.helpers.fakes.fake_backend import FakeBackend

VERSIONS = ["1", "2", "3"]
PINNED = ServingPolicy(serve=Pinned(pinned="2"))
LISTED = ServingPolicy(serve=("1", "7"))


def after(before: PolicyInForce, folder: Path, text: str, *can_answer: str) -> PolicyInForce:
    (folder / POLICY_FILE).write_text(text)
    return before.read(folder, VERSIONS).settled(VERSIONS, can_answer)


def test_a_policy_whose_version_can_answer_takes_over(tmp_path: Path) -> None:
    assert after(NEWEST, tmp_path, '{"serve": {"pinned": 2}}', "2", "3") == PolicyInForce(PINNED)


def test_until_then_the_one_before_stays_and_both_are_loaded(tmp_path: Path) -> None:
    before = PolicyInForce(ServingPolicy(serve=("3",)))
    policy = after(before, tmp_path, '{"serve": [2]}', "3")
    assert (policy.policy, policy.waiting) == (before.policy, ServingPolicy(serve=("2",)))
    assert policy.reason
    assert [version for version in VERSIONS if policy.loads(version)] == ["2", "3"]
    assert after(policy, tmp_path, '{"serve": [2]}', "2", "3") == PolicyInForce(ServingPolicy(serve=("2",)))


@pytest.mark.parametrize("text", ["{", '{"serve": {"pinned": 7}}'])
def test_what_cannot_be_followed_changes_nothing(tmp_path: Path, text: str) -> None:
    policy = after(PolicyInForce(PINNED), tmp_path, text, *VERSIONS)
    assert (policy.policy, policy.candidates(VERSIONS)) == (PINNED, ["2"])
    assert policy.reason
    assert after(policy, tmp_path, '{"serve": {"pinned": 2}}', *VERSIONS) == PolicyInForce(PINNED)


def test_a_version_of_a_list_that_is_missing_is_named_and_the_others_are_served(tmp_path: Path) -> None:
    policy = after(NEWEST, tmp_path, '{"serve": [1, 7]}', *VERSIONS)
    assert (policy.policy, policy.candidates(VERSIONS)) == (LISTED, ["1"])
    assert "7" in (policy.reason or "")


def test_at_the_start_a_policy_is_followed_and_a_damaged_one_lets_no_version_answer(tmp_path: Path) -> None:
    assert after(UNREAD, tmp_path, '{"serve": {"pinned": 2}}').policy == PINNED
    damaged = after(UNREAD, tmp_path, "{", *VERSIONS)
    assert (damaged.policy, damaged.candidates(VERSIONS)) == (None, [])
    assert all(damaged.loads(version) for version in VERSIONS)
    assert after(damaged, tmp_path, '{"serve": "latest"}').policy == LATEST


@pytest.fixture
def settings(tmp_path: Path, publish: Callable[..., Path]) -> Settings:
    for version in VERSIONS:
        publish(tmp_path, "colours", version)
    return Settings(model_store=tmp_path, onnx_threads=1)


@pytest.fixture
def write(settings: Settings) -> Callable[[str], object]:
    return (settings.model_store / "colours" / POLICY_FILE).write_text


def test_the_registry_answers_with_the_version_of_the_policy(
    settings: Settings, write: Callable[[str], object]
) -> None:
    registry = Registry.open(settings)
    assert registry.get("colours").version == registry.get().version == "3"
    write('{"serve": {"pinned": 2}}')
    registry.refresh(settings)
    assert registry.get("colours").version == "2"
    assert registry.get("colours", "3").version == "3"


def test_a_version_that_is_published_answers_only_without_a_pin(
    settings: Settings, write: Callable[[str], object], publish: Callable[..., Path]
) -> None:
    registry = Registry.open(settings)
    publish(settings.model_store, "colours", "10")
    registry.refresh(settings)
    assert registry.get().version == "10"
    write('{"serve": {"pinned": 3}}')
    publish(settings.model_store, "colours", "11")
    registry.refresh(settings)
    assert (registry.get().version, registry.get("colours", "11").version) == ("3", "11")


def test_only_listed_versions_are_loaded_and_nothing_is_loaded_twice(
    settings: Settings, write: Callable[[str], object]
) -> None:
    registry = Registry.open(settings)
    kept = registry.get("colours", "1").backend
    write('{"serve": [1, 2]}')
    registry.refresh(settings)
    assert [type(version) for version in registry.all()] == [LoadedModel, LoadedModel, UnloadedModel]
    assert registry.get("colours", "1").backend is kept
    with pytest.raises(ModelUnavailable, match="colours 3"):
        registry.get("colours", "3")
    write('{"serve": "latest"}')
    registry.refresh(settings)
    assert registry.get().version == "3"


def test_a_pin_to_a_version_that_is_refused_waits(settings: Settings, write: Callable[[str], object]) -> None:
    model = settings.model_store / "colours" / "2" / "model.onnx"
    good = model.read_bytes()
    model.write_bytes(b"damaged")
    registry = Registry.open(settings)
    write('{"serve": {"pinned": 2}}')
    registry.refresh(settings)
    assert registry.get().version == "3"
    model.write_bytes(good)
    registry.refresh(settings)
    assert registry.get().version == "2"


@pytest.mark.parametrize("text", ["{", '{"serve": {"pinned": 7}}'])
def test_a_service_that_starts_with_a_policy_it_cannot_follow_answers_named_versions_only(
    settings: Settings, write: Callable[[str], object], publish: Callable[..., Path], text: str
) -> None:
    write(text)
    registry = Registry.open(settings)
    for name in (None, "colours"):
        with pytest.raises(NoModelReady):
            registry.get(name)
    assert registry.get("colours", "1").version == "1"
    publish(settings.model_store, "others", "1")
    registry.refresh(settings)
    assert registry.get().name == "others"


def test_a_pinned_version_that_is_deleted_by_hand_is_not_replaced_by_another(
    settings: Settings, write: Callable[[str], object]
) -> None:
    write('{"serve": {"pinned": 2}}')
    registry = Registry.open(settings)
    shutil.rmtree(settings.model_store / "colours" / "2")
    registry.refresh(settings)
    with pytest.raises(NoModelReady, match="pinned 2"):
        registry.get("colours")


def test_removing_by_force_what_is_pinned_moves_on_to_the_newest(
    settings: Settings, write: Callable[[str], object]
) -> None:
    write('{"serve": {"pinned": 2}}')
    registry = Registry.open(settings)
    remove(settings.model_store, "colours", "2", force=True)
    registry.refresh(settings)
    assert registry.get().version == "3"


@pytest.mark.parametrize(
    ("text", "version"), [('{"serve": {"pinned": 2}}', "2"), ('{"serve": [1, 2]}', "2"), ('{"serve": [1, 9]}', "1")]
)
def test_one_model_is_opened_by_the_policy(
    settings: Settings, write: Callable[[str], object], text: str, version: str
) -> None:
    write(text)
    assert open_model(settings).version == version
    assert open_model(settings, "colours", "3").version == "3"


@pytest.mark.parametrize("text", ["{", '{"serve": {"pinned": 9}}'])
def test_without_one_to_choose_none_is_opened(settings: Settings, write: Callable[[str], object], text: str) -> None:
    write(text)
    with pytest.raises(NoModelReady, match="colours"):
        open_model(settings, "colours")


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "pin", "serve", "unpin", "latest", "remove", "damage"]), st.sampled_from("12345")
    ),
    max_size=12,
)


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_whatever_is_done_to_versions_and_policy_the_right_one_answers(
    operations: list[tuple[str, str]], publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.models.loading.open_backend", lambda *_: FakeBackend(6))
    with tempfile.TemporaryDirectory() as folder:
        root, in_force = Path(folder), LATEST
        publish(root, "colours", "1")
        settings = Settings(model_store=root)
        registry = Registry.open(settings)
        for operation, version in operations:
            is_done = done(operation, root, version, publish)
            in_force = read_policy(root / "colours") if is_done and operation != "damage" else in_force
            registry.refresh(settings)
            expected = in_force.candidates(ModelStore(root).versions_of("colours"))[0]
            assert registry.get().version == registry.get("colours").version == expected


def done(operation: str, root: Path, version: str, publish: Callable[..., Path]) -> bool:
    """Do something to the store; return False where it was refused, or left the policy as it was."""
    try:
        match operation:
            case "publish" if not (root / "colours" / version).exists():
                publish(root, "colours", version)
            case "pin":
                version_control.pin(root, "colours", version)
            case "serve":
                version_control.serve(root, "colours", ServingPolicy(serve=("1", version)))
            case "unpin":
                version_control.unpin(root, "colours")
            case "latest":
                version_control.serve(root, "colours", LATEST)
            case "remove":
                remove(root, "colours", version)
            case "damage":
                (root / "colours" / POLICY_FILE).write_text("{")
    except StoreError:
        return False
    return operation != "publish"
