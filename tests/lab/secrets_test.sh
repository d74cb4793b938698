#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The password, what is stretched from it, and every key of the key log are nowhere: not on the wire, in logs or
# history, on a command line, in an environment, or in what the members answer.
# covers: K9
. "$(dirname "$0")/_init.sh"

$lab up --key-log "$scratch/keys" --capture "$scratch/heartbeats.pcap"
mkdir "$scratch/seen"
cp /run/systole/lab/m1.conf "$scratch/m1.conf"
for member in m1 m2; do
	pid=$(for pid in $(ip netns pids sys-$member); do [ "$(cat "/proc/$pid/comm")" != systoled ] || echo "$pid"; done)
	[ -n "$pid" ] || fail "no systoled in $member"
	cat "/proc/$pid/cmdline" >"$scratch/seen/$member.cmdline"
	cat "/proc/$pid/environ" >"$scratch/seen/$member.environ"
	for words in "get system ha status" "show system ha" "show full-configuration system ha" "diagnose sys ha status" \
		"diagnose sys ha dump-by group" "diagnose sys ha history read" "events"; do
		$lab exec $member -- systolectl $words </dev/null >>"$scratch/seen/$member.answers" 2>&1 || true
		$lab exec $member -- systolectl -j $words </dev/null >>"$scratch/seen/$member.answers" 2>&1 || true
	done
	cp -r /var/lib/systole/$member "$scratch/seen/$member.state"
	cp /run/systole/lab/$member.log "$scratch/seen/"
done
$lab down
cp "$scratch/heartbeats.pcap" "$scratch/seen/"
python3 - "$scratch/m1.conf" "$scratch/keys" "$scratch/seen" <<'EOF' || fail "a secret is out"
import base64, hashlib, pathlib, re, sys
configuration, keys, seen = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
password = re.search(r'set password "(.+)"', configuration)[1].encode()
group, name = int(re.search(r"set group-id (\d+)", configuration)[1]), re.search(r'set group-name "(.+)"', configuration)[1]
salt = b"HAKE-1 prs" + group.to_bytes(2, "big") + name.encode()
secrets = {"password": password, "PRS": hashlib.scrypt(password, salt=salt, n=32768, r=8, p=1, dklen=32, maxmem=1 << 26)}
for line in (keys / "esp_sa").read_text().splitlines():
    for key in re.findall(r'"0x([0-9a-f]{32,})"', line):
        secrets[f"key {key[:4]}... of {line.split(',')[3]}"] = bytes.fromhex(key)
        if "GCM" in line:  # the cipher key apart from its salt
            secrets[f"cipher key {key[:4]}... of {line.split(',')[3]}"] = bytes.fromhex(key[:32])
assert len(secrets) >= 2 + 8, f"only {len(secrets)} secrets are known"
texts = {path: path.read_bytes() for path in seen.rglob("*") if path.is_file()}
wire = next(text for path, text in texts.items() if path.name == "heartbeats.pcap")
assert b"SYS0000000000001" in wire and name.encode() in wire, "the search does not find what is there"
searched = {path.suffix for path, text in texts.items() if text}
assert {".log", ".answers", ".cmdline", ".environ", ".pcap"} <= searched, f"nothing to search: {searched}"
for what, secret in secrets.items():
    digits = secret.hex()
    forms = {secret, digits.encode(), digits.upper().encode(), base64.b64encode(secret).rstrip(b"=")}
    for path, text in texts.items():
        assert not any(form in text for form in forms), f"the {what} is in {path.name}"
print(f"{len(secrets)} secrets, {len(texts)} files, {sum(map(len, texts.values()))} bytes")
EOF
