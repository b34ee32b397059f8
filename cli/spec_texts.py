"""The texts of the specs that a command has read: findings show lines of them."""

from __future__ import annotations

import click


class SpecTexts(dict[str, str]):
    """Texts by the name of the file that findings give. One for each run of a command.

    It is made where the command starts and is the ``obj`` of click's context, so that an error
    that ends the command can still be shown with its line.
    """

    @staticmethod
    def of_command() -> SpecTexts:
        """Those of the command that runs now."""
        return click.get_current_context().ensure_object(SpecTexts)
