# SPDX-License-Identifier: GPL-2.0-only
#
# Programs with guest code, see guest/vm.h. Included by the Makefile beside,
# which lists them in GUEST_PROGS.
#
# Guest code has the stack and the registers for itself: no red zone that an
# interrupt would overwrite, no vector registers, no canary in a segment that
# isn't there.  The image has a fixed address, below 4 GiB, for 32-bit code.

guest_cflags := -Iguest -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
		-fcf-protection=none -fno-pie -fno-strict-aliasing
guest_objects := $(addprefix $(out)/guest/,entry.o guest.o kvm.o phv.o test.o vm.o xen.o xen_call.o)
guest_common := phvtest.c vmx_msrs.c
guest_headers := guest/entry.h guest/guest.h guest/vm.h guest/xen.h kselftest.h phvtest.h \
		 vmx_msrs.h ../uapi/phv.h
guest_programs := $(addprefix $(out)/,$(GUEST_PROGS) bench/bench)
guest_build = $(CC) $(cflags) $(guest_cflags) $(CPPFLAGS) $(CFLAGS)

$(out)/guest/%.o: guest/%.c $(guest_headers) guest/guest.mk
	@mkdir -p $(@D)
	$(guest_build) -c -o $@ $<

$(out)/guest/%.o: guest/%.S guest/guest.mk
	@mkdir -p $(@D)
	$(guest_build) -c -o $@ $<

# A program may have guest code in an assembler file beside it.
.SECONDEXPANSION:
$(guest_programs): $(out)/%: %.c $$(wildcard $$*.S) $(guest_objects) \
		   $(guest_common) $(guest_headers)
	@mkdir -p $(@D)
	$(guest_build) $(LDFLAGS) -no-pie -o $@ $(filter %.c %.S %.o,$^) $(libs)

$(out)/memory $(out)/memory_dirty $(out)/memory_host: memory.h
$(out)/memory_host: leak.c leak.h
$(out)/fault_injection $(out)/fault_guest: fault.h
$(out)/fault_injection: leak.c leak.h
$(out)/ioctl_fuzz: ioctl_fuzz_calls.c ioctl_fuzz.h fuzz.h leak.c leak.h
$(out)/pv_fuzz: fuzz.h
$(out)/pv_memory $(out)/pv_grant $(out)/fault_injection $(out)/fault_guest: memory.h pv_memory.h
$(out)/fpu: fpu.h
$(out)/raw_guest: raw_guest_case.c raw_guest.h fuzz.h
$(out)/pv_runstate $(out)/pv_sched $(out)/pv_time: xen_time.h
$(out)/pv_evtchn $(out)/pv_evtchn_user $(out)/pv_fifo: evtchn.h lapic.h
# The next kernel has no libraries.
$(out)/kexec: libs += -static
