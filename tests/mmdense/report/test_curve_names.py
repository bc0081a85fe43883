"""Titles of curves."""

import pytest

from mmdense.report.curve_names import curve_words


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("train/loss", "training loss"),
        ("train/s0.loss_rpn_cls", "loss of the RPN's classes, stage 1"),
        ("train/s1.loss_rpn_reg", "loss of the RPN's boxes, stage 2"),
        ("train/loss_my_own", "my own loss"),
        ("train/my_reading", "my reading, training"),
        ("val/coco/bbox_mAP", "box AP"),
        ("val/coco/segm_mAP_75", "mask AP at IoU 0.75"),
        ("val/coco/bbox_mAP_s", "box AP of small objects"),
        ("val/coco/AR@100", "AR, 100 boxes"),
        ("val/coco/AR_m@1000", "AR of medium objects, 1000 boxes"),
        ("val/proposals/AR_large300", "AR of large objects, 300 boxes"),
        ("val/accuracy/top1", "top-1 accuracy, %"),
        ("val/knn/k20_top1", "k-NN top-1 accuracy, k = 20, %"),
        ("val/of_my/own", "of my own"),
        ("alone", "alone"),
    ],
)
def test_titles_of_curves(key, words):
    assert curve_words(key) == words
