#!/bin/sh
# Install the Debian packages that the tests drive; where that is not possible, say which tests will be skipped and why.
# Never fails for want of a package: the tests themselves say what they miss.
set -u

# package            what is skipped without it
wanted='
python3-venv         everything, where python3 is the one of Debian (no virtual environment)
iproute2             phones: no network namespaces to put them in
procps               phones: no sysctl to quiet their network
nftables             phones: no NAT for a phone at home
tshark               phones, sipp: nobody to judge the captures
baresip-core         phones: baresip
linphone-cli         phones: Linphone
sox                  phones: no voices
espeak-ng            phones: no voices
sip-tester           sipp: no SIPp
chromium             browser: nobody to look at the page
libzbar0             the QR code: nobody to read it
systemd              the unit of systemd: nobody to check it
kamailio             kamailio: no second opinion; bench: nobody to be compared with
'

names() {
    echo "$wanted" | while read -r name _; do
        [ -n "$name" ] && echo "$name"
    done
}

missing() {
    for name in $(names); do
        dpkg-query --show --showformat '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name"
    done
}

if ! command -v apt-get >/dev/null; then
    echo "packages: no apt-get here; tests that need these are skipped:$wanted"
    exit 0
fi

lacking=$(missing)
[ -n "$lacking" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root='sudo -n'
else
    echo 'packages: not root, and no sudo without a password; tests that need these are skipped:'
    for name in $lacking; do echo "$wanted" | grep "^$name "; done
    exit 0
fi

echo packages: installing $lacking
# Lists first: on a fresh machine they are empty, on an old one the versions in them are gone.
$root apt-get -qq update
# shellcheck disable=SC2086  # one word a package, and an empty $root is no word
$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $lacking </dev/null >/dev/null

lacking=$(missing)
if [ -n "$lacking" ]; then
    echo 'packages: apt-get did not install these, so tests that need them are skipped:'
    for name in $lacking; do echo "$wanted" | grep "^$name "; done
fi
exit 0
