# What an instance does with a release, as user data of its launch template.
#
# Before this script stand the lines that Turnout writes (user_data.py): which object to run, TURNOUT_ARTIFACT_*, and
# the application's environment as positional parameters, one NAME=value each. Nothing of it is exported here, so
# whatever the settings are called, this script runs as it would without them.
#
# As root where systemd runs (an instance in AWS) the application becomes the unit `turnout`, run by the user `turnout`:
# started again when it ends, and when the instance boots, which user data is not. The unit runs this script, too, which
# TURNOUT_START tells where everything lies. Anywhere else this process becomes the application.
# TURNOUT_LOCAL_PORT is set by the local stack alone, whose instances are processes of one machine: each has a port of
# its own there, and no user and no unit is made.

set -u
umask 022
say() { echo "turnout: $*" >&2; }
fail() { say "$*"; exit 1; }

fetch() {
    for attempt in 1 2 3 4 5 6 7 8 9 10; do # the credentials of a fresh instance come late
        aws s3api get-object --bucket "$TURNOUT_ARTIFACT_BUCKET" --key "$TURNOUT_ARTIFACT_KEY" \
            --version-id "$TURNOUT_ARTIFACT_VERSION" "$1" >/dev/null && return
        say "fetching s3://$TURNOUT_ARTIFACT_BUCKET/$TURNOUT_ARTIFACT_KEY failed, attempt $attempt of 10"
        sleep 3
    done
    fail "gave up fetching version $TURNOUT_ARTIFACT_VERSION of s3://$TURNOUT_ARTIFACT_BUCKET/$TURNOUT_ARTIFACT_KEY"
}

unpack() {
    if command -v unzip >/dev/null; then unzip -q -o "$1" -d "$2"; else python3 -m zipfile -e "$1" "$2"; fi
}

have_user() {
    id turnout >/dev/null 2>&1 || useradd --system --no-create-home --home-dir /opt/turnout --shell /sbin/nologin turnout
}

become() {
    cd "$root/app" || exit
    unset TURNOUT_START
    exec env "$@" /bin/sh -c "$(sed -n 's/^web:[[:space:]]*//p' Procfile | tr -d '\r' | head -n 1)"
}

unit() {
    cat <<END
[Unit]
Description=What Turnout released here
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
User=turnout
Environment=TURNOUT_START=$root
ExecStart=/bin/sh $root/user-data
Restart=always
RestartSec=2
[Install]
WantedBy=multi-user.target
END
}

root=${TURNOUT_START:-}
[ -z "$root" ] || become "$@"

mode=plain
if [ -z "${TURNOUT_LOCAL_PORT:-}" ]; then
    [ "$(id -u)" != 0 ] || mode=user
    [ "$mode" != user ] || [ ! -d /run/systemd/system ] || mode=service
else
    set -- "$@" "PORT=$TURNOUT_LOCAL_PORT"
fi

if [ "$mode" = service ]; then root=/opt/turnout; rm -rf "$root"; mkdir -p "$root"; else root=$(mktemp -d) || exit 1; fi
fetch "$root/artifact.zip"
found=$(sha256sum "$root/artifact.zip" | cut -d ' ' -f 1)
[ "$found" = "$TURNOUT_ARTIFACT_SHA256" ] || fail "the artifact's sha256 is $found, not $TURNOUT_ARTIFACT_SHA256; it is not run"
mkdir "$root/app" && unpack "$root/artifact.zip" "$root/app" && chmod -R u+rwX,go+rX "$root/app" || fail "the artifact cannot be unpacked"
rm "$root/artifact.zip"
grep -q '^web:' "$root/app/Procfile" 2>/dev/null || fail "the artifact has no Procfile with a line \`web:\`"

if [ "$mode" = plain ]; then become "$@"; fi
# Started again, this very script gives the application the same environment. What is in it is nobody else's to read.
install -m 600 "$0" "$root/user-data" && have_user && chmod 755 "$root" && chown -R turnout:turnout "$root/app" "$root/user-data" ||
    fail "there is no user to run the application as"
if [ "$mode" = user ]; then TURNOUT_START=$root exec setpriv --reuid turnout --regid turnout --clear-groups /bin/sh "$root/user-data"; fi
unit >/etc/systemd/system/turnout.service
systemctl daemon-reload && systemctl enable turnout && exec systemctl restart --no-block turnout
