#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the tests named in kselftest-list.txt beside this script, each with the
# time limit of its collection's settings file, or KSELFTEST_TIMEOUT seconds, and
# report in TAP: the tests' own lines as comments, one result for each program.
#
# Exit status: 0 if none failed, 1 if one did, 2 for wrong usage.
# POSIX sh: it runs on machines that have no more than busybox.
set -eu

usage() {
	cat <<-EOT
		usage: run_kselftest.sh [-l] [-t COLLECTION:TEST]...
		  -l  list the tests, run none
		  -t  run this test only; may be given more than once
	EOT
}

cd "$(dirname "$0")"

tests=
while getopts lt:h option; do
	case $option in
	l) cat kselftest-list.txt; exit 0 ;;
	t) tests="$tests $OPTARG" ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -gt 0 ]; then
	usage >&2
	exit 2
fi
[ -n "$tests" ] || tests=$(cat kselftest-list.txt)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs program $2 of directory $1 in it; the exit status is the program's, or
# timeout's. Lines go out as they come, and to $scratch/output.
run_program() (
	cd "$1"
	limit=${KSELFTEST_TIMEOUT:-$(sed -n 's/^timeout=//p' settings)}
	{
		status=0
		timeout "${limit:-45}" "./$2" 2>&1 || status=$?
		echo $status >"$scratch/status"
	} | tee "$scratch/output" | while IFS= read -r line; do
		printf '# %s\n' "$line"
	done
	exit "$(cat "$scratch/status")"
)

# shellcheck disable=SC2086 # the list is made of words
set -- $tests
echo "TAP version 13"
echo "1..$#"

number=0
failed=0
for test; do
	number=$((number + 1))
	name="selftests: ${test%%:*}: ${test#*:}"
	echo "# $name"

	status=0
	run_program "${test%%:*}" "${test#*:}" || status=$?
	case $status in
	0) echo "ok $number $name" ;;
	4) echo "ok $number $name # SKIP$(sed -n 's/.*# SKIP//p' "$scratch/output" | tail -n 1)" ;;
	124) echo "not ok $number $name # TIMEOUT" ;;
	*) echo "not ok $number $name # exit=$status" ;;
	esac
	case $status in
	0 | 4) ;;
	*) failed=1 ;;
	esac
done
exit $failed
