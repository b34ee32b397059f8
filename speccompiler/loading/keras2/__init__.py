"""Models of Keras 2, tf.keras and Keras 3, brought to Keras 1.x's form.

The tree that such a release wrote becomes the one that Keras 1.x would have written, with the
arguments and layers that only convspec's native form has. Every value keeps its place in the text.
"""
