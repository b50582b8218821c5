#!/bin/bash
# Makes source/environment with what grading needs. The platform runs it once, as root, when the bundle is uploaded.
#   AUTOGRADER_ROOT  the folder that holds source/; /autograder unless told
#   PYTHON           the interpreter to use (3.11 or newer); looked for, and installed where there is none
set -eu
cd "${AUTOGRADER_ROOT:-/autograder}/source"

fits() { command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -z "${PYTHON:-}" ]; then
    for PYTHON in python3.13 python3.12 python3.11 python3; do
        if fits "$PYTHON"; then break; fi
    done
    if ! fits "$PYTHON"; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q
        for PYTHON in python3.13 python3.12 python3.11; do
            if apt-get install -y -q --no-install-recommends "$PYTHON" "$PYTHON-venv"; then break; fi
        done
    fi
fi
fits "$PYTHON" || { echo "setup: Python 3.11 or newer is needed; choose a newer image of the platform" >&2; exit 1; }

"$PYTHON" -m venv environment
pip() { environment/bin/python -m pip --disable-pip-version-check -q "$@"; }
@INDEX@
# torch first: whatever depends on it is then content with this build. The CPU build where pip knows one.
pip install "@TORCH@" -c constraints.txt || pip install "@PLAIN_TORCH@" -c constraints.txt
pip install -r requirements.txt -c constraints.txt
cp -r autograder "$(environment/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/"
# Hidden cases that were too large to bring along.
environment/bin/python -I -m autograder.lms.run_bundle --prepare "$PWD/.."
# The secret and the cases are for the grader's account only.
chmod -R go-rwx course
