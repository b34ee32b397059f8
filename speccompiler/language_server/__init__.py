"""What an editor asks of a spec, by the Language Server Protocol."""
