# From RPN to Cascade RPN, step by step as in the ablation of the paper, with 64 channels. Each
# variant lists its changes to a config with MMDetection's RPN, alone or in a detector.
# `variants = [_base_.rpn_variants.alone[name] for name in ("rpn", "cascade_2")]`
_CODER = "mmdet.DeltaXYWHBBoxCoder"
_SAMPLER = dict(
    type="mmdet.RandomSampler", num=256, pos_fraction=0.5, neg_pos_ub=-1, add_gt_as_proposals=False
)
_STATISTICS = ((0.1, 0.1, 0.5, 0.5), (0.05, 0.05, 0.1, 0.1))
_PLAIN = dict(kind="none")
_DILATED = dict(kind="dilated", dilation=3)
_ADAPTIVE = dict(kind="adaptive")


def _iou_rule(low):
    assigner = dict(
        type="mmdet.MaxIoUAssigner",
        pos_iou_thr=0.7,
        neg_iou_thr=low,
        min_pos_iou=0.3,
        ignore_iof_thr=0.5,
    )
    return dict(assigner=assigner, sampler=_SAMPLER)


def _stage(adapt, last, stds, iou_loss, weight, box_weight, normalizer="samples"):
    stage = dict(
        adapt=adapt,
        with_cls=last,
        bridged=not last,
        bbox_coder=dict(type=_CODER, target_stds=stds),
        reg_decoded_bbox=iou_loss,
        normalizer=normalizer,
    )
    if iou_loss:
        stage["loss_bbox"] = dict(
            type="mmdet.IoULoss", linear=True, loss_weight=box_weight * weight
        )
    else:
        stage["loss_bbox"] = dict(type="mmdet.L1Loss", loss_weight=1.0 * weight)
    if last:
        stage["loss_cls"] = dict(
            type="mmdet.CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0 * weight
        )
    return stage


def _cascade(
    adapts, weight, *, region=True, statistics=True, iou_loss=True, box_weight=10.0, negatives=0.7
):
    """Changes to a model for as many stages as there are adaptations.

    10 is the paper's weight of the box losses, and 0.7 the IoU below which it has negatives.
    """
    stages, rules = [], []
    for number, adapt in enumerate(adapts):
        by_region = region and number == 0
        stds = _STATISTICS[min(number, 1)] if statistics else (1.0,) * 4
        last = number == len(adapts) - 1
        normalizer = "anchors" if by_region else "samples"
        stages.append(_stage(adapt, last, stds, iou_loss, weight, box_weight, normalizer))
        rules.append(
            dict(assigner=dict(type="mmdense.RegionAssigner"))
            if by_region
            else _iou_rule(negatives if statistics else 0.3)
        )
    if region and len(adapts) == 1:  # a classifier needs a balance of positives and negatives
        rules[0]["sampler"] = _SAMPLER
        stages[0]["normalizer"] = "samples"
    head = dict(
        _delete_=True,
        type="mmdense.CascadeRPNHead",
        in_channels=64,
        feat_channels=64,
        anchor_generator=dict(
            type="mmdet.AnchorGenerator", scales=[8], ratios=[1.0], strides=[4, 8, 16, 32, 64]
        ),
        stages=stages,
    )
    return dict(rpn_head=head, train_cfg=dict(rpn=rules))


def _variants(weight):
    two = (_DILATED, _ADAPTIVE)
    plain = dict(region=False, statistics=False, iou_loss=False)
    models = dict(
        rpn=dict(),
        one_anchor=dict(rpn_head=dict(anchor_generator=dict(ratios=[1.0]))),
        iterative=_cascade((_PLAIN, _PLAIN), weight, **plain),
        iterative_plus=_cascade((_PLAIN, dict(kind="learned")), weight, **plain),
        alignment=_cascade(two, weight, **plain),
        afab=_cascade(two, weight, statistics=False, iou_loss=False),
        statistics=_cascade(two, weight, iou_loss=False),
        cascade_1=_cascade((_DILATED,), weight),
        cascade_2=_cascade(two, weight),
        light_boxes=_cascade(two, weight, box_weight=2.0),
        negatives_03=_cascade(two, weight, negatives=0.3),
        cascade_3=_cascade((_DILATED, _ADAPTIVE, _ADAPTIVE), weight),
        dilation_4=_cascade((dict(kind="dilated", dilation=4), _ADAPTIVE), weight),
    )
    # In the paper, NMS of Cascade RPN has a threshold of IoU 0.8; here all variants have it in
    # tests. In training, all have the 0.7 of MMDetection for the proposals of a RoI head.
    test_cfg = dict(rpn=dict(nms=dict(type="nms", iou_threshold=0.8)))
    labels = dict(
        rpn="RPN",
        one_anchor="RPN, one anchor",
        iterative="Iterative RPN: two plain stages",
        iterative_plus="Iterative RPN+: learned offsets",
        alignment="+ alignment (adaptive convolution)",
        afab="+ AFAB sample metric",
        statistics="+ statistics of each stage",
        cascade_1="Cascade RPN, one stage",
        cascade_2="Cascade RPN, two stages (+ IoU loss)",
        light_boxes="Cascade RPN, two stages, box losses at a fifth",
        negatives_03="Cascade RPN, two stages, negatives below IoU 0.3",
        cascade_3="Cascade RPN, three stages",
        dilation_4="Cascade RPN, first stage dilated by 4",
    )
    return {
        name: dict(
            name=name,
            label=labels[name],
            changes=dict(model=dict(model, test_cfg=test_cfg)),
        )
        for name, model in models.items()
    }


rpn_variants = dict(
    alone=_variants(1.0),
    in_detector=_variants(0.7),
    metrics=dict(
        proposals=[
            dict(metric="proposals/AR100", label="AR100", scale=100),
            dict(metric="proposals/AR300", label="AR300", scale=100),
            dict(metric="proposals/AR1000", label="AR1000", scale=100),
            dict(metric="proposals/AR_small100", label="ARS100", scale=100),
            dict(metric="proposals/AR_medium100", label="ARM100", scale=100),
            dict(metric="proposals/AR_large100", label="ARL100", scale=100),
        ],
        bccd_detection=[
            dict(metric="coco/bbox_mAP", label="AP", scale=100),
            dict(metric="coco/bbox_mAP_50", label="AP50", scale=100),
            dict(metric="coco/bbox_mAP_75", label="AP75", scale=100),
        ],
    ),
)
