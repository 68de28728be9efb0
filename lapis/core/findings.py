"""What checks of a model find, and how it is told."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or probably wrong.

    Attributes:
        code: a stable name of the kind of mistake, such as `"targets-broadcast"`.
        severity: `"error"` for what is certainly wrong, `"warning"` for what probably is.
        message: what came and what was expected, in a sentence.
        advice: what to do, in a sentence.
        path: the path of the layer that it is about, `None` where it is about none.
        source: where that layer was called, `"train.py:12"`, `None` where nobody knows.
    """

    code: str
    severity: Literal["error", "warning"]
    message: str
    advice: str
    path: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        where = " ".join(part for part in (self.path, f"({self.source})" if self.source else None) if part)
        return f"[{self.code}] {f'{where}: ' if where else ''}{self.message} {self.advice}"


class CheckError(ValueError):
    """A model that would compute something wrong; `findings` tells what."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(map(str, self.findings)))


def refuse(code: str, message: str, advice: str, path: str | None = None) -> NoReturn:
    """Raise a `CheckError` with one finding."""
    raise CheckError([Finding(code, "error", message, advice, path)])


class CheckWarning(UserWarning):
    """A model that probably computes something else than was meant."""


def tell(findings: Sequence[Finding], mode: str = "error", stacklevel: int = 2) -> None:
    """Raise the errors among the findings and warn of the others; only warn with the mode `"warn"`.

    >>> tell([])
    """
    errors = [finding for finding in findings if finding.severity == "error" and mode == "error"]
    for finding in findings:
        if finding not in errors:
            warnings.warn(str(finding), CheckWarning, stacklevel=stacklevel + 1)
    if errors:
        raise CheckError(errors)
