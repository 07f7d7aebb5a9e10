#!/bin/sh
# Makes the virtual environment and installs what development needs, showing that it goes on.
#
#   sh infra/venv.sh DIRECTORY [PYTHON]
set -eu

venv=$1
wanted=${2:-}
is_supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

python=
for candidate in ${wanted:-python3.13 python3.12 python3.11 python3 python}; do
    if "$candidate" -c "$is_supported" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Stowage needs Python 3.11, 3.12 or 3.13; ${wanted:-none on the PATH} is not one." >&2
    echo "Say where it is: make ... PYTHON=/path/to/python3.12" >&2
    exit 1
fi

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "This Python $version cannot make virtual environments." >&2
    echo "On Debian and Ubuntu: apt-get install python$version-venv" >&2
    exit 1
fi

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making a virtual environment in $venv with Python $version"
    "$python" -m venv --clear "$venv"
fi

# pip's whole output goes to a file; of it, one line is shown that counts the packages.
log=$venv/install.log
failed=$venv/.failed
rm -f "$failed"
echo "Installing what development needs (log: $log); the first time takes a minute or so"
{
    PYTHONUNBUFFERED=1 "$venv/bin/python" -m pip install --disable-pip-version-check \
        --progress-bar off --no-input -r requirements-dev.txt </dev/null 2>&1 || : >"$failed"
} | tee "$log" | {
    count=0
    while read -r word name rest; do
        case $word in
        Collecting)
            count=$((count + 1))
            [ ! -t 1 ] || printf '\r\033[K  %d  %s' "$count" "${name%%[<>=!~(;[]*}"
            ;;
        Installing) [ ! -t 1 ] || printf '\r\033[K  unpacking %d packages' "$count" ;;
        esac
    done
    [ ! -t 1 ] || printf '\r\033[K'
}

if [ -e "$failed" ]; then
    rm -f "$failed"
    tail -n 15 "$log" >&2
    echo "Installing failed; the whole log is in $log" >&2
    exit 1
fi
echo "Installed."
