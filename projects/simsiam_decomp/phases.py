"""Training with one loss for some steps, then with another."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModule, is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdense.registry import HOOKS, MODELS

__all__ = ["PhaseHook", "PhasedHead", "phase_at"]


def phase_at(step: int, phases: Sequence[tuple[str, int | None]], *, cycle: bool) -> str:
    """The name of the phase that a step stands in.

    Args:
        step: Steps done so far.
        phases: Names and lengths in steps; only the last may have no end.
        cycle: Whether the first follows the last; else the last goes on.
    """
    lengths = [length or 0 for _, length in phases]
    if cycle:
        step %= sum(lengths)
    for (name, _), length in zip(phases[:-1], lengths[:-1], strict=True):
        if step < length:
            return name
        step -= length
    return phases[-1][0]


@MODELS.register_module()
class PhasedHead(BaseModule):
    """Several heads, of which one at a time gives the loss; :class:`PhaseHook` says which.

    With several processes, heads that have weights leave some of them without a gradient for a
    while: set ``find_unused_parameters=True``.

    Args:
        heads: Configs by name; the first is in use until a hook says otherwise.

    Raises:
        ValueError: No heads.
    """

    def __init__(self, heads: Mapping[str, dict]) -> None:
        super().__init__()
        if not heads:
            raise ValueError("heads is empty")
        self.heads = nn.ModuleDict({name: MODELS.build(head) for name, head in heads.items()})
        self.phase = next(iter(heads))

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Losses of the views, [B, D] each, by the head in use."""
        return self.heads[self.phase].loss(views, data_samples)


@HOOKS.register_module()
class PhaseHook(Hook):
    """Switches a :class:`PhasedHead` by iteration or by epoch, and to a rescue on a bad verdict.

    The phase follows from the step alone: a resumed run goes on in the right one.

    Args:
        phases: ``dict(head=NAME, length=STEPS)`` in their order; the last may have no length.
        by_epoch: Whether lengths are epochs; else iterations.
        cycle: Whether the first follows the last; every phase then needs a length.
        rescue: Name of the head that takes over when ``mmdense.CollapseHook`` reads a complete or
            dimensional collapse; each rescue is one time.
        rescue_length: Iterations of a rescue.

    Raises:
        ValueError: A phase without length that is not the last, or one below 1; a name that the
            model has no head for (before the first step).
    """

    priority = "VERY_HIGH"

    def __init__(
        self,
        phases: Sequence[Mapping[str, Any]],
        *,
        by_epoch: bool = False,
        cycle: bool = False,
        rescue: str | None = None,
        rescue_length: int = 200,
    ) -> None:
        self.phases = [(str(phase["head"]), phase.get("length")) for phase in phases]
        self.by_epoch, self.cycle = by_epoch, cycle
        self.rescue, self.rescue_length = rescue, rescue_length
        timed = self.phases if cycle else self.phases[:-1]
        if not self.phases or any(length is None or length < 1 for _, length in timed):
            raise ValueError(
                f"phases={list(phases)}: each needs a length of 1 or more; only the last, where "
                "cycle is off, may go without"
            )

    def before_train(self, runner: Runner) -> None:
        """Find the head, or say what is missing.

        Raises:
            ValueError: The model has no PhasedHead, or that head not all the phases.
        """
        head = _head(runner)
        if not isinstance(head, PhasedHead):
            raise ValueError(
                f"PhaseHook switches a mmdense.PhasedHead, but model.head is {type(head).__name__}"
            )
        named = {name for name, _ in self.phases} | ({self.rescue} if self.rescue else set())
        if missing := sorted(named - set(head.heads)):
            known = ", ".join(head.heads)
            raise ValueError(f"PhaseHook names {', '.join(missing)}; the head has {known}")

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | None = None
    ) -> None:
        """Set the phase of this step."""
        head = _head(runner)
        step = runner.epoch if self.by_epoch else runner.iter
        phase = phase_at(step, self.phases, cycle=self.cycle)
        if self.rescue and self._in_rescue(runner):
            phase = self.rescue
        if phase != head.phase:
            print_log(f"iteration {runner.iter}: loss is now that of head {phase!r}", "current")
            head.phase = phase

    def _in_rescue(self, runner: Runner) -> bool:
        """Whether a rescue goes on; starts one after a verdict of collapse, once in a run."""
        hub = runner.message_hub
        end = hub.runtime_info.get("collapse_rescue_end")
        verdict = hub.runtime_info.get("collapse_verdict", "")
        if end is None and verdict in ("complete collapse", "dimensional collapse"):
            end = runner.iter + self.rescue_length
            hub.update_info("collapse_rescue_end", end)
            print_log(f"{verdict}: rescue by head {self.rescue!r} until iteration {end}", "current")
        return end is not None and runner.iter < end


def _head(runner: Runner) -> Any:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return getattr(model, "head", None)
