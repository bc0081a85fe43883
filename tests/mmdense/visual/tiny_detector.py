"""A detector whose proposals are given, and its images with two objects each."""

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import nn

# In pixels of the file, which is twice as large as the input: one on the first object, one on both
# to a quarter, and one on nothing.
BOXES = [[0.0, 0.0, 20.0, 20.0], [0.0, 0.0, 40.0, 40.0], [50.0, 0.0, 60.0, 10.0]]
OBJECTS = [[0, 0, 20, 20], [20, 20, 40, 40]]


class Head:
    """Has one answer, in pixels of the file where it is asked so."""

    def __init__(self, boxes=BOXES):
        self.boxes = torch.tensor(boxes)

    def predict(self, maps, samples, rescale):
        scale = 1 if rescale else samples[0].scale_factor[0]
        return [InstanceData(bboxes=self.boxes * scale, scores=torch.ones(len(self.boxes)))]


class Detector(nn.Module):
    """Backbone and preprocessor do nothing."""

    def __init__(self, boxes=BOXES):
        super().__init__()
        self.rpn_head = Head(boxes)

    def data_preprocessor(self, data, training):
        assert not training
        return data

    def extract_feat(self, inputs):
        return inputs


class BoxedImages:
    """Grey images of 48 x 32 from files of 96 x 64."""

    def __init__(self, size=8, instances=True, scaled=True):
        self.size, self.instances, self.scaled = size, instances, scaled

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        meta = {"img_path": f"{index}.png", "scale_factor": (0.5, 0.5)}
        sample = DetDataSample(metainfo=meta if self.scaled else {})
        sample.gt_instances = InstanceData()
        return {"inputs": torch.full((3, 32, 48), 128, dtype=torch.uint8), "data_samples": sample}

    def get_data_info(self, index):
        if not self.instances:
            return {}
        crowd = {"bbox": [50, 0, 60, 10], "ignore_flag": 1}
        return {"instances": [*({"bbox": box, "ignore_flag": 0} for box in OBJECTS), crowd]}


def objects():
    return np.array(OBJECTS, dtype=float)
