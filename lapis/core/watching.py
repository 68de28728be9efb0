"""Who looks at the numbers that layers, operations and optimizers compute, where anybody does."""

import threading
from typing import Any


class Watching(threading.local):
    """The watch of this thread, `None` where nobody looks; a value of the class itself is for all threads."""

    watch: Any = None


watching = Watching()
