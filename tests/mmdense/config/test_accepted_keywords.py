import functools

import pytest
import torch
from torch import nn

from mmdense.config.accepted_keywords import accepted_keywords


class Plain:
    def __init__(self, a, *, b=1):
        pass


class NoConstructor(Plain):
    pass


class HandsOn(Plain):
    def __init__(self, c, **kwargs):
        super().__init__(**kwargs)


class TakesOut(Plain):
    def __init__(self, **kwargs):
        self.size = kwargs.pop("size", 1)
        if "mode" in kwargs:
            self.mode = kwargs["mode"]
        kwargs.update(a=1)
        super().__init__(**kwargs)


class Keeps(Plain):
    def __init__(self, **kwargs):
        self.options = kwargs
        super().__init__(**kwargs)


class Ignores(Plain):
    def __init__(self, a, **kwargs):
        super().__init__(a)


class Other:
    def __init__(self, other=1):
        pass


class Two(HandsOn, Other):  # the class after Plain is never reached: Plain takes no **kwargs
    pass


class Named(HandsOn):
    def __init__(self, d, **kwargs):
        Plain.__init__(self, **kwargs)


class Skips(HandsOn):
    def __init__(self, d, **kwargs):
        super(HandsOn, self).__init__(**kwargs)


class SameName(HandsOn):
    def __init__(self, d, **kwargs):
        super(SameName, self).__init__(**kwargs)  # noqa: UP008


class Layer(nn.Module):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)


def renamed(function):
    @functools.wraps(function)
    def wrapper(self, old=None, **kwargs):
        function(self, old, **kwargs)

    return wrapper


class Decorated:
    @renamed
    def __init__(self, new):
        pass


def function(x, y=1):
    pass


def open_function(x, **rest):
    pass


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Plain, {"a", "b"}),
        (NoConstructor, {"a", "b"}),
        (HandsOn, {"a", "b", "c"}),
        (TakesOut, None),
        (Keeps, None),
        (Ignores, None),
        (Two, {"a", "b", "c"}),
        (Named, None),
        (Skips, None),
        (SameName, {"a", "b", "c", "d"}),
        (Layer, {"width"}),
        (Decorated, None),
        (object, set()),
        (dict, None),
        (torch.optim.lr_scheduler.StepLR, {"optimizer", "step_size", "gamma", "last_epoch"}),
        (function, {"x", "y"}),
        (open_function, None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_names_that_a_target_takes(target, names):
    assert accepted_keywords(target) == (None if names is None else frozenset(names))
