"""The command `llm4seg`: every module of this package registers its own commands on `app`.

A new command is a new file here; nothing else changes. These modules import only typer at their top,
so that `llm4seg --help` is quick; a command imports what it needs when it runs.
"""

import errno
import importlib
import pkgutil
import sys

import typer

from nnunet_llm4seg.errors import LLM4SegError

app = typer.Typer(
    help="A frozen, pre-trained LLM layer inside nnU-Net's networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# errors of a disk or its permissions, which no command can fix; every other OSError is a bug of ours
_REFUSALS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.ENOTDIR, errno.EISDIR),
}


def main() -> None:
    """Run the command line; a user's mistake ends with one sentence on stderr and exit code 2."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    try:
        app()
    except LLM4SegError as error:
        print(f"llm4seg: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        where = error.filename or "a file"
        print(
            f"llm4seg: {where} cannot be read or written ({error.strerror}); check the path, its permissions and the "
            "free space, and run the command again.",
            file=sys.stderr,
        )
        sys.exit(2)
