"""Models as Keras 1.x saved them, and what a release of the line meant by them."""
