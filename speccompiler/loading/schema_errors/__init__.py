"""pydantic's errors as problems: what was found, what is allowed, what was meant."""
