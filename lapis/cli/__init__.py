"""The command `lapis`."""

from lapis.cli.main import main as main
from lapis.cli.run import run_script as run_script
