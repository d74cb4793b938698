#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# hardening_test.sh PROGRAM...: what hardening-check of devscripts looks at, by readelf alone. /bin/true of the machine, and
# a program made without any of it, show that the look finds both.
# covers: Z10 as "the programs are hardened"
set -eu

fortifiable='str(cpy|cat|ncpy|ncat)|v?(s|sn|f)?printf|p?read|recv|recvfrom|p?poll|fgets|readlink|getcwd|realpath'

# missing PROGRAM: what it lacks, a line each.
missing()
{
	local header segments dynamic symbols
	header=$(readelf -hW "$1")
	segments=$(readelf -lW "$1")
	dynamic=$(readelf -dW "$1")
	symbols=$(readelf -sW "$1")
	grep -q 'Type:.*DYN' <<<"$header" && grep -q INTERP <<<"$segments" || echo "position-independent executable"
	grep -q GNU_RELRO <<<"$segments" || echo "read-only relocations"
	grep -qE 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || echo "immediate binding"
	grep -q __stack_chk_fail <<<"$symbols" || echo "stack protector"
	# One that calls nothing of the kind has nothing to fortify.
	if ! grep -qE ' __[a-z]+_chk@' <<<"$symbols" && grep -qE " ($fortifiable)@" <<<"$symbols"; then echo "fortified functions"; fi
	grep -qE 'GNU_STACK.* RW  ?0x' <<<"$segments" || echo "non-executable stack"
	if grep -q ' RWE ' <<<"$segments"; then echo "no memory both writable and executable"; fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#include <string.h>\nint main(int c, char **v) { char b[64]; strcpy(b, v[0]); return b[c]; }\n' >"$scratch/soft.c"
${CC:-cc} -O2 -U_FORTIFY_SOURCE -fno-stack-protector -no-pie -Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack -o "$scratch/soft" "$scratch/soft.c" 2>/dev/null
[ "$(missing "$scratch/soft" | wc -l)" = 7 ] || { echo "a program without any of it is said to lack only: $(missing "$scratch/soft")"; exit 1; }

for program; do
	lacks=$(missing "$program")
	[ -z "$lacks" ] || { echo "$program lacks: $lacks"; exit 1; }
done
echo "$# programs"
