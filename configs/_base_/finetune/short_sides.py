# The short side of a training image, drawn for each sample: MoCo (arXiv:1911.05722, section 4.2)
# for COCO, and its appendix for VOC. Tests use 800.


def _one_of(sides):
    scales = [(1333, side) for side in sides]
    return dict(type="RandomChoiceResize", scales=scales, keep_ratio=True)


short_sides = dict(coco=_one_of(range(640, 801, 32)), voc=_one_of(range(480, 801, 32)))
