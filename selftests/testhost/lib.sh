# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034	# what is set here is used elsewhere
#
# What the test host's scripts share: where things are, and how to say things.
# Sourced by setup, mkroot, mkbase, mkguests, build, run and check.
#
# The cache, ${XDG_CACHE_HOME:-~/.cache}/phv, is common to all checkouts:
#
#	downloads/		the emulator's source
#	bochs-KEY/		a build of the emulator
#	roots/SUITE/		a Debian tree to build in; build/ in it has one
#				directory for each checkout
#	base-KERNEL-KEY/	kernel, initramfs and boot CD of a test host
#	guests-KEY/		a CD with the guests' kernels and initrds
#	saved/KEY/		a booted machine
#	log/			what the commands that setup ran had to say
#
# A KEY is a hash over what a thing was made from, so that nothing in there is
# ever out of date; what has not been used for a month is removed by setup.

testhost=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
checkout=$(realpath "$testhost/../..")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/phv
# what the messages begin with
me=testhost/${0##*/}

# what there is, and of it what setup makes when nobody says what
ALL_KERNELS=(6.1 6.12 6.12-debug 6.12-kcsan 6.12-gcov)
KERNELS=(6.1 6.12)

say() {
	echo "$me: $*" >&2
}

die() {
	say "$@"
	exit 125
}

# The Debian release that a kernel is from
suite_of() {
	case $1 in
	6.1)	echo bookworm ;;
	6.12*)	echo trixie ;;
	esac
}

need_kernel() {
	[[ " ${ALL_KERNELS[*]} " == *" $1 "* ]] ||
		die "kernel $1: unknown (there are ${ALL_KERNELS[*]})"
}

# With the kernel's bug finders
is_debug() {
	[[ $1 == *-debug ]]
}

# With the kernel's finder of data races
is_kcsan() {
	[[ $1 == *-kcsan ]]
}

# Counts what of phv is run
is_gcov() {
	[[ $1 == *-gcov ]]
}

# Built here: see mkkernel
is_own() {
	is_debug "$1" || is_kcsan "$1" || is_gcov "$1"
}

configs_of() {
	echo "$testhost/test.config" "$testhost/${1##*-}.config"
}

# lock FD DIRECTORY [-s]: hold DIRECTORY until this process ends
lock() {
	eval "exec $1<\"\$2\""
	flock "${3:--x}" "$1"
}

# hash FILE...: a short name for what the files hold
hash() {
	cat "$@" | sha256sum | cut -c 1-16
}

root_dir() {
	echo "$cache/roots/$(suite_of "$1")"
}

# in_root COMMAND...: run it in the tree $root
in_root() {
	env -u TMPDIR -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# Below this directory of its build root KERNEL has its boot/ and lib/modules/; a
# kernel that is not the release's own is out of the way of mkroot.
stage_of() {
	! is_own "$1" || echo "/opt/phv-$1"
}

# The file that says of what KERNEL was made: see mkroot and mkkernel
stamp_of() {
	if is_own "$1"; then
		echo "$(root_dir "$1")$(stage_of "$1")/kernel"
	else
		echo "$(root_dir "$1")/etc/phv-root"
	fi
}

# KERNEL's release, as uname -r has it
release_of() {
	sed -n 2p "$(stamp_of "$1")"
}

# The build root of KERNEL is complete, and made by the mkroot of this checkout
root_ready() {
	[ "$(sed -n 1p "$(root_dir "$1")/etc/phv-root" 2>/dev/null)" = \
		"$(hash "$testhost/mkroot")" ]
}

# KERNEL itself is there, and made by the mkkernel of this checkout
kernel_ready() {
	local configs

	read -ra configs <<<"$(configs_of "$1")"
	! is_own "$1" || [ "$(sed -n 1p "$(stamp_of "$1")" 2>/dev/null)" = \
		"$(hash "$testhost/mkkernel" "${configs[@]}")" ]
}

emulator_dir() {
	echo "$cache/bochs-$("$testhost/bochs/build" --key)"
}

base_dir() {
	echo "$cache/base-$1-$(cd "$testhost" &&
		hash mkbase init prepare agent.c activate.c testport.h \
			"$(root_dir "$1")/etc/phv-root" \
			$(! is_own "$1" || stamp_of "$1"))"
}

guests_dir() {
	local kernel

	echo "$cache/guests-$(cd "$testhost" &&
		hash mkguests guest/* $(for kernel in "${KERNELS[@]}"; do
			echo "$(root_dir "$kernel")/etc/phv-root"
		done))"
}

# all_ready KERNEL...: all is there that test hosts with these kernels need.  The
# guests are the same everywhere, and made in all build roots.
all_ready() {
	local kernel

	[ -x "$(emulator_dir)/bochs" ] || return 1
	for kernel in "${KERNELS[@]}"; do
		root_ready "$kernel" || return 1
	done
	for kernel; do
		kernel_ready "$kernel" || return 1
		[ -d "$(base_dir "$kernel")" ] || return 1
	done
	[ -d "$(guests_dir)" ]
}

# as_root COMMAND...: unless this is root, continue as COMMAND under sudo
as_root() {
	[ "$EUID" -ne 0 ] || return 0
	exec sudo XDG_CACHE_HOME="${cache%/phv}" "$@"
}
