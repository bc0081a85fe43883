"""What a verdict means, what leads to it, what to try; said once, for the report and the docs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mmdense.collapse.readings import ROWS
from mmdense.collapse.report.runs import Run
from mmdense.collapse.verdict import COMPLETE, DIMENSIONAL, DIVERGED, EARLY, HEALTHY, HIDDEN

__all__ = ["ADVICE", "BLIND_SPOTS", "Advice", "advice_of", "as_markdown", "observations"]


class Advice(NamedTuple):
    """What a person needs beside the word.

    Attributes:
        tone: "good", "bad" or "unsure", for the colour.
        meaning: One or two sentences.
        causes: What leads to it, the most frequent first.
        remedies: What to try, the cheapest first.
    """

    tone: str
    meaning: str
    causes: tuple[str, ...]
    remedies: tuple[str, ...]


ADVICE: dict[str, Advice] = {
    HEALTHY: Advice(
        "good",
        "The projections differ from image to image and use more than a few dimensions. It does "
        "not say that the features are good: only labels can.",
        (),
        (
            "Let mmdense.KNNHook or mmdense.LinearProbeHook measure the features while they train.",
            "Watch the ranks of the backbone over the epochs: a slow fall is the first sign of a "
            "dimensional collapse.",
        ),
    ),
    COMPLETE: Advice(
        "bad",
        "All images have nearly the same projection, or the same prediction behind the predictor: "
        "the centre is nearly all there is of it. Two views then agree whatever they show, so the "
        "loss is at its best without anything learnt.",
        (
            "Nothing in the loss works against it: no predictor, the same predictor on both "
            "branches, or a predictor on the stopped branch only.",
            "Behind the predictor only (p_m_o high, m_o low): the loss compares predictions with "
            "predictions, or lacks the extra gradient. Projections may look well for long, while "
            "the features learn nothing.",
            "The target is not detached (no stop-gradient), or both branches get gradients.",
            "The learning rate is too high for the batch, or the predictor learns too slowly.",
            "Two views of an image are nearly the same, so that nothing is to be learnt from them.",
            "Projections of length zero (norm near 0): a last ReLU that is dead, or a weight decay "
            "that outweighs the loss.",
        ),
        (
            "See when it happened. Within the first hundred steps it is the loss or its wiring; "
            "later it is rather the learning rate.",
            "Look at |o_e| and |r_e|: where both are zero, check the stop-gradient and that the "
            "predictor stands on the branch that learns.",
            "Halve the learning rate, or double the batch; keep the predictor's rate constant "
            "(SimSiamHook with fix_pred_lr=True and adjust_by_epoch=False) or raise it.",
            "Restore the random resized crop and the colour jitter; tools/browse.py shows what the "
            "model is fed.",
            "Rescue the run: mmdense.PhasedHead with mmdense.PhaseHook goes over to a loss that is "
            "high in a collapse, such as mmdense.UniformityLoss, after this verdict and back; "
            "de-correlation alone is zero there and does not help.",
        ),
    ),
    DIMENSIONAL: Advice(
        "bad",
        "The projections differ, but along a few directions only. Centre and standard deviation "
        "look healthy and the loss falls, while most dimensions of the projector are empty.",
        (
            "Little in the loss de-correlates the channels; an affine-free last BatchNorm keeps "
            "the deviation up while the rank falls.",
            "The model is small for the data, or the data have few things to tell apart.",
            "Augmentation is so strong that little is left that two views share.",
            "Weight decay is high against a low learning rate.",
        ),
        (
            "Compare with the backbone's ranks: if those hold, the features may still be of use; "
            "measure them with k-NN.",
            "Weaken the strongest augmentation, one at a time; lower the weight decay.",
            "Make the batch or the width of the projector larger, or use a predictor with a "
            "bottleneck.",
            "Train with a loss that de-correlates: mmdense.SiameseViews with a mmdense.LossSumHead "
            "of the de-correlation or VICReg's terms, or Barlow Twins.",
        ),
    ),
    DIVERGED: Advice(
        "bad",
        "Projections, predictions, loss or gradient hold NaN or infinity: the run has left the "
        "numbers, and a later checkpoint may be worthless.",
        (
            "The learning rate is too high, or starts without warm-up.",
            "float16 overflows; a feature of length zero is divided by its length.",
            "A picture is broken, or a batch has one image where a BatchNorm stands.",
        ),
        (
            "Go on from the last checkpoint before the cross in the curves.",
            "Lower the learning rate, warm it up, and clip the gradient (optim_wrapper.clip_grad).",
            "Train in bfloat16 or float32; mmdense.NonFiniteHook names the step and the batch.",
        ),
    ),
    HIDDEN: Advice(
        "unsure",
        "The projector ends in a BatchNorm without affine weights, which gives each channel a mean "
        "of zero and a deviation of one, whatever goes in. So m_o and std look healthy, but what "
        "goes into that BatchNorm points one way.",
        (
            "The last layer's outputs differ little against their mean; the BatchNorm blows up the "
            "difference, which may be noise.",
        ),
        (
            "Judge by the ranks and by k-NN, not by m_o and std.",
            "Train once without it (with_last_bn=False, with_last_bias=True): then the centre is "
            "free and the verdict is of the loss alone.",
            "If the rank falls too, follow the advice on a dimensional collapse.",
        ),
    ),
    EARLY: Advice(
        "unsure",
        "The last judgements do not agree yet. Random networks often begin with a long centre and "
        "leave it within some hundred steps.",
        (),
        (
            "Let it run on: a verdict has to hold for CollapseHook.patience judgements in a row, "
            "one every CollapseHook.interval steps.",
        ),
    ),
}

_NONE_YET = Advice(
    "unsure",
    "The run was not judged yet: it is younger than one interval, or its file is of its beginning.",
    (),
    ("Make the report again later; the file is written at every checkpoint and at the end.",),
)

BLIND_SPOTS = (
    "whether the features serve your task: a healthy verdict is no accuracy",
    "a collapse of some classes or regions onto each other, as long as the rest spreads",
    "shortcuts: features that tell images apart by colour, border or file are healthy here",
    f"anything beyond the first {ROWS} images of a batch in ranks, and the fixed images in spectra",
    "what a BatchNorm without affine weights at the projector's end hides from m_o and std",
    "alignment and the extra gradient of methods with one view that learns (MoCo v2, DenseCL)",
    "parts of the gradient along the vectors themselves, which do not act on unit vectors",
)


def advice_of(verdict: str) -> Advice:
    """On a verdict; an empty one is a run that was not judged yet."""
    return ADVICE.get(verdict, _NONE_YET)


def observations(run: Run) -> list[str]:
    """What a run's readings say beside its verdict, in sentences."""
    found = [
        *_on_finiteness(run),
        *_on_extra_gradient(run),
        *_on_backbone(run),
        *_on_ranks(run),
    ]
    if run.facts.get("centre_hidden") and run.verdict != HIDDEN:
        found.append(
            "The projector ends in a BatchNorm without affine weights, which keeps m_o low and std "
            "near 1/√D whatever goes in. Only the ranks and m_o before it can show a collapse."
        )
    if run.facts.get("checkpoints"):
        found.append(
            "This was read from checkpoints, in eval mode. It cannot know the extra gradient, the "
            "drift of the centre, the predictor's learning rate or what happened in between."
        )
    return found


