"""Files and their formats: opened safely, recognised, and written whole or not at all."""
