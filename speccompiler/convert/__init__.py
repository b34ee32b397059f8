"""A model to a native spec and one file of weights, as it is or under other conventions."""
