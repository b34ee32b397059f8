"""What the operating system provides: the cache, child processes, memory, the processor."""
