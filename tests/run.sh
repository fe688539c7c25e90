#!/usr/bin/env bash
# Installs what the tests need (Debian or Ubuntu packages, when it may) and runs all of them:
# format, lints, unit, conformance, UI, command line, crash, and the real window.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    build-essential perl make                                  # SQLCipher and OpenSSL are built from source
    xvfb xauth openbox xdotool imagemagick dbus dbus-x11       # a display, a window manager, mouse and keys, pictures
    at-spi2-core python3 python3-pyatspi gir1.2-atspi-2.0 libglib2.0-bin # finding widgets by their accessible names
    libgl1 libegl1 libgl1-mesa-dri                             # OpenGL in software
    strace e2fsprogs util-linux                               # system calls that fail, mounts of a test's own
    fuse3 git rsync sqlite3                                    # mounting, and programs that work on what is mounted
    libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon0 libxkbcommon-x11-0
)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "The tests need these Debian packages or their like: ${missing[*]}" >&2
        exit 1
    elif [[ $(id -u) == 0 ]]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
    elif sudo -n true 2>/dev/null; then
        sudo apt-get update -qq
        sudo DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
    else
        echo "The tests need packages. Run this, then start again: sudo $install" >&2
        exit 1
    fi
fi

# Random tests draw the same cases every time; another seed draws others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
echo "PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED"

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step cargo fmt --all -- --check
step cargo clippy --workspace --all-targets --locked -- -D warnings
step cargo test --workspace --locked
# Everything once and small: the benchmarks work, and what they measure gives right answers.
step cargo test -p lamina-tests --bench storage --locked -- --quick
printf '\nAll tests passed.\n'
