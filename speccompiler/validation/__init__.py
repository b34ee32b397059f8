"""Document to validated model: the first stages in a row, and what they establish."""
