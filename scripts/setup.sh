#!/bin/bash
# Makes everything ready that the build, the tests and the demo need. Does nothing where all is there; where it cannot
# install, as Node.js on a Debian 12, it says exactly what to install and ends with 2.
set -euo pipefail
cd "$(dirname "$0")/.."

node_min=20.19.0

say() { echo "setup: $*" >&2; }

die() {
  say "$1"
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 2
}

has() { command -v "$1" >/dev/null 2>&1; }

# sort -V puts the smaller first.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

postgres_there() { has postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
manager_there() { [ -x /lib/systemd/systemd ] || [ -x /usr/lib/systemd/systemd ]; }
libsystemd_there() { has pkg-config && pkg-config --exists libsystemd; }

# Debian packages of what is missing, one a line.
missing_packages() {
  has g++ && has make || echo build-essential
  has python3 || echo python3
  has pkg-config || echo pkg-config
  libsystemd_there || echo libsystemd-dev
  manager_there && has systemctl || echo systemd
  has dbus-daemon || echo dbus
  postgres_there && has psql && has pgbench || echo postgresql
  has redis-server && has redis-cli || echo redis-server
  has prometheus || echo prometheus
  if [ "$(id -u)" = 0 ] && has apt-get; then lab_packages; fi
}

# For whole machines as hosts, which root alone can start.
lab_packages() {
  has systemd-nspawn || echo systemd-container
  has debootstrap || echo debootstrap
  has ip || echo iproute2
  has nft || echo nftables
}

# A package's services are not started while it is installed: the tests start databases of their own.
install_packages() {
  local policy=/usr/sbin/policy-rc.d made=no status=0
  if [ ! -e "$policy" ]; then
    # Left behind by Ctrl-C, it would keep every later package's services from starting.
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
  fi
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >&2 || status=$?
  if [ $made = yes ]; then
    rm -f "$policy"
    trap - EXIT
  fi
  return $status
}

need_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    die "these are missing: ${packages[*]}" "on Debian, as root: apt-get install --no-install-recommends ${packages[*]}"
  fi
  say "installing ${packages[*]}"
  install_packages "${packages[@]}" || die "apt-get could not install them; what is missing: ${packages[*]}"
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -eq 0 ] || die "still missing after the installation: ${packages[*]}"
}

node_version() { node --version 2>/dev/null | tr -d v || true; }

node_fits() { has node && has npm && at_least "$(node_version)" "$node_min"; }

need_node() {
  if node_fits; then return; fi
  local here candidate
  here=$(node_version)
  candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^  Candidate: \([0-9.]*\).*/\1/p') || true
  if [ "$(id -u)" = 0 ] && [ -n "$candidate" ] && at_least "$candidate" "$node_min"; then
    say "installing nodejs $candidate and npm"
    install_packages nodejs npm || die 'apt-get could not install nodejs and npm'
    hash -r
    if node_fits; then return; fi
  fi
  die "Node.js $node_min or later with npm is needed; found: ${here:-none}; this machine's packages offer: ${candidate:-none}" \
    'Debian 13 has it: apt-get install nodejs npm' \
    'On Debian 12, whose nodejs is 18, unpack the official Linux build of Node.js 20, 22 or 24 into /usr/local:' \
    'tar -xJf node-v22.*-linux-x64.tar.xz -C /usr/local --strip-components=1'
}

# Whether what is installed is what the lock file says, and its native parts load in this Node.
modules_fit() {
  [ -f node_modules/.package-lock.json ] && node scripts/modules-fit.mjs
}

need_modules() {
  if modules_fit; then return; fi
  say 'installing the npm packages of package-lock.json (native ones are compiled)'
  local prefix
  prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
  # With the headers of this very Node at hand nothing has to be fetched for compiling.
  if [ -f "$prefix/include/node/common.gypi" ]; then export npm_config_nodedir="$prefix"; fi
  npm_config_build_from_source=true npm ci --no-audit --no-fund --loglevel=error >&2 ||
    die 'npm ci failed; see above' 'it needs either a registry that npm can reach or its packages in the npm cache'
  modules_fit || die 'npm ci succeeded, but packages are missing or their native parts do not load; see above'
}

# tap compiles its list of plugins (.taprc) into itself; as installed it has one that does not start with TypeScript 7.
need_runner() {
  if ! grep -q '@tapjs/typescript' node_modules/@tapjs/test/test-built/dist/esm/index.js; then return; fi
  say 'building the test runner'
  npx tap build >&2 || die 'npx tap build failed; see above'
}

need_packages
need_node
need_modules
need_runner
