# SPDX-License-Identifier: GPL-2.0-only
#
# phv: build, install, try and test. `make help` lists the targets.
#
# The kernel's build system reads Kbuild, not this file.

KREL	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KREL)/build
PREFIX	?= /usr/local
DESTDIR	?=

# Without pahole the module just has no BTF.
no_btf	 = $(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)
kbuild	 = $(MAKE) -C $(KDIR) M=$(CURDIR) W=1 $(no_btf)
testhost = selftests/testhost

.PHONY: all
all: module tools

.PHONY: help
help:
	@echo 'On any machine, with or without VMX (set-up included):'
	@echo '  demo        - boot an emulated VMX machine and show what phv does'
	@echo '  check       - run every test in emulated VMX machines'
	@echo '  check-debug - all of it on kernels with bug finders, built first (20 minutes)'
	@echo '  coverage    - what the tests run of the module and the tools: coverage/table'
	@echo '  soak        - keep a machine busy for TIME seconds, with OPTIONS of run'
	@echo '  bench       - measure, beside KVM, in an emulated VMX machine: bench.json'
	@echo '  fuzz        - look for bugs at random, in the same: each fuzzer for TIME seconds'
	@echo
	@echo 'Build:'
	@echo '  all         - module and tools (default)'
	@echo '  module      - phv.ko for the kernel in KDIR ($(KDIR))'
	@echo '  tools       - the user-space programs'
	@echo '  selftests   - the test programs'
	@echo '  sparse      - module, checked by sparse'
	@echo '  checkpatch  - kernel style, with checkpatch.pl of CHECKPATCH or KDIR'
	@echo '  clean       - remove what builds leave behind'
	@echo
	@echo 'On a host with VMX, as root:'
	@echo '  install     - module, tools and udev rule under DESTDIR, tools in PREFIX ($(PREFIX))'
	@echo '  load        - insmod phv.ko as built here'
	@echo '  unload      - rmmod phv'
	@echo '  check-here  - run the tests on this machine; says what was skipped and why'

.PHONY: module sparse
module:
	+$(kbuild) modules
sparse:
	+$(kbuild) C=2 CF=-Wsparse-error modules

.PHONY: tools selftests
tools:
	$(MAKE) -C userspace
selftests:
	$(MAKE) -C selftests

.PHONY: install
install: module tools
	+$(kbuild) modules_install INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates
	$(MAKE) -C userspace install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)

.PHONY: load unload
load: module
	insmod phv.ko
unload:
	rmmod phv

.PHONY: demo check check-debug check-here coverage soak bench fuzz
demo:
	$(testhost)/setup
	$(testhost)/demo
check:
	$(testhost)/setup 6.1 6.12 6.12-debug
	$(testhost)/check
check-debug:
	$(testhost)/setup 6.12-debug 6.12-kcsan
	$(testhost)/check $(testhost)/plan-debug
coverage:
	$(testhost)/setup 6.12-gcov
	$(testhost)/coverage
soak:
	$(testhost)/setup 6.12
	$(testhost)/soak $(TIME) $(OPTIONS)
bench:
	$(testhost)/setup 6.12
	selftests/bench/run
# The machine's seconds, not ours; it has time for the last findings to be made small.
TIME	  ?= 60
SEED	  ?= $(shell date +%s)
FUZZERS	  ?= ioctl_fuzz pv_fuzz raw_guest
FUZZ_HOST ?= --cpus 2
fuzz:
	$(testhost)/setup
	status=0; for fuzzer in $(FUZZERS); do \
		$(testhost)/run $(FUZZ_HOST) --timeout $$((600 + $(TIME) * 20)) -- \
			env PHV_FUZZ_SECONDS=$(TIME) PHV_FUZZ_SEED=$(SEED) \
			/selftests/phv/$$fuzzer || status=1; \
	done; exit $$status
check-here: module tools selftests
	$(MAKE) -C selftests run_tests PHV_MODULE=$(CURDIR)/phv.ko

CHECKPATCH ?= $(KDIR)/scripts/checkpatch.pl
.PHONY: checkpatch
checkpatch:
	$(CHECKPATCH) --strict --no-tree --no-summary --show-types \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON,CAMELCASE,ENOSYS \
		-f $(shell git ls-files '*.[chS]')

.PHONY: clean
clean:
	-$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	$(MAKE) -C userspace clean
	$(MAKE) -C selftests clean
