#!/bin/sh
# Make .venv with exactly the versions of constraints.txt. Called by make; says one line when it cannot.
#   PYTHON  the interpreter to use (3.11 or newer)
#   TORCH   what to install as torch; on Linux the CPU build by default, so that no GPU packages come along
set -u

stop() {
    echo "setup: $1" >&2
    exit 1
}

# Why pip failed, in a few words. $1: the one thing that was asked for, if it was one.
# Where no candidate fits a pinned version, pip speaks of a conflict with the pin.
reason() {
    if grep -q 'connection broken by' "$log"; then
        echo "no package index can be reached; check the network and run make again"
    elif grep -q '^ERROR: ResolutionImpossible' "$log"; then
        missing=${1:-$(sed -n 's/.*The user requested (constraint) //p' "$log" | tail -n 1)}
        echo "pip finds no $missing for $("$PYTHON" -V 2>&1)"
    else
        grep '^ERROR' "$log" | tail -n 1 | sed 's/^ERROR: //' | grep . || echo "no reason given"
    fi
}

# Run a command that writes to the log, and say every few seconds what pip is at, as it says it there.
shown() {
    "$@" >>"$log" 2>&1 &
    running=$! said=
    # A process in the background is not ended by Ctrl-C.
    trap 'kill "$running" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$running" 2>/dev/null; do
        now=$(sed -n 's/^ *\(Collecting\|Downloading\|Installing\) \([^ ]*\).*/\1 \2/p' "$log" | tail -n 1 | cut -c 1-90)
        [ -z "$now" ] || [ "$now" = "$said" ] || echo "setup:   $now"
        said=$now
        sleep 3
    done
    trap - INT TERM
    wait "$running"
}

PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null 2>&1 || stop "no $PYTHON found; install Python 3.11 or newer, or name it: make PYTHON=/path/to/python"
# A name on the PATH may be a version manager's stand-in with nothing behind it.
"$PYTHON" -c '' >/dev/null 2>&1 || stop "$PYTHON is there but does not run; name a Python that does, 3.11 or newer: make PYTHON=/path/to/python"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "Python 3.11 or newer is needed, $PYTHON is $("$PYTHON" -V 2>&1); name a newer one: make PYTHON=python3.11"

if [ -z "${TORCH:-}" ]; then
    version=$(sed -n 's/^torch==//p' constraints.txt)
    # Other systems have no GPU build under this name.
    if [ "$(uname -s)" = Linux ]; then TORCH="torch==$version+cpu"; else TORCH="torch==$version"; fi
fi

echo "setup: making .venv with $("$PYTHON" -V 2>&1) and $TORCH; this takes a minute or two, once"
rm -rf .venv
"$PYTHON" -m venv .venv 2>/dev/null || stop "$PYTHON cannot make a virtual environment; install its venv module (Debian: apt install python3-venv)"
log=.venv/install.log
: >"$log"
# torch first: whatever depends on it is then content with this build.
shown .venv/bin/python -m pip install --disable-pip-version-check "$TORCH" -c constraints.txt || {
    why=$(reason "$TORCH")
    rm -rf .venv
    case $why in
    *network*) stop "torch could not be installed: $why" ;;
    esac
    stop "torch could not be installed: $why; if pip knows no CPU builds, set PIP_EXTRA_INDEX_URL to the CPU index on pytorch.org's 'Get Started' page, or take the large standard build: make TORCH=torch==${version:-2.13.0}"
}
echo "setup: torch is there; now the $(grep -c == constraints.txt) packages of constraints.txt"
shown .venv/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]' || {
    why=$(reason)
    rm -rf .venv ./*.egg-info
    stop "the packages of constraints.txt could not be installed: $why"
}
touch .venv/ready
