"""What reviewers read: shapes, costs and weights of a model, as data and as text."""
