"""Files and their formats.

ordinary_files                        files that a user names, opened safely
atomic_output                         files that are written whole or not at all
npy_format, npz_format, hdf5_files    formats: read, judged, and never executed
tensor_info                           what is known of a stored tensor before it is read
"""
