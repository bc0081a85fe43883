"""SimSiam's relatives on STL-10, lr 0.5, 1000 epochs, three seeds.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262, tables 1 to 4.
Command: python tools/study.py configs/simsiam_decomp/study_variants_stl10_lr05_1000e.py
Machine: one GPU; not measured.
Expected: as its base; not run here.
Vary: as its base.
"""

_base_ = "./study_variants_stl10.py"

name = "simsiam_variants_stl10_lr05_1000e"
base = "configs/simsiam_decomp/simsiam_r18_stl10_lr05_1000e.py"

expected = []
