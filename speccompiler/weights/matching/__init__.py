"""Which stored tensor of a file is which tensor of the model (``match_tensors`` decides how).

by_name           the names in the file are those of the model's layers
by_layer_order    the n-th layer with weights in the file is the n-th of the model
by_number         the names hold numbers, which tell an order (``numbered_names``)
by_shape          the names say nothing, and every shape occurs once
"""
