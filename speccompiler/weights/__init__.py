"""From a weight file to the numbers of a model's tensors.

How a tensor of an ``.h5`` file becomes packed weights::

    find_weights            a source for each tensor of the model, from names and shapes alone
      own_weights           what layers give themselves: lists, and references into files
      model_file            or one file for all of them:
        files/              it is opened by its content: HDF5, .npz, .npy, .safetensors, a folder
        matching/           each tensor of the model gets one of the file
      drawn_weights         or nothing is given, and ``initializers`` draw from a seed
    sources                 a source reads its tensor, in float32 and as Keras stores it
    loaded_weights          the tensors of a model, each read when something asks for it
    kernels/*/runtime       what runs the model lays them out, packs them and keeps them

Beside that path: ``constraints``, ``regularizers`` and ``penalties`` (what layers ask of their
weights), ``negative_variances``, ``weight_pairs`` (does a file belong to a spec?),
``backend_names`` and ``backend_evidence`` (who trained it?), ``replaced_layers``.
"""
