"""Weight files, opened header first: each format gives the same ``Opened`` (``weight_file``)."""
