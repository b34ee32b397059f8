"""Changes of a spec's text that keep what people wrote: formatting, fixes of findings."""