def as_markdown() -> str:
    """All verdicts with meaning, causes and remedies, for the docs."""
    parts = []
    for name, advice in ADVICE.items():
        parts.append(f"### {name[0].upper()}{name[1:]}\n\n{advice.meaning}")
        parts += [_listed("What leads to it", advice.causes), _listed("Try", advice.remedies)]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return "\n".join([f"{title}:", "", *(f"- {sentence}" for sentence in sentences)])


def _on_finiteness(run: Run) -> list[str]:
    lost = [step for step, value in run.curve("m_o") if not math.isfinite(value)]
    return [f"The projections are not finite from step {lost[0]:.0f} on."] if lost else []


def _on_extra_gradient(run: Run) -> list[str]:
    o_e, r_e = run.values("o_e"), run.values("r_e")
    if o_e and r_e and max(o_e[-1], r_e[-1]) < 1e-4:
        return [
            "The loss has no extra gradient (|o_e| and |r_e| are zero): its two branches pull at "
            "each other and nothing works against collapse."
        ]
    return []


def _on_backbone(run: Run) -> list[str]:
    ranks = run.values("backbone/centred_rank_me")
    if run.verdict in (COMPLETE, DIMENSIONAL) and ranks and ranks[-1] > 0.5 * max(ranks) > 5.0:
        return [
            f"The backbone keeps a centred RankMe of {ranks[-1]:.1f} (at most {max(ranks):.1f} in "
            "this run): the collapse is one of the projector, and the features may still be of use."
        ]
    return []


def _on_ranks(run: Run) -> list[str]:
    found = []
    for space in ("backbone", "projector"):
        points = [p for p in run.curve(f"{space}/centred_rank_me") if math.isfinite(p[1])]
        if len(points) > 1:
            step, highest = max(points, key=lambda point: point[1])
            last = points[-1][1]
            if last < 0.5 * highest:
                found.append(
                    f"The {space}'s centred RankMe fell from {highest:.1f} at step {step:.0f} to "
                    f"{last:.1f}."
                )
    return found
