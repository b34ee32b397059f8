"""Regularisers and constraints as types of arguments; their models are imported when one occurs."""

from typing import TYPE_CHECKING, Annotated, Any

from speccompiler.schemas.seldom import Seldom
from speccompiler.schemas.training import TRAINING_ONLY

if TYPE_CHECKING:
    from speccompiler.schemas.constraint import Constraint as Constraint
    from speccompiler.schemas.regularizer import Regularizer as Regularizer
else:
    Constraint = Annotated[Any, TRAINING_ONLY, Seldom("constraint", "Constraint")]
    Regularizer = Annotated[Any, TRAINING_ONLY, Seldom("regularizer", "Regularizer")]
