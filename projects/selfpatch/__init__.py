"""SelfPatch: patch-level self-supervision for Vision Transformers, on DINO.

Importing this package registers ``mmdense.SelfPatch`` and ``mmdense.ClassAttentionPool``.
"""

from projects.selfpatch.class_attention import ClassAttentionPool
from projects.selfpatch.selfpatch import SelfPatch

__all__ = ["ClassAttentionPool", "SelfPatch"]
