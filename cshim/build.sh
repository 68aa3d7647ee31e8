#!/bin/sh
# Builds libiscdesk.so.1 and what belongs to it (link, headers, pkg-config and
# CMake files) into build/, or into the folder given as $1.
#
# Go makes an archive, we link it ourselves: Go's own link would export some
# sixty names and set no SONAME. nodelete is then our duty, since a Go library
# cannot leave a process.
#
# VERSION   version text (default: the file VERSION)
# TAGS      Go build tags; iscdesk_testhooks adds the exports that ctest needs
# GOEXTRA   further flags of go build, e.g. -asan
# CCEXTRA   further flags of the compiler, e.g. -fsanitize=address
# NODELETE  set to something harmless by the test that shows why it is needed
set -eu
cd "$(dirname "$0")/.."
out=${1:-build}
version=${VERSION:-$(cat VERSION 2>/dev/null || echo 0.0.0)}
tags=${TAGS:-}
cc=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out/lib/pkgconfig" "$out/lib/cmake/iscdesk" "$out/include"

# shellcheck disable=SC2086  # GOEXTRA and CCEXTRA are lists of words
CGO_ENABLED=1 CGO_CFLAGS="-O2 -g0 -DSHIM_VERSION=$version" \
	go build -buildmode=c-archive -trimpath -ldflags '-s -w' -tags "$tags" ${GOEXTRA:-} -o "$work/go.a" ./cshim

map=cshim/iscdesk.map
case ",$tags," in
*,iscdesk_testhooks,*)
	map=$work/test.map
	sed 's/global:/global: iscdesk_test_*;/' cshim/iscdesk.map >"$map"
	;;
esac

# shellcheck disable=SC2086
$cc -O2 -fPIC -c ${CCEXTRA:-} -o "$work/after.o" cshim/link/after.c
# An address-sanitizer build finds its names in the program, so -z defs is for
# the others.
defs=-Wl,-z,defs
[ -z "${CCEXTRA:-}" ] || defs=-Wl,-z,undefs
# after.o stands behind the archive: its constructor must run after Go's start.
# shellcheck disable=SC2086
$cc -shared ${CCEXTRA:-} -o "$out/lib/libiscdesk.so.1.new" \
	-Wl,--whole-archive "$work/go.a" -Wl,--no-whole-archive "$work/after.o" -lm -lpthread \
	-Wl,-soname,libiscdesk.so.1 -Wl,--version-script="$map" \
	"${NODELETE:--Wl,-z,nodelete}" "$defs" -Wl,-s -Wl,-z,relro -Wl,-z,now
mv "$out/lib/libiscdesk.so.1.new" "$out/lib/libiscdesk.so.1"
ln -sf libiscdesk.so.1 "$out/lib/libiscdesk.so"

cp cshim/include/iscdesk.h cshim/include/iscdesk.hpp cshim/include/iscdesk_load.h "$out/include/"
sed "s/@VERSION@/$version/" cshim/link/iscdesk.pc.in >"$out/lib/pkgconfig/iscdesk.pc"
sed "s/@VERSION@/$version/" cshim/link/iscdesk-config.cmake.in >"$out/lib/cmake/iscdesk/iscdesk-config.cmake"
