"""convspec: compile and run Keras 1.x convolutional models from a text spec."""
