"""What a `.env` file says: names and values, read once, by python-dotenv's grammar, and never expanded.

What belongs here: reading the file and refusing one that cannot be understood. What does not: which names are settings
and what they may hold (settings.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream


class EnvFileError(ValueError):
    """A file that cannot be read. The message names file and line, never what stands there, and what to do."""


@dataclass(frozen=True)
class EnvFile:
    """The values of a file by name, and what others make of them who expand `${NAME}`.

    Dagster's commands read the file before us and put expanded values into the environment: those are the file's all
    the same.
    """

    values: dict[str, str] = field(default_factory=dict)
    expanded: dict[str, str | None] = field(default_factory=dict)

    def is_origin_of(self, name: str, value: str) -> bool:
        """Whether a variable of the environment with that value says what the file says, or was made of it."""
        return value in {self.values.get(name), self.expanded.get(name)}


def read_env_file(path: Path) -> EnvFile:
    """What the file says; nothing where there is no such file. `$` is a character like any other.

    python-dotenv skips lines it cannot parse with a log line; a setting that silently does not hold is worse than a
    stop. Raises EnvFileError.
    """
    try:
        if path.is_dir() or not path.exists():
            return EnvFile()
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EnvFileError(
            f"The file {path} cannot be read ({error.strerror}): correct its permissions or remove it."
        ) from None
    except UnicodeDecodeError as error:
        raise _not_text(path, type(error).__name__) from None
    if "\0" in text:  # what UTF-16 without its mark looks like
        raise _not_text(path, "it holds null characters")
    values = {}
    for binding in parse_stream(StringIO(text)):
        if not _is_understood(binding):
            said = binding.original.string
            line = binding.original.line + len(said) - len(said.lstrip("\n"))  # blank lines count to what follows
            raise EnvFileError(f"The file {path}, line {line}, is not of the form NAME=value: correct or remove it.")
        if binding.key and binding.value is not None:
            values[binding.key] = binding.value
    return EnvFile(values, dict(dotenv_values(stream=StringIO(text))))


def _not_text(path: Path, why: str) -> EnvFileError:
    return EnvFileError(f"The file {path} cannot be read as UTF-8 text ({why}): correct or remove it.")


def _is_understood(binding: Binding) -> bool:
    """A line without a name (blank, a comment), or a name that can be one with a value; an invisible character in a
    name would make another name of it."""
    if binding.error:
        return False
    return not binding.key or (binding.value is not None and binding.key.isascii() and binding.key.isprintable())
