# Every target installs what it needs first, so a fresh machine with only the Swift toolchain needs nothing else.

RELEASE = -c release --static-swift-stdlib -Xswiftc -static-executable
PREFIX ?= /usr/local

.PHONY: build release test drill sim soak golden fuzz sanitize install format check clean

build:
	etc/install-dependencies
	swift build

release:
	etc/install-dependencies
	swift build $(RELEASE) --product batond
	swift build $(RELEASE) --product baton

test:
	etc/install-dependencies test
	swift build --build-tests
	swift test --skip-build

# Rehearses failovers on this machine and measures them; DRILL passes options on, e.g. make drill DRILL="--interval 1s".
drill:
	etc/failover-drill $(DRILL)

# Draws clusters and what happens to them from seeds, for a minute on two cores; make sim SEED=n tells one seed's story,
# make soak HOURS=n goes on for so long, and OPTIONS passes options on, e.g. OPTIONS="--climate hostile".
SIMULATE = .build-simulate/release/simulate
# One thread in virtual time, which the tests run with all checks: a fifth faster without that for exclusive access.
SIMULATE_FLAGS = $(RELEASE) -Xswiftc -enforce-exclusivity=unchecked -Xswiftc -cross-module-optimization
SIM_SECONDS = 60
HOURS = 1

sim:
	etc/install-dependencies
	swift build $(SIMULATE_FLAGS) --scratch-path .build-simulate --product simulate
ifdef SEED
	$(SIMULATE) --seed $(SEED) $(OPTIONS)
else
	etc/swarm $(SIMULATE) $(SIM_SECONDS) $(OPTIONS)
endif

soak:
	$(MAKE) sim SIM_SECONDS=$$(( $(HOURS) * 3600 )) OPTIONS="--keep-going $(OPTIONS)"

# Keeps the transcripts of all scenarios as those to compare with: look at what has changed before you commit it.
golden:
	swift build $(SIMULATE_FLAGS) --scratch-path .build-simulate --product simulate
	for scenario in Tests/SimulationTests/Scenarios/*.txt; do $(SIMULATE) run --keep $$scenario || exit 1; done

# Feeds made-up bytes to everything that takes bytes from outside, each for FUZZ_SECONDS; make fuzz TARGET=node feeds one.
FUZZ_SECONDS = 60
# Of several -sanitize options the Swift compiler takes the last one alone, so the last must name both.
FUZZ_FLAGS = --sanitize address --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address

fuzz:
	etc/install-dependencies
	BATON_FUZZ=1 swift build --scratch-path .build-fuzz $(FUZZ_FLAGS) --product fuzz
	etc/fuzz .build-fuzz/debug/fuzz $(FUZZ_SECONDS) $(TARGET)

# Runs the tests once with the address sanitizer and once with the thread sanitizer; make sanitize SANITIZERS=thread runs
# one, and FILTER=name passes a filter on.
SANITIZERS = address thread

sanitize:
	etc/install-dependencies test
	for sanitizer in $(SANITIZERS); do etc/sanitize $$sanitizer $(FILTER) || exit 1; done

install: release
	install -D -m 755 "$$(swift build $(RELEASE) --show-bin-path)/batond" $(DESTDIR)$(PREFIX)/sbin/batond
	install -D -m 755 "$$(swift build $(RELEASE) --show-bin-path)/baton" $(DESTDIR)$(PREFIX)/bin/baton
	install -D -m 644 etc/batond.service $(DESTDIR)/etc/systemd/system/batond.service
	sed -i 's|@PREFIX@|$(PREFIX)|g' $(DESTDIR)/etc/systemd/system/batond.service
	install -D -m 644 etc/baton.tmpfiles.conf $(DESTDIR)/usr/lib/tmpfiles.d/baton.conf
	install -d -m 755 $(DESTDIR)/etc/baton
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/baton etc/examples/*.yaml

format:
	swift format -i -r Package.swift Sources Tests

check:
	swift format lint --strict -r Package.swift Sources Tests

clean:
	swift package clean
