#!/bin/bash
# Builds .cache/deb/guardian_VERSION_ARCH.deb with debhelper from what has been built before. Says what to install, or as
# root installs it, where debhelper is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(debhelper dpkg-dev fakeroot pkg-config)
if ! command -v dh >/dev/null || ! command -v dpkg-buildpackage >/dev/null || ! command -v fakeroot >/dev/null; then
  if [ "$(id -u)" != 0 ]; then
    echo "make deb: debhelper is missing; as root: apt-get install --no-install-recommends ${packages[*]}" >&2
    exit 2
  fi
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >&2
fi

version=$(dpkg-parsechangelog -S Version)
place=.cache/deb/guardian-$version
rm -rf .cache/deb
mkdir -p "$place"
cp -r debian docs *.md LICENSE "$place"
node --import tsx scripts/stage.ts "$place/staged"
licence=/usr/share/doc/nodejs/LICENSE
[ -f $licence ] || licence=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")/LICENSE
if [ -f "$licence" ]; then
  cp "$licence" "$place/node-LICENSE"
  echo node-LICENSE >>"$place/debian/guardian.docs"
fi
if ! (cd "$place" && dpkg-buildpackage -b -us -uc) >.cache/deb/log 2>&1; then
  tail -n 30 .cache/deb/log >&2
  exit 1
fi
rm -rf "$place"
ls .cache/deb/*.deb
