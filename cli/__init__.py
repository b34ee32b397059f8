"""The command line. The only package that prints, reads the terminal or exits."""
