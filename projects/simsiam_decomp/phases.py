"""Training with different losses in phases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModule, is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdense.collapse.collapse_hook import VERDICT, CollapseHook
from mmdense.collapse.history import read_history
from mmdense.collapse.verdict import COLLAPSES
from mmdense.records.record_hook import RecordHook
from mmdense.registry import HOOKS, MODELS

# Keys in the message hub, which is part of a checkpoint.
_STARTS = "phase_starts"
_RESCUE_END = "collapse_rescue_end"
_RECORDED = ("m_o", "m_r")  # readings of CollapseHook that are recorded for each phase


def phase_at(step: int, phases: Sequence[tuple[str, int | None]], *, cycle: bool) -> str:
    """Return the name of the phase of a step.

    Args:
        step: Number of finished steps.
        phases: Names and lengths in steps; only the last can be without a length.
        cycle: Whether the first phase follows the last; otherwise the last one continues.
    """
    lengths = [length or 0 for _, length in phases]
    if cycle:
        step %= sum(lengths)
    for (name, _), length in zip(phases[:-1], lengths[:-1], strict=True):
        if step < length:
            return name
        step -= length
    return phases[-1][0]


def ends_of_phases(
    curve: Sequence[tuple[float, float | None]], starts: Sequence[tuple[int, str]], steps: int
) -> dict[str, float]:
    """Return the values of a curve at the end of the phases of each head.

    If a head has several phases, their last values are averaged, without the first phase, which
    starts with random weights, and without a phase that the end of training shortened.

    Args:
        curve: ``(step, value)``, in the order of steps; a value can be None.
        starts: Step at the start of each phase and the name of its head, in order.
        steps: Total number of steps.

    Returns:
        Values by head, in the order of their first phases; heads without values are skipped.
    """
    stops = [*(start for start, _ in starts[1:]), steps]
    spans: dict[str, list[tuple[int, int]]] = {}
    for (start, name), stop in zip(starts, stops, strict=True):
        spans.setdefault(name, []).append((start, stop))
    ends = {}
    for name, of_head in spans.items():
        lengths = [stop - start for start, stop in of_head]
        cut = len(of_head) > 1 and of_head[-1][1] == steps and lengths[-1] < max(lengths)
        whole = of_head[:-1] if cut else of_head
        last = [
            [value for step, value in curve if start < step <= stop and value is not None][-1:]
            for start, stop in (whole[1:] if len(whole) > 1 else whole)
        ]
        found = [value for values in last for value in values]
        if found:
            ends[name] = sum(found) / len(found)
    return ends


@MODELS.register_module()
class PhasedHead(BaseModule):
    """Several heads, one of which computes the loss; :class:`PhaseHook` selects it.

    With several processes and heads with weights, set ``find_unused_parameters=True``, because the
    other heads get no gradients.

    Args:
        heads: Configs by name; the first is used until a hook selects another one.

    Raises:
        ValueError: No heads.
    """

    def __init__(self, heads: Mapping[str, dict]) -> None:
        super().__init__()
        if not heads:
            raise ValueError(
                "PhasedHead.heads is empty: add the config of a head for each name in "
                "PhaseHook.phases"
            )
        self.heads = nn.ModuleDict({name: MODELS.build(head) for name, head in heads.items()})
        self.phase = next(iter(heads))

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of the views, [B, D] each, from the selected head."""
        return self.heads[self.phase].loss(views, data_samples)


@HOOKS.register_module()
class PhaseHook(Hook):
    """Switches a :class:`PhasedHead` by iteration or epoch, and to a rescue head after a collapse.

    The phase depends on the step only, so a resumed run continues in the right phase. With a
    ``mmdense.CollapseHook``, the record of the run has m_o and m_r at the end of the phases of each
    head, ``phase/<head>/m_o`` (:func:`ends_of_phases`).

    Args:
        phases: ``dict(head=NAME, length=STEPS)`` in order; the last can be without a length.
        by_epoch: Whether lengths are epochs instead of iterations.
        cycle: Whether the first phase follows the last; every phase then needs a length.
        rescue: Name of the head to use after ``mmdense.CollapseHook`` detects a complete or
            dimensional collapse, once in a run.
        rescue_length: Iterations of the rescue.

    Raises:
        ValueError: A phase before the last has no length, or a length is below 1; before the first
            step, if the model has no such head, or if a rescue has no CollapseHook.
    """

    priority = "BELOW_NORMAL"  # after CollapseHook, before the hook that writes the record

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
                f"PhaseHook.phases={list(phases)}: each phase needs a length of at least 1, except "
                "the last one with cycle=False"
            )
        if rescue_length < 1:
            raise ValueError(f"PhaseHook.rescue_length must be at least 1, found {rescue_length}")

    def before_train(self, runner: Runner) -> None:
        """Check the heads of the model and the hooks."""
        head = _head(runner)
        if not isinstance(head, PhasedHead):
            raise ValueError(
                f"PhaseHook needs a mmdense.PhasedHead, but model.head is {type(head).__name__}. "
                "Set model.head to a PhasedHead with the heads of PhaseHook.phases"
            )
        named = {name for name, _ in self.phases} | ({self.rescue} if self.rescue else set())
        if missing := sorted(named - set(head.heads)):
            raise ValueError(
                f"PhaseHook: unknown heads {', '.join(missing)} in phases or rescue; "
                f"model.head.heads has {', '.join(head.heads)}"
            )
        if self.rescue and not any(isinstance(hook, CollapseHook) for hook in runner.hooks):
            raise ValueError(
                f"PhaseHook.rescue={self.rescue!r} needs the verdict of a CollapseHook: add "
                "dict(type='mmdense.CollapseHook') to custom_hooks"
            )
        if runner.iter == 0:
            for key in (_STARTS, _RESCUE_END):
                runner.message_hub.runtime_info.pop(key, None)

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
            print_log(f"Iteration {runner.iter}: switching to head {phase!r}.", "current")
            head.phase = phase
        starts = runner.message_hub.runtime_info.get(_STARTS, [])
        if not starts or starts[-1][1] != phase:
            runner.message_hub.update_info(_STARTS, [*starts, (runner.iter, phase)])

    def after_train(self, runner: Runner) -> None:
        """Add the last values of each phase to the record."""
        watched = any(isinstance(hook, CollapseHook) for hook in runner.hooks)
        if not watched or runner.rank != 0:
            return
        curves = read_history(Path(runner.work_dir))["curves"]
        starts = runner.message_hub.runtime_info.get(_STARTS, [])
        ends = {
            name: ends_of_phases(curves.get(name, []), starts, runner.iter) for name in _RECORDED
        }
        metrics = {f"phase/{head}/{name}": of[head] for name, of in ends.items() for head in of}
        for hook in runner.hooks:
            if isinstance(hook, RecordHook):
                hook.add_metrics(metrics, step=runner.iter, seconds=0.0)

    def _in_rescue(self, runner: Runner) -> bool:
        """Whether a rescue is active; starts it after the first collapse of a run."""
        hub = runner.message_hub
        end = hub.runtime_info.get(_RESCUE_END)
        verdict = hub.runtime_info.get(VERDICT, "")
        if end is None and verdict in COLLAPSES:
            end = runner.iter + self.rescue_length
            hub.update_info(_RESCUE_END, end)
            print_log(f"{verdict}: using head {self.rescue!r} until iteration {end}.", "current")
        return end is not None and runner.iter < end


def _head(runner: Runner) -> Any:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return getattr(model, "head", None)
