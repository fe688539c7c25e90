#!/usr/bin/env bash
# desktop.sh COMMAND...: runs COMMAND on a desktop of its own: X server, session bus, accessibility bus, window manager.
# SCREEN (default 1400x900x24) is the size of the display.
set -u
if [[ ${LAMINA_DESKTOP:-} != inside ]]; then
    run=$(mktemp -d)
    chmod 700 "$run"
    export LAMINA_DESKTOP=inside XDG_RUNTIME_DIR=$run
    # Without -noreset the server begins anew when its last client goes, and takes the window manager along that is connecting just then.
    xvfb-run --auto-servernum --server-args "-screen 0 ${SCREEN:-1400x900x24} -noreset" dbus-run-session -- "$0" "$@"
    code=$?
    rm -rf "$run"
    exit "$code"
fi
openbox >/dev/null 2>&1 &
manager=$!
/usr/libexec/at-spi-bus-launcher --launch-immediately >/dev/null 2>&1 &
bus=$!
# Without a running screen reader the toolkit keeps its tree to itself; this is the switch a screen reader turns.
for _ in $(seq 600); do
    gdbus call --session --dest org.a11y.Bus --object-path /org/a11y/bus \
        --method org.freedesktop.DBus.Properties.Set org.a11y.Status IsEnabled '<true>' >/dev/null 2>&1 && break
    sleep 0.1
done
# A window that is there before its manager never gets the keyboard.
for _ in $(seq 600); do
    xdotool get_num_desktops >/dev/null 2>&1 && break
    sleep 0.1
done
"$@"
code=$?
kill "$manager" "$bus" 2>/dev/null
exit "$code"
