"""A teacher that is the moving average of the student, and the hook that updates it."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mmdense.registry import HOOKS, OPTIM_WRAPPER_CONSTRUCTORS

__all__ = [
    "LearnedParameters",
    "Ramp",
    "TeacherHook",
    "clip_each",
    "cosine_momentum",
    "update_average",
]


class Ramp(NamedTuple):
    """A value that changes linearly from ``start`` to ``end`` within the first ``steps`` steps."""

    start: float
    end: float
    steps: int

    def at(self, step: int) -> float:
        """Return the value of a step, counted from 0."""
        if step >= self.steps:
            return self.end
        return self.start + (self.end - self.start) * step / self.steps


def cosine_momentum(start: float, end: float, *, step: int, steps: int) -> float:
    """Return the momentum of a step, from ``start`` at step 0 to ``end`` at the last one.

    Grill et al. 2020, "Bootstrap Your Own Latent", section 3.2.
    """
    return end - (end - start) * (1 + math.cos(math.pi * step / max(1, steps))) / 2


@torch.no_grad()
def update_average(teacher: nn.Module, student: nn.Module, *, momentum: float) -> None:
    """Set each parameter of the teacher to m * teacher + (1 - m) * student.

    Args:
        teacher: Changed in place; has the parameters of the student in the same order.
        student: The source.
        momentum: m; 0 copies the student.
    """
    averages, sources = list(teacher.parameters()), list(student.parameters())
    get_ema_multi_avg_fn(momentum)(averages, sources, 0)


@torch.no_grad()
def clip_each(parameters: Iterable[Tensor], *, max_norm: float) -> None:
    """Scale each gradient to a norm of at most ``max_norm`` on its own, in place."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return
    norms = torch._foreach_norm(gradients)
    scales = [(max_norm / (norm + 1e-6)).clamp(max=1.0) for norm in norms]
    torch._foreach_mul_(gradients, scales)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LearnedParameters(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, which passes over modules whose parameters are all frozen.

    MMEngine's own logs a warning for each parameter of a teacher.
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = "", is_dcn_module: Any = None
    ) -> None:
        """Add the groups of a module, unless it is frozen."""
        if any(parameter.requires_grad for parameter in module.parameters()):
            super().add_params(params, module, prefix, is_dcn_module)


@HOOKS.register_module()
class TeacherHook(Hook):
    """Runs what a model with a teacher does around each step of the optimizer.

    The model has two methods. ``before_step(step, steps)`` sets its schedules and returns the
    parameters that the optimizer must not change in this step. ``after_step(step, steps)`` updates
    the teacher. With ``accumulative_counts``, both follow the optimizer and not the batches.

    Args:
        clip_each: Maximum norm of the gradient of each parameter on its own, as in DINO's code;
            for the norm of all gradients use ``optim_wrapper.clip_grad``.

    Raises:
        TypeError: Before the first step, if the model has no teacher.
    """

    priority = "HIGH"

    def __init__(self, *, clip_each: float | None = None) -> None:
        if clip_each is not None and clip_each <= 0:
            raise ValueError(f"TeacherHook.clip_each={clip_each} must be positive; 3.0 is usual")
        self.clip_each = clip_each

    def before_train(self, runner: Runner) -> None:
        """Start the teacher as a copy of the student, unless it comes from a checkpoint."""
        self._model: Any = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(self._model, "after_step"):
            raise TypeError(
                f"TeacherHook: {type(self._model).__name__} has no teacher; remove the hook, or "
                "use a model such as mmdense.DINO"
            )
        self._model.start_teacher()
        self._runner = runner
        optimizer = runner.optim_wrapper.optimizer
        self._handles = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set the schedules of the model."""
        self._frozen = self._model.before_step(runner.iter, runner.max_iters)

    def after_train(self, runner: Runner) -> None:
        """Remove the hooks of the optimizer."""
        for handle in self._handles:
            handle.remove()

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for parameter in self._frozen:
            parameter.grad = None
        if self.clip_each is not None:
            for group in optimizer.param_groups:
                clip_each(group["params"], max_norm=self.clip_each)

    def _after_step(self, *_: Any) -> None:
        self._model.after_step(self._runner.iter, self._runner.max_iters)
