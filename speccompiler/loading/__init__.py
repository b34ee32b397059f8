"""Positioned tree to validated spec: both spellings end in the same schemas."""
