"""What a spec may say: pydantic models, one a layer, that mirror Keras 1.x.

This package knows nothing of the compiler. ``registry.LAYERS`` lists the layers.
"""
