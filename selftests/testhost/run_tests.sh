#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run selftests inside a test host: run_tests.sh [-s N] [NAME=VALUE]... TEST...
#
# TEST is a program's name, `all`, or I/N for the Ith of N shares of all, every Nth
# of them; -s skips the first N; NAME=VALUE goes to the tests' environment.  Each is run by the selftests' own runner;
# besides, the kernel's log of the time must hold nothing that splats (beside
# this script) has a pattern for.  Called by check.

set -eu

here=$(dirname "$0")
selftests=/selftests
skip=0
if [ "$1" = -s ]; then
	skip=$2
	shift 2
fi
while [ "${1#*=}" != "$1" ]; do
	export "${1?}"
	shift
done

tests=
for test; do
	case $test in
	all)
		tests="$tests $(cat $selftests/kselftest-list.txt)" ;;
	*/*)
		tests="$tests $(awk -v i="${test%/*}" -v n="${test#*/}" \
			'NR % n == i % n' $selftests/kselftest-list.txt)" ;;
	*)
		tests="$tests $(grep ":$test\$" $selftests/kselftest-list.txt ||
			echo "unknown:$test")" ;;
	esac
done

# shellcheck disable=SC2086	# the list is made of words
set -- $tests
[ "$skip" -lt $# ] || exit 0
shift "$skip"
for test; do
	dmesg -c >/dev/null
	$selftests/run_kselftest.sh -t "$test" || true
	if dmesg | grep -qE -f "$here/splats"; then
		dmesg | sed 's/^/# /'
		echo "not ok 2 selftests: $test: the kernel's log is not clean"
	fi
done
