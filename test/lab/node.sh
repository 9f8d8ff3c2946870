#!/bin/bash
# usage: node.sh ROOT   Adds what "npm install -g guardian" needs to a Debian 13: its Node.js and npm, and what compiles
# native modules. Its hash names the layer.
set -euo pipefail
root=$1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

in_root() { chroot "$root" "$@"; }

trap 'rm -f "$root/etc/resolv.conf"' EXIT
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
in_root apt-get -qq update
in_root apt-get -qq install -y --no-install-recommends nodejs npm g++ make python3 pkg-config libsystemd-dev
rm "$root/usr/sbin/policy-rc.d"
in_root apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
