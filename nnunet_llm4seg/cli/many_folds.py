"""Several folds in one option, as nnU-Net's own commands take them: `-f 0 1 2`, beside `-f 0 -f 1 -f 2`."""

from typing import Any

import typer.core


class ManyFolds(typer.core.TyperCommand):
    """A command whose `-f` (and its long names) takes all folds that follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names = {name for option in self.params if "-f" in option.opts for name in option.opts}
        return super().parse_args(ctx, spread(args, names))


def spread(args: list[str], names: set[str]) -> list[str]:
    """The arguments with the option's name before each of its values.

    >>> spread(["7", "2d", "-f", "0", "all", "-o", "x"], {"-f"})
    ['7', '2d', '-f', '0', '-f', 'all', '-o', 'x']
    """
    found: list[str] = []
    option = None
    for word in args:
        if option and (word.isdecimal() or word == "all"):
            found += [option, word] if found[-1] != option else [word]
            continue
        option = word if word in names else None
        found.append(word)
    return found
