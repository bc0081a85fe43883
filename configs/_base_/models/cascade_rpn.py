# Cascade RPN as published: one square anchor, a dilated and an adaptive stage. Two heads, for
# proposals only and for a detector (all loss weights times 0.7), and the training settings of each
# stage. A config selects what it needs: `model = dict(rpn_head=dict(_delete_=True,
# **_base_.cascade_rpn.alone))`.


def _stage(weight, stds, **changes):
    return dict(
        bbox_coder=dict(type="mmdet.DeltaXYWHBBoxCoder", target_stds=stds),
        loss_bbox=dict(type="mmdet.IoULoss", linear=True, loss_weight=10.0 * weight),
        **changes,
    )


def _head(weight):
    return dict(
        type="mmdense.CascadeRPNHead",
        in_channels=256,
        feat_channels=256,
        anchor_generator=dict(
            type="mmdet.AnchorGenerator", scales=[8], ratios=[1.0], strides=[4, 8, 16, 32, 64]
        ),
        stages=[
            _stage(
                weight,
                (0.1, 0.1, 0.5, 0.5),
                adapt=dict(kind="dilated", dilation=3),
                with_cls=False,
                bridged=True,
                normalizer="anchors",
            ),
            _stage(
                weight,
                (0.05, 0.05, 0.1, 0.1),
                adapt=dict(kind="adaptive"),
                with_cls=True,
                bridged=False,
                loss_cls=dict(type="mmdet.CrossEntropyLoss", use_sigmoid=True, loss_weight=weight),
            ),
        ],
    )


cascade_rpn = dict(
    alone=_head(1.0),
    in_detector=_head(0.7),
    train=[
        dict(assigner=dict(type="mmdense.RegionAssigner")),
        dict(
            assigner=dict(
                type="mmdet.MaxIoUAssigner",
                pos_iou_thr=0.7,
                neg_iou_thr=0.7,
                min_pos_iou=0.3,
                ignore_iof_thr=0.5,  # published: -1, where crowds are background
            ),
            sampler=dict(
                type="mmdet.RandomSampler",
                num=256,
                pos_fraction=0.5,
                neg_pos_ub=-1,
                add_gt_as_proposals=False,
            ),
        ),
    ],
)
