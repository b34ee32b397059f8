"""What is known of a model once it is validated: spec, graph, weights, findings, semantics."""
