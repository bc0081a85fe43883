"""SelfPatch: a patch predicts the teacher's output for its most similar neighbours.

Yun et al. 2022, "Patch-level Representation Learning for Self-supervised Vision Transformers". The
text of the paper was not available: the equations are those of the authors' code.

Letters: T views of the teacher, V views, B images, N patches, D channels, K prototypes.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdense.registry import MODELS
from mmdense.ssl.dino import DINO, Assigner
from mmdense.ssl.dino_neck import Prototypes, width_of
from mmdense.ssl.gather import mean_over_ranks, sum_over_ranks
from mmdense.ssl.tokens import Tokens, tokens_of
from projects.selfpatch.neighbours import top_neighbours
from projects.selfpatch.patch_loss import mean_neighbour, patch_loss

__all__ = ["SelfPatch"]


@MODELS.register_module()
class SelfPatch(DINO):
    """DINO with a second loss on patches.

    In each view the teacher finds, for each patch, the ``k`` most similar of its neighbours, and
    collects them to one vector. The student predicts its prototypes from the patch alone. Teacher
    and student see the same view, so no correspondence between views is needed.

    Losses: ``loss`` of the images and ``loss_patch``, both with their weights. The patch loss has
    no gradients to the pool, as in the authors' code. Logged beside them: what
    :class:`~mmdense.ssl.dino.DINO` logs, the same of the patches, and ``patch_m_o``, the length of
    the mean direction of the patches.

    Args:
        patch_neck: Projector of patches, such as ``mmdense.DINONeck``.
        patch_prototypes: K of the patches.
        patch_weight: Weight of the patch loss.
        image_weight: Weight of the image loss; 0 for patches alone.
        k: Number of neighbours.
        window: Side of the window around a patch.
        wrap: Continue the grid at the opposite border, as the authors' code does.
        aggregation: "attention" (the pool, which must be ``mmdense.ClassAttentionPool``) or "mean".
        patch_views: "all", or "teacher" for the views of the teacher only, which costs less.
        center_views: Views of the running mean of the image logits: "teacher" as in DINO, or "all"
            as in the authors' code.
        chunk: Largest number of patches in the heads at a time.
        dino: Of :class:`mmdense.ssl.dino.DINO`.

    Raises:
        ValueError: A value is out of range, or the backbone returns no patches.
    """

    readings = (*DINO.readings, "patch_entropy", "patch_kl", "patch_m_o")
    student_parts = (*DINO.student_parts, "patch_neck", "patch_prototypes")

    def __init__(
        self,
        *,
        patch_neck: dict,
        patch_prototypes: int = 4096,
        patch_weight: float = 0.1,
        image_weight: float = 1.0,
        k: int = 4,
        window: int = 3,
        wrap: bool = False,
        aggregation: str = "attention",
        patch_views: str = "all",
        center_views: str = "teacher",
        chunk: int = 4096,
        **dino: Any,
    ) -> None:
        super().__init__(**dino)
        for name, value, choices in (
            ("aggregation", aggregation, ("attention", "mean")),
            ("patch_views", patch_views, ("all", "teacher")),
            ("center_views", center_views, ("teacher", "all")),
        ):
            if value not in choices:
                raise ValueError(f"SelfPatch.{name}={value!r}: choose one of {', '.join(choices)}")
        if not 1 <= k < window**2:
            raise ValueError(
                f"SelfPatch.k={k} must be 1 to {window**2 - 1}, the neighbours in a window of "
                f"{window}"
            )
        if aggregation == "attention" and not hasattr(self.pool, "on_neighbours"):
            raise ValueError(
                "SelfPatch.aggregation='attention' needs "
                "pool=dict(type='mmdense.ClassAttentionPool', ...); choose 'mean' without it"
            )
        self.patch_neck = MODELS.build(patch_neck)
        self.patch_prototypes = Prototypes(
            width_of(self.patch_neck),
            patch_prototypes,
            learn_length=dino.get("learn_length", False),
        )
        self.patch_assigner = Assigner(
            patch_prototypes,
            targets=dino.get("targets", "centre"),
            momentum=dino.get("center_momentum", 0.9),
        )
        self.prototype_counts["patch_entropy"] = patch_prototypes
        self.patch_weight, self.image_weight = patch_weight, image_weight
        self.k, self.window, self.wrap = k, window, wrap
        self.aggregation, self.patch_views, self.center_views = (
            aggregation,
            patch_views,
            center_views,
        )
        self.chunk = chunk
        self.copy_student()

    def before_step(self, step: int, steps: int) -> list[nn.Parameter]:
        """Set the temperature of the teacher; return the parameters that must not change."""
        frozen = super().before_step(step, steps)
        return [*frozen, *self.patch_prototypes.parameters()] if frozen else []

    def after_step(self, step: int, steps: int) -> None:
        """Update the teacher and the running means of its logits."""
        super().after_step(step, steps)
        self.patch_assigner.update()

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **_: object
    ) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: V views, those of the teacher first. [B, 3, h, w] each
            data_samples: Not used.

        Raises:
            ValueError: There are too few views, or a view has no neighbours.
            RuntimeError: Nothing updates the teacher.
        """
        images = len(inputs[0])
        first, others = self.groups(inputs)
        tokens = [tokens_of(self.backbone, group) for group in (*first, *others)]
        if any(one.patches is None for one in tokens):
            raise ValueError("SelfPatch needs patches: set backbone.out_type='raw' or 'featmap'")
        seen = first if {self.patch_views, self.center_views} == {"teacher"} else (*first, *others)
        with torch.no_grad():
            taught = [tokens_of(self.teacher["backbone"], group) for group in seen]
        centred = taught[: len(first)] if self.center_views == "teacher" else taught
        losses = self.image_loss(tokens, centred, images=images)
        compared = len(first) if self.patch_views == "teacher" else len(tokens)
        patches = self.patch_loss(tokens[:compared], taught[:compared], images=images)
        losses["loss"] = self.image_weight * losses["loss"]
        losses["loss_patch"] = self.patch_weight * patches.pop("loss")
        return losses | patches | {"patch_m_o": mean_direction(tokens[0].patches)}

    def patch_loss(
        self, tokens: Sequence[Tokens], taught: Sequence[Tokens], *, images: int
    ) -> dict[str, Tensor]:
        """Return the patch loss: the mean over views of the mean cross entropy of their patches.

        Beside ``loss`` it has ``patch_entropy`` of the teacher's assignments, and ``patch_kl``.

        Args:
            tokens: Of the student, one for each group of views of one size.
            taught: Of the teacher, of the same views.
            images: B.
        """
        views = [len(one.patches) // images for one in tokens]
        loss, entropy = patch_loss(
            [self._patches_of(one).flatten(0, 1) for one in tokens],
            [self._neighbours_of(one).flatten(0, 1) for one in taught],
            weights=[count / sum(views) for count in views],
            predict=lambda rows: self.patch_prototypes(self.patch_neck((rows,))[0]),
            assign=self._assign,
            parameters=[*self.patch_neck.parameters(), *self.patch_prototypes.parameters()],
            temperature=self.student_temperature,
            chunk=self.chunk,
        )
        loss, entropy = (mean_over_ranks(value.expand(images)) for value in (loss, entropy))
        return {"loss": loss, "patch_entropy": entropy, "patch_kl": loss.detach() - entropy}

    def _patches_of(self, tokens: Tokens) -> Tensor:
        return tokens.patches if self.aggregation == "mean" else self.pool.norm(tokens.patches)

    @torch.no_grad()
    def _neighbours_of(self, tokens: Tokens) -> Tensor:
        """What the teacher makes of the neighbours of each patch, [n B, N, D]."""
        found = []
        for some in tokens.patches.split(max(1, self.chunk // tokens.patches.shape[1])):
            index, exists = top_neighbours(
                some, tokens.grid, k=self.k, window=self.window, wrap=self.wrap
            )
            collect = (
                mean_neighbour if self.aggregation == "mean" else self.teacher["pool"].on_neighbours
            )
            found.append(collect(some, index, exists))
        return torch.cat(found)

    @torch.no_grad()
    def _assign(self, rows: Tensor) -> Tensor:
        logits = self.teacher["patch_prototypes"](self.teacher["patch_neck"]((rows,))[0])
        self.patch_assigner.observe(logits)
        return self.patch_assigner.assign(logits, temperature=self.teacher_temperature)


@torch.no_grad()
def mean_direction(patches: Tensor) -> Tensor:
    """Return the length of the mean of the patches as vectors of length 1; 1 if all are equal, [].

    Args:
        patches: Of this process; those of the other processes count, too. [B, N, D]
    """
    unit = F.normalize(patches.float(), dim=-1).flatten(0, 1)  # [B N, D]
    total, count = sum_over_ranks([unit.sum(dim=0), unit.new_tensor([float(len(unit))])])
    return (total / count).norm()
