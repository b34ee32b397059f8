"""What kernel texts are written with: vectors, register tiles, vector mathematics."""
