"""Pictures and pages of a model: where its layers stand, SVG, self-contained HTML."""
