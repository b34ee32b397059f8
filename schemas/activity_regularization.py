"""ActivityRegularization (Keras 1.2.2 layers/core.py)."""

from typing import ClassVar, Literal

from pydantic import Field

from speccompiler.schemas.fields import Layer, TrainingFactor
from speccompiler.schemas.regularizer import L1L2Regularizer
from speccompiler.schemas.training import Unknown


class ActivityRegularization(Layer):
    """Passes everything on; its values count for the penalties."""

    type: Literal["ActivityRegularization"]
    keeps_places: ClassVar[bool] = True
    l1: TrainingFactor = Field(0.0, description="Factor of the absolute values.")
    l2: TrainingFactor = Field(0.0, description="Factor of the squares.")

    @property
    def activity_regularizer(self) -> L1L2Regularizer | Unknown | None:
        """The penalty on the output that l1 and l2 say."""
        factors: tuple[object, ...] = (self.l1, self.l2)
        for factor in factors:
            if isinstance(factor, Unknown):
                return factor
        if not self.l1 and not self.l2:
            return None
        return L1L2Regularizer(name="L1L2Regularizer", l1=self.l1, l2=self.l2)
