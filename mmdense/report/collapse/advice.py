"""Meaning, causes and remedies of each verdict, for the report and for docs/collapse.md."""

import math
from typing import NamedTuple

from mmdense.collapse.readings import ROWS
from mmdense.collapse.verdict import COMPLETE, DIMENSIONAL, DIVERGED, EARLY, HEALTHY, HIDDEN
from mmdense.report.collapse.runs import Run


class Advice(NamedTuple):
    """Explanation of a verdict; ``tone`` is "good", "bad" or "unsure" and selects the colour.

    The most frequent cause and the cheapest remedy are first.
    """

    tone: str
    meaning: str
    causes: tuple[str, ...]
    remedies: tuple[str, ...]


ADVICE: dict[str, Advice] = {
    HEALTHY: Advice(
        "good",
        "The projections differ between images and use more than a few dimensions. This does not "
        "show that the features are good for a task: only labels can show that.",
        (),
        (
            "Measure the features during training with mmdense.KNNHook or mmdense.LinearProbeHook.",
            "Watch the ranks of the backbone over the epochs. A slow decrease is the first sign "
            "of a dimensional collapse.",
        ),
    ),
    COMPLETE: Advice(
        "bad",
        "All images have nearly the same projection, or the same prediction after the predictor: "
        "the centre is almost the whole vector. Two views then agree for any image, and the loss "
        "reaches its minimum although the model has learned nothing.",
        (
            "Nothing in the loss prevents collapse: there is no predictor, the same predictor is "
            "on both branches, or the predictor is only on the branch with stop-gradient.",
            "Only the predictions collapsed (p_m_o high, m_o low): the loss compares predictions "
            "with predictions, or has no extra gradient. The projections can look healthy for a "
            "long time while the features learn nothing.",
            "The target is not detached (no stop-gradient), or both branches get gradients.",
            "The learning rate is too high for the batch size, or the predictor learns too slowly.",
            "The two views of an image are nearly identical, so there is nothing to learn.",
            "The projections have length zero (norm near 0): the last ReLU outputs only zeros, or "
            "the weight decay is too strong for the loss.",
        ),
        (
            "Find the step of the collapse. In the first hundred steps, suspect the loss or its "
            "branches; later, suspect the learning rate.",
            "Check |o_e| and |r_e|. If both are zero, check the stop-gradient, and that the "
            "predictor is on the branch that gets gradients.",
            "Halve the learning rate or double the batch size. Keep the learning rate of the "
            "predictor constant (SimSiamHook with fix_pred_lr=True and adjust_by_epoch=False), or "
            "raise it.",
            "Restore the random resized crop and the colour jitter. mmdense browse shows the "
            "inputs of the model.",
            "Rescue the run: switch to a loss that is high in a collapse, such as the uniformity "
            "loss, and back later. De-correlation alone is zero there and does not help.",
        ),
    ),
    DIMENSIONAL: Advice(
        "bad",
        "The projections differ, but only along a few directions. The centre and the standard "
        "deviation look healthy and the loss decreases, while most dimensions of the projector "
        "are empty.",
        (
            "The loss hardly de-correlates the channels. A last BatchNorm without affine weights "
            "keeps the standard deviation high while the rank decreases.",
            "The model is small for the data, or the images differ in only a few ways.",
            "The augmentation is so strong that two views share little.",
            "The weight decay is high and the learning rate is low.",
        ),
        (
            "Compare with the ranks of the backbone. If they stay high, the features may still be "
            "useful: measure them with k-NN.",
            "Weaken the augmentations one at a time, the strongest first. Lower the weight decay.",
            "Use a larger batch, a wider projector, or a predictor with a bottleneck.",
            "Train with a loss that de-correlates, such as Barlow Twins or the terms of VICReg.",
        ),
    ),
    DIVERGED: Advice(
        "bad",
        "Projections, predictions, the loss or a gradient contain NaN or infinity. Later "
        "checkpoints may be unusable.",
        (
            "The learning rate is too high, or there is no warm-up.",
            "float16 overflows, or a feature of length zero is divided by its length.",
            "An image is broken, or a layer with BatchNorm gets a batch of one image.",
        ),
        (
            "Continue from the last checkpoint before the cross in the curves.",
            "Lower the learning rate, add a warm-up, and clip the gradient "
            "(optim_wrapper.clip_grad).",
            "Train in bfloat16 or float32. mmdense.NonFiniteHook reports the step and the batch.",
        ),
    ),
    HIDDEN: Advice(
        "unsure",
        "The projector ends in a BatchNorm without affine weights, which gives each channel a mean "
        "of zero and a standard deviation of one for any input. So m_o and std look healthy, but "
        "the inputs of that BatchNorm all point in one direction.",
        (
            "The outputs of the last layer differ little compared with their mean. The BatchNorm "
            "amplifies the difference, which may be noise.",
        ),
        (
            "Use the ranks and k-NN instead of m_o and std.",
            "Train once without this BatchNorm (with_last_bn=False, with_last_bias=True). Then m_o "
            "shows the effect of the loss alone.",
            "If the rank decreases, too, follow the advice for a dimensional collapse.",
        ),
    ),
    EARLY: Advice(
        "unsure",
        "The last judgements do not agree yet. A random network often starts with a high m_o, "
        "which decreases within a few hundred steps.",
        (),
        (
            "Let the run continue. A verdict needs CollapseHook.patience equal judgements in a "
            "row, one every CollapseHook.interval steps.",
        ),
    ),
}

