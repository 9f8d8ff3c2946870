#!/bin/bash
# usage: base.sh SUITE DIRECTORY   Makes the tree that every host of a suite starts from. Its hash names the tree, so
# that a change here makes a new one.
set -euo pipefail
suite=$1 root=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

in_root() { chroot "$root" "$@"; }

mirror=http://deb.debian.org/debian
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libpam-systemd,ca-certificates "$suite" "$root" "$mirror"

# Units are enabled, not started, while packages are installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
in_root apt-get -qq install -y --no-install-recommends polkitd postgresql redis-server ifupdown iproute2 iputils-ping procps faketime
rm "$root/usr/sbin/policy-rc.d"
in_root apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin

# The databases are there for every host and are started on the one that is told to.
in_root systemctl disable postgresql.service redis-server.service
in_root systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer man-db.timer \
  e2scrub_all.timer fstrim.timer dpkg-db-backup.timer getty.target console-getty.service systemd-firstboot.service
printf 'host all all 198.18.0.0/15 trust\n' >>"$(echo "$root"/etc/postgresql/*/main/pg_hba.conf)"
cat >"$(echo "$root"/etc/postgresql/*/main/conf.d)/lab.conf" <<'CONF'
listen_addresses = '*'
log_destination = 'stderr,syslog'
CONF
sed -i -e 's/^bind .*/bind 0.0.0.0/' -e 's/^protected-mode .*/protected-mode no/' \
  -e 's/^# syslog-enabled .*/syslog-enabled yes/' "$root/etc/redis/redis.conf"
# A dependent in distress is heard to the end.
mkdir "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
# Nothing of this machine goes into the tree.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: >"$root/etc/machine-id"
