"""Images of a dense evaluation: its features on test images, in one folder with captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmdense.evaluation.dense.images import DenseImages
from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.evaluation.features import evaluating
from mmdense.visual.attention_image import draw_attention
from mmdense.visual.chosen_images import ChosenImage, ImageSource
from mmdense.visual.chosen_patches_image import draw_nearest_patches, draw_patch_similarity
from mmdense.visual.drawn import Written, write_images
from mmdense.visual.objects_image import draw_objects
from mmdense.visual.patch_pca_image import draw_patch_pca


@dataclass
class SquareSource(ImageSource):
    """Test images of a dense evaluation, resized for the backbone but shown as in the file."""

    size: int = 448

    def __getitem__(self, index: int) -> ChosenImage:
        images: DenseImages = self.dataset
        shown = images.image(index)[..., ::-1].copy()  # RGB
        return ChosenImage(
            images.paths[index].name, shown, images.square(index, self.size), None, None
        )


def draw_dense(task: DenseTask, folder: Path) -> Written:
    """Draw attention, components, similarities and neighbours of patches, and found objects.

    Args:
        task: Its features are used again; those of at most 200 images are computed.
        folder: Folder for the PNGs and :data:`~mmdense.visual.drawn.CAPTIONS`; it is created.
    """
    module, preprocess = task.frozen.module, task.frozen.preprocess
    source = SquareSource(task.data.test, "test", size=task.size)
    with evaluating(module):
        return write_images(
            {
                "attention.png": lambda: draw_attention(module, preprocess, source),
                "patch_pca.png": lambda: draw_patch_pca(module, preprocess, source),
                "patch_similarity.png": lambda: draw_patch_similarity(task),
                "nearest_patches.png": lambda: draw_nearest_patches(task),
                "objects.png": lambda: draw_objects(task),
            },
            folder,
        )
