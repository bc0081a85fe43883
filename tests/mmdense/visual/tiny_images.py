"""A few arrays of noise as the images of a run, and what their model is made of."""

import torch
from mmpretrain.structures import DataSample
from mmseg.models.backbones import VisionTransformer as SegmentingTransformer
from torch import nn

from mmdense.visual.chosen_images import ImageSource

CLASSES = ("red", "green", "blue")
ARCH = {"embed_dims": 12, "num_layers": 2, "num_heads": 3, "feedforward_channels": 16}


class TinyImages:
    """RGB noise of its own for each image, uint8 [3, 24, 32]; class i % 3 where ``labelled``."""

    def __init__(self, size=9, labelled=False, channels=3):
        self.metainfo = {"classes": CLASSES}
        self.size, self.labelled, self.channels = size, labelled, channels

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        shape = (self.channels, 24, 32)
        pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        sample = DataSample(metainfo={"img_path": f"folder/{index}.png"})
        if self.labelled:
            sample.set_gt_label(index % 3)
        return {"inputs": pixels, "data_samples": sample}


def source(**options):
    return ImageSource(TinyImages(**options), "val", CLASSES, bgr=False)


class Preprocess(nn.Module):
    """Whole images from -1 to 1."""

    def forward(self, data):
        return {"inputs": torch.stack(data["inputs"]).float() / 128 - 1}


class MeanColours(nn.Module):
    """Means of 8 x 8 pixels; on request the last stage alone, pooled."""

    def __init__(self, pooled=False):
        super().__init__()
        self.pooled = pooled

    def forward(self, inputs):
        maps = nn.functional.avg_pool2d(inputs, 8)  # [B, 3, 3, 4]
        return maps.mean(dim=(2, 3)) if self.pooled else (inputs, maps)


def in_eval(module):
    """Return the module; ``eval`` of some classes of MMSegmentation returns None."""
    module.eval()
    return module


def segmenting_transformer(**options):
    """Return a small vision transformer of MMSegmentation for images of 16 x 24."""
    torch.manual_seed(1)
    sizes = {"img_size": (16, 24), "patch_size": 8, "embed_dims": 12, "num_layers": 2}
    return in_eval(SegmentingTransformer(**sizes, num_heads=3, out_indices=1, **options))
