"""What is told to a user: findings as data, and the documented codes that name them."""
