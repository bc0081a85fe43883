# A vision transformer that is fully fine-tuned at one learning rate: AdamW, without weight
# decay for norms, biases and position embeddings. `optim_wrapper = _base_.whole_vit`
whole_vit = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            "cls_token": dict(decay_mult=0.0),
            "pos_embed": dict(decay_mult=0.0),
            "rel_pos": dict(decay_mult=0.0),
        },
    ),
)
