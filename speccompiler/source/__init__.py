"""The source stage: the text of a spec becomes a tree in which every value knows its place.

files, texts               a file, or a caller's text, to the ``document`` that holds the model
parsing                    one text: is it YAML, JSON or printed Python?
yaml_reader, json_reader, python_reader   what that is read with, into a ``tree``
packed_models              a model inside another form, such as JSON in a JSON string
saved_models, not_models   what Keras wrote, and what people take for it
"""
