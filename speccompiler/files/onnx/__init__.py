"""ONNX files: read without the ``onnx`` package, and without the numbers of their tensors.

protobuf (one folder up)   messages, field by field
model                      what a file says, as frozen data
reading                    a file to a model
tensors                    the numbers of one tensor, of the file or of one beside it
"""
