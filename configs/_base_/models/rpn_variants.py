# From RPN to Cascade RPN, step by step as in the ablation of the paper, with 64 channels. Each
# variant lists its changes to a config with MMDetection's RPN.
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
    return dict(
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


rpn_variants = dict(
    alone=_variants(1.0),
    in_detector=_variants(0.7),
    labels=dict(
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
    ),
)
