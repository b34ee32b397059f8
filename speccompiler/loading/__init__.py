"""Positioned tree to validated model: both spellings end in the same schemas."""
