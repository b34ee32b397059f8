"""Array files in and out, batch by batch, in memory that does not grow with the sample count."""
