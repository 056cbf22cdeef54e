"""Policy in force: the serving policy that a running service follows, which may lag behind the one in its store.

A policy takes over only once a version that it prefers can answer; until then, and when the file is damaged, the policy
before it stays in force. So no change of a policy can leave a model without an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.store.policy import LATEST, PolicyRefused, ServingPolicy, read_policy, unknown_versions


@dataclass(frozen=True)
class PolicyInForce:
    """Policy of one model as it is followed.

    `policy` is None where the store's was damaged from the start: then no version answers by default, as it may be one
    that was rolled back.
    """

    policy: ServingPolicy | None = LATEST
    waiting: ServingPolicy | None = None
    """The store's policy, while no version that it prefers can answer."""
    reason: str | None = None
    """Reason why the store's policy is not followed, or only in part; None when it is followed."""

    def __str__(self) -> str:
        """The policy that is followed, such as `pinned 2`; `none` where there is none."""
        return str(self.policy or "none")

    def loads(self, version: str) -> bool:
        """Return True if the version is to be loaded."""
        policies = [each for each in (self.policy, self.waiting) if each]
        return not policies or any(policy.loads(version) for policy in policies)

    def candidates(self, versions: Sequence[str]) -> list[str]:
        """Return the versions that may answer a request which names none, the first choice first."""
        return self.policy.candidates(versions) if self.policy else []

    def read(self, folder: Path, versions: Sequence[str]) -> PolicyInForce:
        """Return what is known when the policy in a model's folder has been read; it still has to take over."""
        try:
            found = read_policy(folder)
        except PolicyRefused as error:
            return PolicyInForce(self.policy, reason=str(error))
        unknown = unknown_versions(found, versions)
        reason = f"it names version {unknown[0]}, which is not in the store" if unknown else None
        if found == self.policy:
            return PolicyInForce(found, reason=reason)
        return PolicyInForce(self.policy, waiting=found, reason=reason)

    def settled(self, versions: Sequence[str], can_answer: Collection[str]) -> PolicyInForce:
        """Let the policy that waits take over if a version that it prefers can answer, or if none was in force.

        Args:
            versions: The model's versions, oldest first.
            can_answer: Those that are loaded, and whose server is up.
        """
        if self.waiting is None:
            return self
        if self.policy is None or set(self.waiting.candidates(versions)) & set(can_answer):
            return PolicyInForce(self.waiting, reason=self.reason)
        reason = self.reason or "no version that it prefers can answer"
        return PolicyInForce(self.policy, self.waiting, reason)


NEWEST = PolicyInForce()
"""The newest version answers: a model's policy unless its store says otherwise."""

UNREAD = PolicyInForce(policy=None)
"""State before a model's policy has been read for the first time."""
