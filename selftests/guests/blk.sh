# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What blk.c has a stock guest do with its disks; blkload and this are on the disk xvdb,
# as an archive.  A line "ok NAME" is a result.

load=/tmp/blkload

ok() {
	echo "ok $1"
}

# the rest of a command line fails with that errno
errno() {
	want=$1
	shift
	said=$("$@")
	[ "$said" = "errno $want" ] || { echo "$*: $said, not $want"; return 1; }
}

file_system() {
	modprobe ext4
	mkdir -p /m
	mke2fs -q /dev/xvda >/dev/null && mount -t ext4 /dev/xvda /m &&
		mkdir /m/bin /m/dev && cp /bin/busybox /m/bin && umount /m &&
		mount -t ext4 /dev/xvda /m && cmp /bin/busybox /m/bin/busybox &&
		[ "$(chroot /m /bin/busybox echo root)" = root ] && umount /m &&
		ok root
}

errors() {
	said=$($load once w /dev/xvdb 0 512)
	case $(cat /sys/block/xvdb/ro)$said in
	"1open: errno 13"|"1errno 1")	ok read-only ;;
	*)				echo "read-only: $said" ;;
	esac
	# 1 MiB and 1536 bytes, then as much that is read only
	[ "$(cat /sys/block/xvdc/size)" = 4102 ] &&
		errno 0 $load once w /dev/xvdc 1049600 512 &&
		errno 5 $load once w /dev/xvdc 1050112 512 &&
		errno 5 $load once w /dev/xvdc 1046528 8192 &&
		errno 0 $load once r /dev/xvdc 1046528 8192 && ok extents
	errno 5 $load once w /dev/xvdd 0 4194304 && ok no-space
	errno 0 $load once r /dev/xvde 0 65536 &&
		errno 5 $load once r /dev/xvde 2097152 4096 && ok file-error
	blkdiscard /dev/xvdf && ok discard
}

# Until the host says the next thing to do, by a disk.
wait_for() {
	i=0
	until eval "$1"; do
		i=$((i + 1))
		[ $i -lt 600 ] || exit 1
		usleep 50000
	done
}

hot() {
	echo "waiting for xvdg"
	wait_for '[ -b /dev/xvdg ]'
	ok attached
	$load load /dev/xvdg
	wait_for '[ ! -e /sys/block/xvdg ]'
	ok detached
	echo "waiting for a larger xvdf"
	# shellcheck disable=SC2016	# for eval
	wait_for '[ "$(cat /sys/block/xvdf/size)" = 16384 ]'
	errno 0 $load once w /dev/xvdf 8384512 4096 && ok resized
}

case $1 in
one)
	file_system
	errors
	hot
	$load mix /dev/xvda 4194304 1 60 && ok mix
	$load log /dev/xvda
	;;
four)
	set -- /sys/block/xvda/mq/*
	echo "queues $#"
	$load mix /dev/xvda 4194304 4 25 && ok four
	;;
root)
	# all of it is on the disk that this was started from
	load=/bin/blkload
	grep -q '^/dev/xvda / ext4 rw' /proc/mounts && ok root
	$load mix /dev/xvdb 4194304 1 25 && ok qcow2
	errno 0 $load once w /dev/xvdc 65536 4096 &&
		errno 0 $load once r /dev/xvdc 65536 4096 && sync && ok nbd
	$load files /log
	;;
esac
