"""Dense protocols with label maps: their mathematics, and their scores on simple images."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmdense.evaluation.dense.images import DenseData, DenseImages
from mmdense.evaluation.dense.patch_labels import VOID, patch_counts, upsampled_classes
from mmdense.evaluation.dense.patches import FrozenBackbone
from mmdense.evaluation.dense.protocol import DenseTask, score
from mmdense.evaluation.dense.protocols import PROTOCOLS
from mmdense.evaluation.dense.protocols.context_knn import memory_share, propagated, sampled_patches
from mmdense.evaluation.dense.protocols.linear_segmentation import fit_linear_head
from mmdense.evaluation.dense.protocols.overclustering import (
    hungarian,
    kmeans,
    many_to_one,
    nearest_centre,
    overlap,
)
from mmdense.evaluation.dense.protocols.patch_knn import Standardiser, voted_pixels
from mmdense.evaluation.dense.protocols.segmentation_protocols import (
    SEGMENTATION,
    Clustering,
    ContextKNN,
    LinearSegmentation,
    PatchKNN,
    PatchLogistic,
)
from tests.references import dense_loop

SMALL = {
    "context_knn": ContextKNN(memory=64, k=5),
    "patch_knn": PatchKNN(memory=64, ks=(1, 3)),
    "patch_logistic": PatchLogistic(memory=64),
    "clustering": Clustering(clusters=0, match="hungarian", memory=64),
    "overclustering": Clustering(clusters=8, match="many_to_one", memory=64),
    "linear_segmentation": LinearSegmentation(steps=150, batch=4, lr=0.05),
}


@pytest.mark.parametrize(
    ("memory", "queries", "k", "dtype"), [(9, 7, 4, torch.float64), (30, 1, 30, torch.float32)]
)
def test_labels_are_propagated_as_in_the_loop(memory, queries, k, dtype):
    torch.manual_seed(0)
    keys, wanted = torch.randn(memory, 5, dtype=dtype), torch.randn(queries, 5, dtype=dtype)
    shares = torch.rand(memory, 3, dtype=dtype).softmax(dim=1)
    found = propagated(keys, shares, wanted, k=k, temperature=0.1)
    expected = [dense_loop.propagate(keys, shares, query, k, 0.1) for query in wanted]
    torch.testing.assert_close(found, torch.stack(expected).to(dtype), rtol=1e-5, atol=1e-6)


def test_a_hand_case_of_propagation():
    # Cosines 1, 0, -1. With T = 1 / ln 3 the weights of the nearest two are 3 and 1, of sum 4.
    keys = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    scores = propagated(
        keys, torch.eye(3), torch.tensor([[5.0, 0.0]]), k=2, temperature=1 / math.log(3)
    )
    torch.testing.assert_close(scores, torch.tensor([[0.75, 0.25, 0.0]]))


def test_patches_with_rare_classes_are_sampled_first():
    torch.manual_seed(1)
    shares = torch.zeros(200, 3)
    shares[:150, 0] = 1.0
    shares[150:190, 1] = 1.0
    shares[150:160, 0] = 0.5
    shares[190:195, 2] = 1.0  # 5 patches of class 2, 5 without a label
    costs = torch.tensor(dense_loop.sampling_costs(shares), dtype=torch.float)
    assert costs[0] == 160
    assert costs[150] == 200  # 160 patches of class 0 and 40 of class 1
    found = sampled_patches(shares, 20, torch.Generator().manual_seed(3))
    costs *= torch.rand(200, generator=torch.Generator().manual_seed(3))
    costs[195:] = torch.inf
    assert set(found.tolist()) == set(costs.argsort()[:20].tolist())
    everything = sampled_patches(shares, 500, torch.Generator().manual_seed(3))
    assert sorted(everything.tolist()) == list(range(195))


@pytest.mark.parametrize(("memory", "images"), [(10, 3), (2, 5), (7, 7)])
def test_images_share_a_memory(memory, images):
    shares = [memory_share(memory, images, index) for index in range(images)]
    assert sum(shares) == memory
    assert max(shares) - min(shares) <= 1


def test_pixels_are_voted_as_in_the_loop():
    torch.manual_seed(2)
    pixels = torch.randint(4, (20, 6), dtype=torch.uint8)
    pixels[torch.rand(20, 6) < 0.3] = VOID
    index = torch.randint(20, (1030, 5))
    found = voted_pixels(pixels, index, num_classes=4)
    for query in (0, 500, 1029):
        assert found[query].tolist() == dense_loop.vote(pixels, index[query].tolist(), 4)


def test_standardised_features():
    features = torch.randn(50, 3) * torch.tensor([1.0, 5.0, 0.0]) + 4
    found = Standardiser(features)(features)
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(dim=0, correction=0), torch.tensor([1.0, 1.0, 0.0]))


def test_kmeans_finds_separate_groups():
    torch.manual_seed(3)
    groups = torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, -10.0]])
    features = (groups[:, None] + 0.1 * torch.randn(3, 40, 2)).flatten(0, 1)
    best = math.inf
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        centres = kmeans(features, clusters=3, iterations=50, generator=generator)
        assigned = nearest_centre(features, centres)
        for cluster in range(3):  # at the end each centre is the mean of its cluster
            mean = features[assigned == cluster].mean(dim=0)
            torch.testing.assert_close(centres[cluster], mean)
        best = min(best, float((features - centres[assigned]).square().sum(dim=1).mean()))
    assert best < 0.04  # 0.02 for the three groups, 2 dimensions of variance 0.01
    expected = torch.cdist(features, centres).argmin(dim=1)
    assert torch.equal(nearest_centre(features, centres), expected)


def test_each_feature_can_be_a_cluster():
    features = torch.randn(6, 2)
    centres = kmeans(features, clusters=6, iterations=5, generator=torch.Generator())
    assert nearest_centre(features, centres).sort().values.tolist() == list(range(6))
    same = kmeans(torch.ones(6, 2), clusters=3, iterations=5, generator=torch.Generator())
    assert torch.equal(same, torch.ones(3, 2))
    with pytest.raises(ValueError, match="from 1 to 6"):
        kmeans(features, clusters=7, iterations=5, generator=torch.Generator())


def test_overlaps_count_pixels():
    torch.manual_seed(4)
    maps = torch.randint(3, (1, 6, 8), dtype=torch.uint8)
    maps[0, 0, :3] = VOID
    assigned = torch.randint(5, (6,))  # 2 x 3 patches cannot tile 6 x 8, 3 x 2 can
    patches = (torch.arange(6)[:, None] // 2) * 2 + torch.arange(8) // 4
    found = overlap(assigned, patch_counts(maps, (3, 2), num_classes=3)[0], clusters=5)
    assert torch.equal(found, dense_loop.overlap(assigned, maps, patches, 5, 3))


def test_matches_of_clusters():
    # One to one: clusters 0, 1, 2 as classes 1, 0, 2 have 5 + 4 + 1 of 19 pixels.
    overlaps = torch.tensor([[6.0, 5.0, 0.0], [4.0, 0.0, 0.0], [3.0, 0.0, 1.0]], dtype=torch.double)
    matrix = hungarian(overlaps)
    assert matrix.diagonal().sum() == 10 == dense_loop.best_assignment(overlaps)
    assert matrix.tolist() == [[4, 6, 3], [0, 5, 0], [0, 0, 1]]
    # Many to one: all three clusters are class 0.
    assert many_to_one(overlaps).tolist() == [[13, 0, 0], [5, 0, 0], [1, 0, 0]]
    random = torch.randint(50, (5, 5)).double()
    assert hungarian(random).diagonal().sum() == dense_loop.best_assignment(random)
    with pytest.raises(ValueError, match="as many clusters"):
        hungarian(torch.zeros(3, 2))


def test_the_linear_loss_is_that_of_pixels():
    """One step without weight decay: the same weights as with the loss over all pixels."""
    torch.manual_seed(5)
    maps = torch.randint(3, (2, 4, 6), dtype=torch.uint8)
    maps[1, 0] = VOID
    features = torch.randn(2, 4, 5)
    counts = patch_counts(maps, (2, 2), num_classes=3)
    settings = dict(steps=1, batch=2, learning_rate=0.1, weight_decay=0.0, seed=7)
    found = fit_linear_head(features, counts, **settings)
    norm, linear = nn.BatchNorm1d(5), nn.Linear(5, 3)
    nn.init.normal_(linear.weight, std=0.01, generator=torch.Generator().manual_seed(7))
    nn.init.zeros_(linear.bias)
    head = nn.Sequential(norm, linear)
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.1, weight_decay=0.0)
    logits = head(features.flatten(0, 1)).view(2, 2, 2, 3).permute(0, 3, 1, 2)
    nearest = F.interpolate(logits, (4, 6), mode="nearest")
    F.cross_entropy(nearest, maps.long(), ignore_index=VOID).backward()
    optimiser.step()
    torch.testing.assert_close(found[1].weight, linear.weight)
    torch.testing.assert_close(found[1].bias, linear.bias)
    again = fit_linear_head(features, counts, **settings)
    assert torch.equal(found[1].weight, again[1].weight)
    with pytest.raises(ValueError, match="no pixel"):
        fit_linear_head(features, torch.zeros_like(counts), **settings)
    with pytest.raises(ValueError, match="loss of step 0"):
        fit_linear_head(features * torch.inf, counts, **settings)


def test_scores_become_maps():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # two patches side by side
    assert upsampled_classes(scores, (1, 2), (2, 4)).tolist() == [[0, 0, 1, 1]] * 2


class Colours(nn.Module):
    """The mean colour of each patch of 8 pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return (F.avg_pool2d(images, 8),)


