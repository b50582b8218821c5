"""Find the exercises and settings that come with the package, from which `autograder init` makes a course.

They lie in the environment's share/, not in the package: student code in the sandbox must see the package to run, and
would read the solutions there.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from autograder.course.settings import CONFIG
from autograder.sandbox.places import PACKAGE

SHARE = Path("share", "backprop-dojo")
EXERCISES = "solutions"


def shipped(package: Path = PACKAGE) -> Path | None:
    """Return the folder that holds nbgrader_config.py and solutions/ of the distribution; None where there is none.

    package: the folder of this package. Of an installed wheel it is the environment's share/backprop-dojo; of a clone
    of the repository, or an editable installation of one, the repository itself.
    """
    own = [package.parent] if (package.parent / "pyproject.toml").is_file() else []
    # pip install --target puts share/ beside the package, every other scheme below the prefix.
    user = sysconfig.get_path("data", sysconfig.get_preferred_scheme("user"))
    schemes = (package.parent, Path(sysconfig.get_path("data")), Path(user))
    for folder in (*own, *(prefix / SHARE for prefix in schemes)):
        if (folder / CONFIG).is_file() and (folder / EXERCISES).is_dir():
            return folder
    return None
