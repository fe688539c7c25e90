#!/bin/sh
# Makes the bundled fonts from Debian's packages fonts-inter and fonts-jetbrains-mono.
# Needs: pip install fonttools opentype-feature-freezer
#
# - `tnum` is frozen in: the toolkit sets no font features, and columns of numbers need digits of equal width.
# - `calt`, `dlig` and `liga` are dropped: they draw "->" as an arrow and "1x2" with a multiplication sign, and a file
#   name must look as it is written.
# - The family is renamed, as a changed font should be.
set -eu
cd "$(dirname "$0")"
inter=/usr/share/fonts/opentype/inter
mono=/usr/share/fonts/truetype/jetbrains-mono
keep="--unicodes=* --layout-features=kern,mark,mkmk,ccmp,locl,case --name-IDs=* --notdef-outline --glyph-names"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for weight in Regular SemiBold; do
    pyftfeatfreeze -f tnum -R "Inter/Lamina Sans" "$inter/Inter-$weight.otf" "$work/sans.otf"
    # shellcheck disable=SC2086
    pyftsubset "$work/sans.otf" $keep --output-file="LaminaSans-$weight.otf"
done
pyftfeatfreeze -f zero -R "JetBrains Mono/Lamina Mono" "$mono/JetBrainsMono-Regular.ttf" "$work/mono.ttf"
# shellcheck disable=SC2086
pyftsubset "$work/mono.ttf" $keep --output-file=LaminaMono-Regular.ttf
