"""A training step with a loss or gradient that is NaN or infinite changes nothing and is saved."""

import functools
import logging
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from mmdense.registry import HOOKS

__all__ = ["NonFiniteError", "NonFiniteHook"]


class NonFiniteError(ArithmeticError):
    """A loss or gradient was NaN or infinite."""


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Stop at, or skip, a step with a loss or gradient that is NaN or infinite.

    Weights and optimizer then stay unchanged, and buffers (the statistics of BatchNorm) are
    restored. ``<work_dir>/non_finite/iter_<i>_rank_<r>.pth`` holds what ``tools/replay.py`` needs
    to run the step again. Ranks agree.

    Gradients are not checked under a loss scale (float16), which makes infinite ones on purpose;
    MMEngine skips them.

    Args:
        action: ``stop`` or ``skip``.
        limit: Steps to skip in a row before the run stops anyway.

    Raises:
        ValueError: An unknown action.
        NonFiniteError: From the training loop, when it stops.
    """

    priority = "VERY_HIGH"

    def __init__(self, action: str = "stop", limit: int = 10) -> None:
        if action not in ("stop", "skip"):
            raise ValueError(f"NonFiniteHook.action is {action!r}; give 'stop' or 'skip'")
        self.action, self.limit = action, limit
        self._runner: Any = None
        self._batch: Any = None
        self._loss: Tensor | None = None
        self._buffers: list[Tensor] = []
        self._saved: list[Tensor] = []
        self._in_a_row = 0

    def before_train(self, runner: Runner) -> None:
        """Wrap the optimizer, to check each loss before it."""
        self._runner = runner
        self._buffers = list(runner.model.buffers())
        self._saved = [buffer.clone() for buffer in self._buffers]
        wrapper = runner.optim_wrapper
        update_params, step = wrapper.update_params, wrapper.step

        def note_loss(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            value = loss.detach().float()
            self._loss = value if self._loss is None else self._loss + value  # accumulated steps
            update_params(loss, *args, **kwargs)

        @functools.wraps(step)  # keeps the mark by which a scheduler knows the counted step
        def step_if_finite(**kwargs: Any) -> None:
            if self._is_finite():
                self._in_a_row = 0
                step(**kwargs)
            else:
                self._refuse()
            self._loss = None

        wrapper.update_params, wrapper.step = note_loss, step_if_finite

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Copy the buffers, which the step may change."""
        self._batch = data_batch
        if self._buffers:
            torch._foreach_copy_(self._saved, self._buffers)

    def after_train(self, runner: Runner) -> None:
        """Unwrap the optimizer."""
        for name in ("update_params", "step"):
            runner.optim_wrapper.__dict__.pop(name, None)

    def _is_finite(self) -> bool:
        """Check loss and gradients of all ranks, with one synchronisation a step."""
        values = [self._loss] if self._loss is not None else []
        if not hasattr(self._runner.optim_wrapper, "loss_scaler"):
            gradients = [p.grad for p in self._runner.model.parameters() if p.grad is not None]
            gradients = [g.to_local() if hasattr(g, "to_local") else g for g in gradients]  # FSDP
            if gradients:
                values += [norm.float() for norm in torch._foreach_norm(gradients)]
        finite = torch.stack([value.reshape(()) for value in values]).isfinite().all()
        if get_world_size() > 1:
            finite = finite.float()
            all_reduce(finite, "min")
        return bool(finite)

    def _refuse(self) -> None:
        iteration = self._runner.iter
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._saved)
        path = self._save()
        self._in_a_row += 1
        loss = float("nan") if self._loss is None else float(self._loss)
        what = f"iteration {iteration}: loss {loss:g}" + (", gradient not finite" * isfinite(loss))
        help_ = f"to see where it comes from: mmdense replay {path}"
        if self.action == "stop" or self._in_a_row > self.limit:
            self._runner.call_hook("on_non_finite", reason=what)  # of hooks that have such a method
            raise NonFiniteError(f"{what}; training stopped, the weights are as before; {help_}")
        print_log(
            f"{what}; step skipped ({self._in_a_row} in a row); {help_}", "current", logging.WARNING
        )

    def _save(self) -> Path:
        runner, rank = self._runner, get_rank()
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        path = Path(runner.work_dir) / "non_finite" / f"iter_{runner.iter}_rank_{rank}.pth"
        path.parent.mkdir(exist_ok=True)
        weights = {
            key: value.full_tensor() if hasattr(value, "full_tensor") else value
            for key, value in model.state_dict().items()
        }
        content = {
            "config": runner.cfg.pretty_text,
            "seed": runner.seed,
            "iteration": runner.iter,
            "rank": rank,
            "state_dict": weights,
            "batch": self._batch,
        }
        torch.save(content, path)
        return path
