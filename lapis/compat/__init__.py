"""Names of other libraries that stand for Lapis."""

from lapis.compat.aliases import aliases as aliases