_NONE_YET = Advice(
    "unsure",
    "There is no judgement yet: the run is shorter than one interval, or the file is from its "
    "beginning.",
    (),
    ("Write the report again later. The file is updated at every checkpoint and at the end.",),
)

BLIND_SPOTS = (
    "whether the features are good for your task: a healthy verdict does not measure accuracy",
    "a collapse of some classes or regions onto each other while the others stay apart",
    "shortcuts: features that distinguish images only by colour, border or file format are healthy",
    f"in the ranks, images of a batch after the first {ROWS}; in the spectra, images outside the "
    "fixed set",
    "in m_o and std, the centre before a last BatchNorm without affine weights",
    "alignment and the extra gradient of methods in which only one view gets gradients (MoCo v2, "
    "DenseCL)",
    "the part of a gradient along the vector itself, which has no effect on unit vectors",
)


def advice_of(verdict: str) -> Advice:
    """Return the advice for a verdict; an empty verdict means that there is none yet."""
    return ADVICE.get(verdict, _NONE_YET)


def observations(run: Run) -> list[str]:
    """Return sentences on what the readings show in addition to the verdict."""
    found = []
    if lost := [step for step, value in run.curve("m_o") if not math.isfinite(value)]:
        found.append(f"The projections are NaN or infinite from step {lost[0]:.0f}.")
    o_e, r_e = run.values("o_e"), run.values("r_e")
    if o_e and r_e and max(o_e[-1], r_e[-1]) < 1e-4:
        found.append(
            "The loss has no extra gradient (|o_e| and |r_e| are zero): it only pulls the two "
            "views together, and nothing prevents collapse."
        )
    ranks = run.values("backbone/centred_rank_me")
    if run.verdict in (COMPLETE, DIMENSIONAL) and ranks and ranks[-1] > 0.5 * max(ranks) > 5.0:
        found.append(
            f"The backbone keeps a centred RankMe of {ranks[-1]:.1f} (maximum of this run: "
            f"{max(ranks):.1f}). Only the projector collapsed, and the features may still be "
            "useful."
        )
    for space in ("backbone", "projector"):
        points = [p for p in run.curve(f"{space}/centred_rank_me") if math.isfinite(p[1])]
        step, highest = max(points, key=lambda point: point[1], default=(0.0, 0.0))
        if points and points[-1][1] < 0.5 * highest:
            found.append(
                f"The centred RankMe of the {space} decreased from {highest:.1f} at step "
                f"{step:.0f} to {points[-1][1]:.1f}."
            )
    if run.facts.get("centre_hidden") and run.verdict != HIDDEN:
        found.append(
            "The projector ends in a BatchNorm without affine weights, which keeps m_o low and std "
            "near 1/√D for any input. Only the ranks and m_o before the BatchNorm can show a "
            "collapse."
        )
    if run.facts.get("checkpoints"):
        found.append(
            "These readings are from checkpoints, in eval mode. They do not include the extra "
            "gradient, the drift of the centre, the learning rate of the predictor, or steps "
            "between the checkpoints."
        )
    return found


def as_markdown() -> str:
    """Return all verdicts with meaning, causes and remedies, for ``docs/collapse.md``."""
    parts = []
    for name, advice in ADVICE.items():
        parts.append(f"### {name[0].upper()}{name[1:]}\n\n{advice.meaning}")
        for title, items in (("Causes", advice.causes), ("What to do", advice.remedies)):
            if items:
                parts.append("\n".join([f"{title}:", "", *(f"- {item}" for item in items)]))
    return "\n\n".join(parts)
