# SimSiam's relatives, cut gradients and small predictors: each is what changes in a config of
# SimSiam, with D channels in its projections. `published` has D = 2048, `minutes` has D = 256.
# MovingAverageHead has a row of D numbers for each image of the training set: set its num_images.


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
    )


def _cuts(channels):
    """Tables 3 and 4, and the same of InfoNCE."""
    methods = dict(
        simsiam=("SimSiam", dict(predictor=_mlp(channels))),
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
    return {
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


def _variants(channels):
    heads = {**_heads(channels), **_cuts(channels), **_small_predictors(channels)}
    variants = {
        name: dict(name=name, label=label, changes=dict(model=dict(head=dict(head, _delete_=True))))
        for name, (label, head) in heads.items()
    }
    for views in (10, 25):
        variants[f"same_batch_{views}"]["changes"]["data_preprocessor"] = dict(
            type="mmdense.RepeatedViewPreprocessor", num_views=views
        )
    last_bn = dict(with_last_bn=True, with_last_bias=False, with_last_bn_affine=False)
    for name in ("simsiam", "naive"):
        model = dict(variants[name]["changes"]["model"], neck=last_bn)
        label = f"{variants[name]['label']}, last BatchNorm"
        changes = dict(model=model)
        variants[f"{name}_last_bn"] = dict(name=f"{name}_last_bn", label=label, changes=changes)
    return variants


siamese_variants = dict(published=_variants(2048), minutes=_variants(256))
