"""Models of Keras 0.1 to 0.3.3, and the Graph that Keras 1.0 kept, as Keras 1.x wrote models.

    {"name": "Sequential", "layers": [{"name": "Dense", "output_dim": 2, ..}]}
    {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {..}}]}

What the classes did then and where they differ was read in the sources of those years: core.py,
containers.py, convolutional.py and normalization.py of 2015 and 2016. Places stay those of the
file.
"""
