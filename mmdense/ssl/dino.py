"""DINO: a student predicts the prototypes that its moving average assigns to other views.

Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers", algorithm 1.

Letters: T views of the teacher, V views, B images, D channels, K prototypes, N patches.
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdense.registry import MODELS
from mmdense.ssl.dino_neck import Prototypes, width_of
from mmdense.ssl.gather import mean_over_ranks, sum_over_ranks
from mmdense.ssl.prototypes import centred_softmax, entropies, multi_view_terms, sinkhorn_knopp
from mmdense.ssl.sum_of_terms import sum_of_terms
from mmdense.ssl.teacher import Ramp, cosine_momentum, update_average
from mmdense.ssl.tokens import Tokens, tokens_of

__all__ = ["DINO", "Assigner"]


class Assigner(nn.Module):
    """Turns the logits of the teacher into assignments, and keeps their running mean.

    The mean is updated once for each step of the optimizer, from the logits of all processes and of
    all accumulated batches.

    Args:
        prototypes: K.
        targets: "centre" (subtract the running mean) or "sinkhorn" (:func:`sinkhorn_knopp`).
        momentum: Of the running mean.
    """

    center: Tensor
    logit_sum: Tensor
    logit_count: Tensor

    def __init__(self, prototypes: int, *, targets: str, momentum: float) -> None:
        super().__init__()
        if targets not in ("centre", "sinkhorn"):
            raise ValueError(f"DINO.targets={targets!r}: choose 'centre' or 'sinkhorn'")
        self.targets, self.momentum = targets, momentum
        self.register_buffer("center", torch.zeros(prototypes))
        # Of the batches since the last step, so that a run may stop between two batches.
        self.register_buffer("logit_sum", torch.zeros(prototypes))
        self.register_buffer("logit_count", torch.zeros(1))

    @torch.no_grad()
    def assign(self, logits: Tensor, *, temperature: Tensor) -> Tensor:
        """Return the assignments of rows, [R, K].

        Args:
            logits: [R, K]
            temperature: Of the teacher.
        """
        if self.targets == "sinkhorn":
            return sinkhorn_knopp(logits, temperature=temperature)
        return centred_softmax(logits, center=self.center, temperature=temperature)

    @torch.no_grad()
    def observe(self, logits: Tensor) -> None:
        """Count logits for the next mean.

        Args:
            logits: [R, K]
        """
        self.logit_sum += logits.float().sum(dim=0)
        self.logit_count += len(logits)

    @torch.no_grad()
    def update(self) -> None:
        """Move the running mean towards the mean of the logits since the last update."""
        total, count = sum_over_ranks([self.logit_sum, self.logit_count])
        self.center.lerp_(total / count.clamp_min(1), 1 - self.momentum)
        self.logit_sum.zero_()
        self.logit_count.zero_()


@MODELS.register_module()
class DINO(BaseSelfSupervisor):
    """Self-distillation without labels, for backbones with a class token or without one.

    The first ``teacher_views`` views go through student and teacher, the others through the student
    only. Views of one size are one batch of the backbone. The vector of an image is what ``pool``
    returns, or else the class token, or else the mean of the patches.

    ``mmdense.TeacherHook`` in ``custom_hooks`` updates the teacher; training without it is an
    error. Keys of a checkpoint: the student is ``backbone.*``, the teacher ``teacher.backbone.*``.

    Losses: ``loss``. Logged beside it: ``entropy`` of the teacher's assignments, and ``kl``, the
    divergence of the student from the teacher. A loss that stays at ln K is a collapse.

    Args:
        backbone: Of MMPretrain; a ViT with ``out_type="raw"``.
        neck: Projector, such as ``mmdense.DINONeck``. It gets the image vectors of all views in one
            call.
        data_preprocessor: ``mmdense.MultiViewPreprocessor``.
        pool: Module from patches [B, N, D] to image vectors [B, D].
        prototypes: K.
        learn_length: Learn the length of the prototypes, "norm_last_layer=False" of DINO's code.
        teacher_views: T.
        targets: "centre", or "sinkhorn" as in DINOv2.
        center_momentum: Of the running mean of the teacher's logits.
        student_temperature: tau of the student.
        teacher_temperature: tau of the teacher: a number, or ``dict(start, end, steps)`` for a
            linear warm-up.
        momentum: Of the teacher at step 0; it rises to ``final_momentum`` by a cosine.
        final_momentum: Of the teacher at the last step.
        frozen_prototypes: Number of first steps in which the prototypes do not change.
        init_cfg: Of MMEngine.

    Raises:
        ValueError: A value is out of range.
    """

    layout_of_views = "concatenated"  # in the rows of the neck, for mmdense.CollapseHook
    readings: tuple[str, ...] = ("entropy", "kl")  # in the losses, for mmdense.CollapseHook
    teacher_temperature: Tensor
    teacher_updates: Tensor
    student_parts: tuple[str, ...] = ("backbone", "pool", "neck", "prototypes")

    def __init__(
        self,
        *,
        backbone: dict,
        neck: dict,
        data_preprocessor: dict,
        pool: dict | None = None,
        prototypes: int = 65_536,
        learn_length: bool = False,
        teacher_views: int = 2,
        targets: str = "centre",
        center_momentum: float = 0.9,
        student_temperature: float = 0.1,
        teacher_temperature: float | Mapping[str, float] = 0.04,
        momentum: float = 0.996,
        final_momentum: float = 1.0,
        frozen_prototypes: int = 0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone, neck=neck, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        for name, value in (("momentum", momentum), ("final_momentum", final_momentum)):
            if not 0 <= value <= 1:
                raise ValueError(f"DINO.{name}={value} must be between 0 and 1; 0.996 is usual")
        self.pool = None if pool is None else MODELS.build(pool)
        self.prototypes = Prototypes(width_of(self.neck), prototypes, learn_length=learn_length)
        self.assigner = Assigner(prototypes, targets=targets, momentum=center_momentum)
        self.teacher_views = teacher_views
        self.student_temperature = student_temperature
        self._temperature = _ramp(teacher_temperature)
        self.register_buffer(
            "teacher_temperature", torch.tensor(self._temperature.start), persistent=False
        )
        self.momentum, self.final_momentum = momentum, final_momentum
        self.frozen_prototypes = frozen_prototypes
        self.register_buffer("teacher_updates", torch.zeros((), dtype=torch.long))
        self.prototype_counts = {"entropy": prototypes}
        self._batches = 0
        self.copy_student()

    def copy_student(self) -> None:
        """Build the teacher."""
        self.teacher = copy.deepcopy(self.student()).requires_grad_(False)

    def student(self) -> nn.ModuleDict:
        """Return the modules that the teacher averages."""
        found = {name: getattr(self, name, None) for name in self.student_parts}
        return nn.ModuleDict({name: part for name, part in found.items() if part is not None})

    def train(self, mode: bool = True) -> "DINO":
        """Set the mode. The teacher drops nothing, but its BatchNorms follow the mode."""
        super().train(mode)
        for module in self.teacher.modules():
            module.training = mode and isinstance(module, nn.modules.batchnorm._BatchNorm)
        return self

    def image_features(self, images: Tensor) -> Tensor:
        """Return the vector of each image before the projector, [B, D].

        Args:
            images: [B, 3, h, w]
        """
        return image_vectors(tokens_of(self.backbone, images), self.pool)

    def start_teacher(self) -> None:
        """Copy the student, unless the teacher was trained before."""
        if not self.teacher_updates:
            self.teacher.load_state_dict(self.student().state_dict())

    def before_step(self, step: int, steps: int) -> list[nn.Parameter]:
        """Set the temperature of the teacher; return the parameters that must not change."""
        self.teacher_temperature.fill_(self._temperature.at(step))
        self._batches = -1  # the hook is there
        return list(self.prototypes.parameters()) if step < self.frozen_prototypes else []

    def after_step(self, step: int, steps: int) -> None:
        """Update the teacher and the running mean of its logits."""
        momentum = cosine_momentum(self.momentum, self.final_momentum, step=step, steps=steps)
        update_average(self.teacher, self.student(), momentum=momentum)
        self.assigner.update()
        self.teacher_updates += 1

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **_: object
    ) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: V views, those of the teacher first. [B, 3, h, w] each
            data_samples: Not used.

        Raises:
            ValueError: There are too few views.
            RuntimeError: Nothing updates the teacher.
        """
        first, others = self.groups(inputs)
        tokens = [tokens_of(self.backbone, images) for images in (*first, *others)]
        with torch.no_grad():
            taught = [tokens_of(self.teacher["backbone"], images) for images in first]
        return self.image_loss(tokens, taught, images=len(inputs[0]))

    def groups(self, inputs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the views of the teacher and the others, those of one size as one batch.

        Args:
            inputs: V views. [B, 3, h, w] each

        Raises:
            ValueError: There are too few views.
            RuntimeError: Nothing updates the teacher.
        """
        self._check(inputs)
        return by_size(inputs[: self.teacher_views]), by_size(inputs[self.teacher_views :])

    def image_loss(
        self, tokens: Sequence[Tokens], taught: Sequence[Tokens], *, images: int
    ) -> dict[str, Tensor]:
        """Return the loss of the image vectors.

        Args:
            tokens: Of the student, of all views.
            taught: Of the teacher, of at least T views; the first T are targets, all are counted in
                the running mean.
            images: B.
        """
        vectors = torch.cat([image_vectors(one, self.pool) for one in tokens])  # [V B, D]
        projected = self.neck((vectors,))[0]
        views = projected.split(images)
        with torch.no_grad():
            pool = self.teacher["pool"] if self.pool is not None else None
            vectors = torch.cat([image_vectors(one, pool) for one in taught])
            logits = self.teacher["prototypes"](self.teacher["neck"]((vectors,))[0])
            self.assigner.observe(logits)
            targets = self.assigner.assign(
                logits[: self.teacher_views * images], temperature=self.teacher_temperature
            )
        targets = targets.unflatten(0, (self.teacher_views, images))  # [T, B, K]
        terms = [
            lambda view, term=term: term(self.prototypes(view)).sum()
            for term in multi_view_terms(targets, len(views), temperature=self.student_temperature)
        ]
        total = sum_of_terms(terms, views, self.prototypes.parameters())
        loss = mean_over_ranks((total / images).expand(images))
        entropy = mean_over_ranks(entropies(targets).mean(dim=0))
        return {"loss": loss, "entropy": entropy, "kl": loss.detach() - entropy}

    def _check(self, inputs: Sequence[Tensor]) -> None:
        if not isinstance(inputs, list) or len(inputs) < max(2, self.teacher_views):
            found = len(inputs) if isinstance(inputs, list) else "one tensor"
            raise ValueError(
                f"{type(self).__name__} needs two views or more, and {self.teacher_views} of them "
                f"for the teacher; found {found}. Set data_preprocessor.views"
            )
        if self._batches == 2:
            raise RuntimeError(
                f"nothing updates the teacher of {type(self).__name__}; add "
                "dict(type='mmdense.TeacherHook') to custom_hooks"
            )
        if self.training and self._batches >= 0:
            self._batches += 1


def by_size(views: Sequence[Tensor]) -> list[Tensor]:
    """Return views of one size, that follow each other, as one batch, [n B, 3, h, w] each."""
    groups: list[list[Tensor]] = []
    for view in views:
        if groups and groups[-1][0].shape[-2:] == view.shape[-2:]:
            groups[-1].append(view)
        else:
            groups.append([view])
    return [torch.cat(group) for group in groups]


def image_vectors(tokens: Tokens, pool: nn.Module | None) -> Tensor:
    """Return one vector for each image, [B, D]: pooled patches, class token, or mean patch."""
    if pool is not None:
        return pool(tokens.patches)
    if tokens.image is not None:
        return tokens.image
    assert tokens.patches is not None
    return tokens.patches.mean(dim=1)


def _ramp(value: float | Mapping[str, float]) -> Ramp:
    if isinstance(value, int | float):
        return Ramp(value, value, 0)
    if set(value) != set(Ramp._fields):
        raise ValueError(
            f"DINO.teacher_temperature={dict(value)}: give a number or dict(start, end, steps)"
        )
    return Ramp(value["start"], value["end"], int(value["steps"]))
