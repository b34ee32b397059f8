"""``python -m speccompiler``: the ``convspec`` command of this very Python."""

from speccompiler.cli.main import main

if __name__ == "__main__":
    main()
