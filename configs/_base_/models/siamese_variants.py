# Variants of SimSiam, partial gradients and small predictors. Each lists its changes to a config of
# SimSiam with D channels in its projections: `published` has D = 2048, `minutes` has D = 256.
# `published_last_bn` is for configs whose projector ends with a BatchNorm; its variants have none.
# MovingAverageHead has D numbers for each image of the training set: set its num_images.


def _mlp(channels):
    return dict(
        type="NonLinearNeck",
        in_channels=channels,
        hid_channels=channels // 4,
        out_channels=channels,
        norm_cfg=dict(type="BN1d"),
        with_avg_pool=False,
        with_last_bn=False,
        with_last_bias=True,
    )


def _losses(*types, **more):
    """A head that adds up losses."""
    losses = [dict(type=f"mmdense.{name}Loss", **more) for name in types]
    return dict(type="mmdense.LossSumHead", losses=losses)


def _heads(channels):
    """Label and head of each method: tables 1 and 2, and those with negatives."""
    mlp = dict(predictor=_mlp(channels))
    average = dict(channels=channels, num_images=50_000)
    return dict(
        simsiam=("SimSiam", dict(type="mmdense.SimSiamHead", **mlp)),
        naive=("Naive Siamese", dict(type="mmdense.NaiveSiameseHead")),
        symmetric=("Symmetric predictor", dict(type="mmdense.SymmetricPredictorHead", **mlp)),
        mirror=("Mirror SimSiam", dict(type="mmdense.MirrorSimSiamHead", **mlp)),
        inverse=("Inverse predictor", dict(type="mmdense.InversePredictorHead", **mlp)),
        same_batch_10=("Same batch, 10 views", dict(type="mmdense.SameBatchExpectationHead")),
        same_batch_25=("Same batch, 25 views", dict(type="mmdense.SameBatchExpectationHead")),
        moving_average=("Moving average", dict(type="mmdense.MovingAverageHead", **average)),
        triplet=("Triplet", dict(type="mmdense.TripletHead")),
        infonce=("InfoNCE", dict(type="mmdense.InfoNCEHead", temperature=0.1)),
        dual_temperature=("Dual temperature", dict(type="mmdense.DualTemperatureHead")),
        vicreg=("VICReg", _losses("VICReg")),
        align_uniformity=("Alignment and uniformity", _losses("Alignment", "Uniformity")),
        align_centre=("Align and centre", _losses("NegativeCosine", "Centre")),
        align_decorrelation=(
            "Align and de-correlation",
            _losses("NegativeCosine", "Decorrelation"),
        ),
    )


def _cuts(channels):
    """Tables 3 and 4, the same of mirror SimSiam and InfoNCE, and o_e as other means."""
    mlp = dict(predictor=_mlp(channels))
    methods = dict(
        simsiam=("SimSiam", mlp),
        mirror=("Mirror SimSiam", dict(mlp, predictor_loss=True)),
        triplet=("Triplet", dict()),
        infonce=("InfoNCE", dict(temperature=0.1)),
    )
    kept = dict(
        both=("o_e and r_e", dict(centre_weight=1.0, residual_weight=1.0)),
        centre=("o_e", dict(centre_weight=1.0, residual_weight=0.0)),
        residual=("r_e", dict(centre_weight=0.0, residual_weight=1.0)),
        none=("neither", dict(centre_weight=0.0, residual_weight=0.0)),
    )
    cut = "mmdense.ComponentCutHead"
    centres = dict(batch="of one process", views="of both views", ema="over steps")
    return {
        f"cut_simsiam_centre_{centre}": (
            f"SimSiam, kept o_e, the mean {what}",
            dict(type=cut, method="simsiam", **kept["centre"][1], **mlp, centre=centre),
        )
        for centre, what in centres.items()
    } | {
        f"cut_{method}_{part}": (
            f"{label}, kept {what}",
            dict(type=cut, method=method, **weights, **options),
        )
        for method, (label, options) in methods.items()
        for part, (what, weights) in kept.items()
    }


def _small_predictors(channels):
    """SimSiam with other predictors."""
    affine = "mmdense.AffinePredictor"
    direct = dict(type="mmdense.DirectPredictor", channels=channels)
    predictors = {
        "predictor_directpred": ("DirectPred", direct),
        "predictor_directcopy": ("DirectCopy", dict(direct, copy=True)),
    }
    for layers in (("bias",), ("fc",), ("bias", "fc"), ("fc", "bias")):
        label, one = ", ".join(layers), dict(type=affine, channels=channels, layers=layers)
        predictors[f"predictor_{'_'.join(layers)}"] = (label, one)
        predictors[f"predictor_{'_'.join(layers)}_tanh"] = (
            f"{label}, in tanh",
            dict(one, bound="tanh"),
        )
    return {
        name: (f"Predictor: {label}", dict(type="mmdense.SimSiamHead", predictor=predictor))
        for name, (label, predictor) in predictors.items()
    }


def _phased(channels):
    """Figures 4 and 5b: heads, their phases, and more of the hook."""
    simsiam = dict(type="mmdense.SimSiamHead", predictor=_mlp(channels))
    return dict(
        alternation=(
            "To the centre and along the residual in turn",
            dict(
                centre=_losses("ComponentPull", to="centre"),
                residual=_losses("ComponentPull", to="residual"),
            ),
            [dict(head="centre", length=2), dict(head="residual", length=2)],
            dict(cycle=True, by_epoch=True),
        ),
        rescue=(
            "SimSiam, then naive Siamese, then de-correlation alone",
            dict(simsiam=simsiam, naive=_losses("NegativeCosine"), spread=_losses("Decorrelation")),
            [dict(head="simsiam", length=5), dict(head="naive", length=1), dict(head="spread")],
            dict(by_epoch=True),
        ),
    )


def _variants(channels, *, base_has_last_bn=False):
    heads = {**_heads(channels), **_cuts(channels), **_small_predictors(channels)}
    variants = {
        name: dict(name=name, label=label, changes=dict(model=dict(head=dict(head, _delete_=True))))
        for name, (label, head) in heads.items()
    }
    for views in (10, 25):
        variants[f"same_batch_{views}"]["changes"]["data_preprocessor"] = dict(
            views=[dict(num=views)]
        )
    for name, (label, parts, phases, more) in _phased(channels).items():
        head = dict(type="mmdense.PhasedHead", heads=parts, _delete_=True)
        hook = dict(type="mmdense.PhaseHook", phases=phases, **more)
        changes = dict(model=dict(head=head), default_hooks=dict(phases=hook))
        variants[name] = dict(name=name, label=label, changes=changes)
    neck = dict(with_last_bn=True, with_last_bias=False, with_last_bn_affine=False)
    ending, suffix_label = "last_bn", "last BatchNorm"
    if base_has_last_bn:
        neck = dict(with_last_bn=False, with_last_bias=True)
        ending, suffix_label = "no_last_bn", "no last BatchNorm"
    for name in ("simsiam", "naive"):
        model = dict(variants[name]["changes"]["model"], neck=neck)
        label = f"{variants[name]['label']}, {suffix_label}"
        changes = dict(model=model)
        variants[f"{name}_{ending}"] = dict(name=f"{name}_{ending}", label=label, changes=changes)
    return variants


siamese_variants = dict(
    published=_variants(2048),
    published_last_bn=_variants(2048, base_has_last_bn=True),
    minutes=_variants(256),
)
