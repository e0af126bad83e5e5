"""Methods of transformers that our models have not."""

from collections.abc import Callable
from typing import Any


class Refused:
    """A method that objects of a class have and the class has not: a call is refused.

    What wants to know whether a model can do something looks at the class.

    Parameters
    ----------
    sentence
        What follows the name of the class in the refusal.
    """

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __get__(self, instance: object, owner: type) -> Callable[..., None]:
        if instance is None:
            raise AttributeError(self.sentence)

        def refuse(*arguments: Any, **settings: Any) -> None:
            raise TypeError(f"{owner.__name__} {self.sentence}")

        return refuse