class Plain(nn.Module):
    def forward(self, data):
        return {"inputs": torch.stack(data["inputs"]).float() - 100}


class Squares(DenseImages):
    """Images of 32 pixels with patches of 8: class and colour are drawn for each patch."""

    def image(self, index):
        noise = np.random.default_rng(index + 1000).integers(0, 30, (32, 32, 3), dtype=np.uint8)
        return (
            np.array([[220, 0, 0], [0, 220, 0], [0, 0, 220]], np.uint8)[self.classes(index)] + noise
        )

    def label_map(self, index):
        labels = self.classes(index).copy()
        labels[:2, 5:] = VOID
        return torch.from_numpy(labels.astype(np.uint8))

    @staticmethod
    def classes(index):
        drawn = np.random.default_rng(index).integers(0, 3, (4, 4))
        return drawn.repeat(8, axis=0).repeat(8, axis=1)


def task_of(colours=("blue", "green", "red"), images=10):
    train, test = (
        Squares([f"{n}.png" for n in part], maps=["a map"] * len(part))
        for part in (range(images), range(4))
    )
    return DenseTask(
        FrozenBackbone(Colours(), Plain()), DenseData("squares", train, test, colours), size=32
    )


@pytest.mark.parametrize("name", SEGMENTATION)
def test_colours_are_segmented(name):
    protocol = PROTOCOLS[name]
    assert type(protocol.settings) is type(SMALL[name])
    protocol = replace(protocol, settings=SMALL[name])
    found = score(name, protocol, task_of())
    # Interpolated scores are wrong at some pixels between two patches.
    lowest = 75 if name in ("context_knn", "linear_segmentation") else 95
    assert found.metrics["mIoU"] > lowest, found
    again = score(name, protocol, task_of())
    assert (again.metrics, again.identifier) == (found.metrics, found.identifier)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("context_knn", {"temperature": 0.0}, "temperature must be positive"),
        ("context_knn", {"k": 0}, "k must be from 1"),
        ("context_knn", {"memory": 0}, "0 labelled patches"),
        ("patch_knn", {"ks": ()}, "ks must be"),
        ("patch_knn", {"ks": (3, 0)}, "ks must be"),
        ("patch_logistic", {"strengths": (-1.0,)}, "strengths must be"),
        ("clustering", {"match": "best"}, "match must be one of hungarian, many_to_one"),
        ("clustering", {"seeds": 0}, "seeds 1 or more"),
        ("overclustering", {"clusters": 500}, "clusters must be from 1 to 64"),
        ("linear_segmentation", {"steps": 0}, "steps and batch"),
        ("linear_segmentation", {"lr": math.inf}, "loss of step 1 is nan"),
    ],
)
def test_bad_settings_are_refused(name, changes, message):
    protocol = replace(SEGMENTATION[name], settings=replace(SMALL[name], **changes))
    with pytest.raises(ValueError, match=message):
        score(name, protocol, task_of())


def test_bad_input_is_refused():
    protocol = SEGMENTATION["context_knn"]
    few = replace(protocol, settings=ContextKNN(memory=20))
    with pytest.raises(ValueError, match="k=30 neighbours of 20 labelled patches"):
        score("context_knn", few, task_of())
    task = task_of()
    unlabelled = DenseData("photos", DenseImages([]), DenseImages([]))
    with pytest.raises(ValueError, match="photos has no label maps"):
        score("context_knn", protocol, DenseTask(task.frozen, unlabelled))
    with pytest.raises(ValueError, match="label maps have class 2"):
        score("context_knn", protocol, task_of(colours=("blue", "green")))
    with pytest.raises(ValueError, match="Use more images"):
        score("patch_knn", SEGMENTATION["patch_knn"], task_of(images=1))
