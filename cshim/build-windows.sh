#!/bin/sh
# Builds iscdesk64.dll and the 32-bit iscdesk.dll with MinGW, and what belongs to
# them (import library for MinGW, .def for MSVC, headers), into build/windows, or
# into the folder given as $1. As build.sh: Go makes an archive, we link it.
#
# ARCHS     which: x64, x86 or both (default)
# VERSION, TAGS, GOEXTRA  as in build.sh
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/windows}
version=${VERSION:-$(cat VERSION 2>/dev/null || echo 0.0.0)}
tags=${TAGS:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out/include"
cp cshim/include/iscdesk.h cshim/include/iscdesk.hpp cshim/include/iscdesk_load.h "$out/include/"

# What leaves the library is the list of the Linux one.
exports=$(sed -n 's/^ *\(iscdesk_[a-z_0-9]*\);$/    \1/p' cshim/iscdesk.map)
case ",$tags," in
*,iscdesk_testhooks,*) exports="$exports
    iscdesk_test_fault
    iscdesk_test_runtime" ;;
esac
# 1.2.3-rc1 as Windows counts: four numbers
numbers=$(echo "${version%%[!0-9.]*}.0.0.0" | tr -s . | cut -d . -f 1-4 | tr . ,)

# library NAME GOARCH PREFIX FOLDER: one DLL. Two things are taken out of Go's
# archive: the words to export what Go exports (.drectve), since the .def alone
# decides, and the start of Go's runtime at load (.ctors, see link/start_windows.c).
library() {
	name=$1 goarch=$2 cc=$3-gcc dir=$out/$4
	mkdir -p "$dir"
	flags="-O2 -g0 -DSHIM_VERSION=$version"
	# One base for all, since ld would make it of the output's path; the system moves it.
	base=-Wl,--dynamicbase,--nxcompat,--image-base,0x64000000
	# Hosts of 32 bit may call with a stack that is aligned to 4 bytes only.
	[ "$goarch" != 386 ] || flags="$flags -mstackrealign"
	[ "$goarch" = 386 ] || base=-Wl,--dynamicbase,--nxcompat,--high-entropy-va,--image-base,0x180000000
	# shellcheck disable=SC2086  # GOEXTRA is a list of words
	CGO_ENABLED=1 GOOS=windows GOARCH=$goarch CC=$cc CGO_CFLAGS=$flags \
		go build -buildmode=c-archive -trimpath -buildvcs=false -ldflags '-s -w' -tags "$tags" ${GOEXTRA:-} -o "$work/$4.a" ./cshim
	"$3-objcopy" --remove-section=.drectve --remove-section=.ctors "$work/$4.a"
	$cc -O2 -c -o "$work/$4.start.o" cshim/link/start_windows.c
	printf 'LIBRARY %s.dll\nEXPORTS\n%s\n' "$name" "$exports" >"$work/$name.def"
	sed "s/@NAME@/$name.dll/; s/@VERSION@/$version/; s/@NUMBERS@/$numbers/" cshim/link/iscdesk.rc.in >"$work/$4.rc"
	"$3-windres" "$work/$4.rc" "$work/$4.res.o"
	$cc -shared -static-libgcc -o "$dir/$name.dll.new" \
		-Wl,--whole-archive "$work/$4.a" -Wl,--no-whole-archive "$work/$4.start.o" "$work/$4.res.o" "$work/$name.def" -lntdll \
		-Wl,--out-implib,"$work/lib$name.dll.a" "$base" -Wl,--no-insert-timestamp -Wl,-s
	mv "$work/lib$name.dll.a" "$work/$name.def" "$dir/"
	mv "$dir/$name.dll.new" "$dir/$name.dll"
}

for arch in ${ARCHS:-x64 x86}; do
	case $arch in
	x64) library iscdesk64 amd64 x86_64-w64-mingw32 x64 ;;
	x86) library iscdesk 386 i686-w64-mingw32 x86 ;;
	*)
		echo "ARCHS: x64, x86 or both, not $arch" >&2
		exit 2
		;;
	esac
done
