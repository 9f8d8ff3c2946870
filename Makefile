# `make demo` and `make test` are all a newcomer needs; each sets up what it wants first.

# Where root's programs are, which su does not always add.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: demo test build check sim bench lab lab-shell deb setup clean

demo: setup
	@node --import tsx demo/main.ts

test: build
	@npm test; status=$$?; node --import tsx scripts/sweep.ts; exit $$status

build: setup
	@npm run --silent build

check: setup
	@npm run --silent check

sim: setup
	@npm run --silent sim -- --seeds 2000

# Whole machines: Debian 12 and 13 in containers, as root.
lab: build
	@npx tap --jobs=4 'test/lab/*.test.ts'; status=$$?; node --import tsx scripts/sweep.ts; exit $$status

# A fleet of them that stays until Ctrl-C, for trying things.
lab-shell: build
	@node --import tsx test/lab/shell.ts

bench: build
	@npm run --silent bench

# A Debian package in .cache/deb, for the Debian it is built on and later ones.
deb: build
	@scripts/deb.sh

setup:
	@scripts/setup.sh

# Also ends what a killed test or demo left running.
clean:
	@if [ -d node_modules ]; then node --import tsx scripts/sweep.ts; fi
	@rm -rf dist .tap .cache
