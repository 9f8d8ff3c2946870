#!/bin/bash
# usage: nix.sh DIRECTORY   Gives a Debian tree its Nix: one user, root's, without a daemon or a sandbox, that trusts
# the lab's key and asks nobody but a directory of its own disk.
set -euo pipefail
root=$1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
in_root() { chroot "$root" "$@"; }

cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
in_root apt-get -qq update
in_root apt-get -qq install -y --no-install-recommends nix-bin git curl
rm "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
in_root apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin

# It looks itself up there.
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
mkdir -p "$root/etc/nix" "$root/srv/cache" "$root/boot/loader/entries"
in_root nix-store --generate-binary-cache-key lab-1 /etc/nix/lab.secret /etc/nix/lab.public
cat >"$root/etc/nix/nix.conf" <<CONF
build-users-group =
sandbox = false
substituters = file:///srv/cache
trusted-public-keys = $(cat "$root/etc/nix/lab.public")
experimental-features = nix-command flakes
narinfo-cache-negative-ttl = 0
CONF
